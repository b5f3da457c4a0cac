/** The peers of a group laid end to end, each as long as its weight: how `ip_hash` and `hash` map a number to a peer. */
import type { Peer, PeerGroup } from "./peer.ts";

/** Unavailable peers a hashing or random method passes over before round robin takes the request (nginx). */
export const MAX_MISSES = 20;

/** The peer that covers `at`, 0 <= at < group.totalWeight. */
export function peerAtWeight(group: PeerGroup, at: number): Peer {
  const peers = group.peers;
  let i = 0;
  let rest = at;
  while (rest >= peers[i]!.weight) rest -= peers[i++]!.weight;
  return peers[i]!;
}

/** `least_conn`: the fewest connections per weight; round robin among equals (ngx_http_upstream_least_conn_module.c). */
import { Attempt, type Balancer } from "./balancer.ts";
import type { Peer, PeerGroup } from "./peer.ts";
import { freePeer, gain, nextRoundRobin } from "./round-robin.ts";

function nextLeastConn(attempt: Attempt): Peer | undefined {
  if (attempt.group.single) return nextRoundRobin(attempt);
  do {
    const peer = leastLoaded(attempt, attempt.group);
    if (peer !== undefined) return attempt.hold(peer);
  } while (attempt.toBackup());
  return undefined;
}

function leastLoaded(attempt: Attempt, group: PeerGroup): Peer | undefined {
  const nowMs = attempt.input.nowMs;
  const peers = group.peers;
  let best: Peer | undefined;
  let ties = false;
  for (let i = 0; i < peers.length; i++) {
    const peer = peers[i]!;
    if (attempt.tried(peer) || !peer.available(nowMs)) continue;
    const difference = best === undefined ? -1 : peer.conns * best.weight - best.conns * peer.weight;
    if (difference < 0) {
      best = peer;
      ties = false;
    } else if (difference === 0) {
      ties = true;
    }
  }
  if (best === undefined || !ties) return best;

  let total = 0;
  const least = best;
  for (let i = least.index; i < peers.length; i++) {
    const peer = peers[i]!;
    if (peer.conns * least.weight !== least.conns * peer.weight) continue;
    if (attempt.tried(peer) || !peer.available(nowMs)) continue;
    total += gain(peer);
    if (peer.currentWeight > best.currentWeight) best = peer;
  }
  best.currentWeight -= total;
  return best;
}

/** The method of `least_conn`. */
export function leastConn(group: PeerGroup): Balancer {
  return {
    name: "least_conn",
    begin: (input) => new Attempt(input, group),
    next: nextLeastConn,
    free: freePeer,
  };
}

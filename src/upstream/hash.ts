/** `hash KEY`: the key's CRC-32 chooses along the weights, as Cache::Memcached does (ngx_http_upstream_hash_module.c). */
import { crc32 } from "node:zlib";
import { Attempt, type Balancer } from "./balancer.ts";
import type { Peer, PeerGroup } from "./peer.ts";
import { freePeer, nextRoundRobin } from "./round-robin.ts";
import { MAX_MISSES, peerAtWeight } from "./weight-line.ts";

/** CRC-32 of a text of one char per byte, going on from the value of what came before it. */
export function crc32Latin1(text: string, before: number): number {
  // node:zlib would encode a string as UTF-8.
  return crc32(Buffer.from(text, "latin1"), before);
}

function nextHash(attempt: Attempt): Peer | undefined {
  const group = attempt.group;
  const key = attempt.key;
  if (attempt.misses > MAX_MISSES || group.peers.length < 2 || key === "") return nextRoundRobin(attempt);
  const nowMs = attempt.input.nowMs;
  for (;;) {
    const prefix = attempt.rehash > 0 ? String(attempt.rehash) : "";
    attempt.hash += (crc32Latin1(prefix + key, 0) >>> 16) & 0x7fff;
    attempt.rehash++;
    const peer = peerAtWeight(group, attempt.hash % group.totalWeight);
    if (!attempt.tried(peer) && peer.available(nowMs)) return attempt.hold(peer);
    if (++attempt.misses > MAX_MISSES) return nextRoundRobin(attempt);
  }
}

/** Starts an attempt with its key evaluated. */
export function beginWithKey(group: PeerGroup): Balancer["begin"] {
  return (input) => {
    const attempt = new Attempt(input, group);
    attempt.key = input.hashKey();
    return attempt;
  };
}

/** The method of `hash KEY`. */
export function hash(group: PeerGroup): Balancer {
  return { name: "hash", begin: beginWithKey(group), next: nextHash, free: freePeer };
}

/** `ip_hash`: the same client address, the same peer that nginx chooses (ngx_http_upstream_ip_hash_module.c). */
import { Attempt, type Balancer } from "./balancer.ts";
import type { Peer, PeerGroup } from "./peer.ts";
import { freePeer, nextRoundRobin } from "./round-robin.ts";
import { MAX_MISSES, peerAtWeight } from "./weight-line.ts";

/** Seed, factor and modulus of nginx's address hash. */
const SEED = 89;
const FACTOR = 113;
const MODULUS = 6271;

/** Of an IPv4 address the last byte is left out, so that a /24 network stays together. */
const IPV4_BYTES_HASHED = 3;

/** What stands in for the address of a client on a Unix socket. */
const NO_ADDRESS = new Uint8Array(IPV4_BYTES_HASHED);

function nextIpHash(attempt: Attempt): Peer | undefined {
  const group = attempt.group;
  if (attempt.misses > MAX_MISSES || group.peers.length < 2) return nextRoundRobin(attempt);
  let address = attempt.input.clientAddress();
  if (address.length === 0) address = NO_ADDRESS;
  const length = address.length === 16 ? 16 : IPV4_BYTES_HASHED;
  const nowMs = attempt.input.nowMs;
  for (;;) {
    let hash = attempt.hash;
    for (let i = 0; i < length; i++) hash = (hash * FACTOR + address[i]!) % MODULUS;
    attempt.hash = hash;
    const peer = peerAtWeight(group, hash % group.totalWeight);
    if (!attempt.tried(peer) && peer.available(nowMs)) return attempt.hold(peer);
    if (++attempt.misses > MAX_MISSES) return nextRoundRobin(attempt);
  }
}

/** The method of `ip_hash`. */
export function ipHash(group: PeerGroup): Balancer {
  return {
    name: "ip_hash",
    begin(input) {
      const attempt = new Attempt(input, group);
      attempt.hash = SEED;
      return attempt;
    },
    next: nextIpHash,
    free: freePeer,
  };
}

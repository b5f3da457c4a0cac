/** `random` and `random two [least_conn]` (ngx_http_upstream_random_module.c). */
import { Attempt, type Balancer } from "./balancer.ts";
import type { Peer, PeerGroup } from "./peer.ts";
import { freePeer, nextRoundRobin } from "./round-robin.ts";
import { MAX_MISSES, peerAtWeight } from "./weight-line.ts";

/** A number in [0, 1): Math.random, or a seeded one in tests. */
export type RandomSource = () => number;

function pick(group: PeerGroup, random: RandomSource): Peer {
  return peerAtWeight(group, Math.floor(random() * group.totalWeight));
}

function nextRandom(attempt: Attempt, random: RandomSource): Peer | undefined {
  const group = attempt.group;
  if (attempt.misses > MAX_MISSES || group.peers.length < 2) return nextRoundRobin(attempt);
  const nowMs = attempt.input.nowMs;
  for (;;) {
    const peer = pick(group, random);
    if (!attempt.tried(peer) && peer.available(nowMs)) return attempt.hold(peer);
    if (++attempt.misses > MAX_MISSES) return nextRoundRobin(attempt);
  }
}

/** Draws two different peers and keeps the one with fewer connections per weight. */
function nextOfTwo(attempt: Attempt, random: RandomSource): Peer | undefined {
  const group = attempt.group;
  if (attempt.misses > MAX_MISSES || group.peers.length < 2) return nextRoundRobin(attempt);
  const nowMs = attempt.input.nowMs;
  let first: Peer | undefined;
  for (;;) {
    const peer = pick(group, random);
    if (peer !== first && !attempt.tried(peer) && peer.available(nowMs)) {
      if (first !== undefined) {
        const fewer = peer.conns * first.weight > first.conns * peer.weight ? first : peer;
        return attempt.hold(fewer);
      }
      first = peer;
    } else if (++attempt.misses > MAX_MISSES) {
      return nextRoundRobin(attempt);
    }
  }
}

/** `random`, or with `two` the less loaded of two draws. */
export function randomChoice(group: PeerGroup, two: boolean, random: RandomSource): Balancer {
  const next = two ? nextOfTwo : nextRandom;
  return {
    name: "random",
    begin: (input) => new Attempt(input, group),
    next: (attempt) => next(attempt, random),
    free: freePeer,
  };
}

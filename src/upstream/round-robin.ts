/** Smooth weighted round robin, nginx's default, and what all methods fall back to (ngx_http_upstream_round_robin.c). */
import { Attempt, type Balancer, type ChoiceInput } from "./balancer.ts";
import type { Peer, PeerGroup } from "./peer.ts";

/** The next peer in turn, from the backups where no primary peer is available. Hot. */
export function nextRoundRobin(attempt: Attempt): Peer | undefined {
  do {
    const group = attempt.group;
    const peer = group.single ? onlyPeer(group) : smoothest(attempt, group.peers);
    if (peer !== undefined) return attempt.hold(peer);
  } while (attempt.toBackup());
  return undefined;
}

/** A single peer is asked even when it just failed: refusing would turn one error into ten seconds of errors. */
function onlyPeer(group: PeerGroup): Peer | undefined {
  const peer = group.peers[0]!;
  if (peer.down || peer.draining) return undefined;
  return peer.maxConns > 0 && peer.conns >= peer.maxConns ? undefined : peer;
}

/**
 * Each peer gains its effective weight, the one with the most is chosen and pays the sum: of weights 5, 1, 1 comes
 * a a b a c a a, not a a a a a b c.
 */
export function smoothest(attempt: Attempt, peers: readonly Peer[]): Peer | undefined {
  const nowMs = attempt.input.nowMs;
  let best: Peer | undefined;
  let total = 0;
  for (let i = 0; i < peers.length; i++) {
    const peer = peers[i]!;
    if (attempt.tried(peer) || !peer.available(nowMs)) continue;
    total += gain(peer);
    if (best === undefined || peer.currentWeight > best.currentWeight) best = peer;
  }
  if (best !== undefined) best.currentWeight -= total;
  return best;
}

/** One round for one peer: adds its effective weight, which recovers by one, and returns what was added. */
export function gain(peer: Peer): number {
  const weight = peer.effectiveWeight;
  peer.currentWeight += weight;
  if (weight < peer.weight) peer.effectiveWeight++;
  return weight;
}

/** Gives a peer back and counts its failure or clears its failures (ngx_http_upstream_free_round_robin_peer). */
export function freePeer(attempt: Attempt, failed: boolean): void {
  const peer = attempt.peer;
  if (peer === undefined) return;
  attempt.peer = undefined;
  attempt.disabled = false;
  peer.conns--;
  if (attempt.group.single) {
    attempt.tries = 0;
    return;
  }
  if (failed) {
    const nowMs = attempt.input.nowMs;
    peer.fails++;
    peer.accessedMs = nowMs;
    peer.checkedMs = nowMs;
    if (peer.maxFails > 0) {
      peer.effectiveWeight = Math.max(0, peer.effectiveWeight - Math.floor(peer.weight / peer.maxFails));
      attempt.disabled = peer.fails >= peer.maxFails;
    }
  } else if (peer.accessedMs < peer.checkedMs) {
    // It was checked after its last failure and held.
    peer.fails = 0;
  }
  if (attempt.tries > 0) attempt.tries--;
}

/** The method of an upstream that names none. */
export function roundRobin(group: PeerGroup): Balancer {
  return {
    name: "round_robin",
    begin: (input: ChoiceInput) => new Attempt(input, group),
    next: nextRoundRobin,
    free: freePeer,
  };
}

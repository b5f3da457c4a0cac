/**
 * Peers that an operator keeps from new requests while the proxy runs. The mark stands in the memory of the counters: all
 * workers heed it, those too that start later, and a reload leaves it.
 */
import { metricsMemory } from "../metrics/attached-metrics.ts";
import { NOWHERE, PEER_DRAINED } from "../metrics/cells.ts";
import type { Peer } from "./peer.ts";
import type { UpstreamSet } from "./upstream-set.ts";

/** Tells all workers that a mark has changed. */
let announce: () => void = () => {};

/** Names who brings `heedOperator` about in all workers. */
export function onOperatorDrain(tellAll: () => void): void {
  announce = tellAll;
}

/** Whether an operator has marked the peer. */
export function isMarked(peer: Peer): boolean {
  const { at } = peer.row;
  return at !== NOWHERE && (metricsMemory()?.common.cells[at + PEER_DRAINED] ?? 0) !== 0;
}

/** Marks a peer, or takes the mark away. False where there is no place for marks. */
export function markPeer(peer: Peer, drained: boolean): boolean {
  const memory = metricsMemory();
  const { at } = peer.row;
  if (memory === undefined || at === NOWHERE) return false;
  memory.common.cells[at + PEER_DRAINED] = drained ? 1 : 0;
  heed(peer);
  announce();
  return true;
}

/** From now on the peers get new requests, or none, as they are marked. */
export function heedOperator(set: UpstreamSet): void {
  for (const { peers } of set) for (const peer of peers) heed(peer);
}

function heed(peer: Peer): void {
  peer.draining = peer.drainedAsWritten || isMarked(peer);
}

/** Peers as an operator sees them: all workers together. */
import { NOWHERE, PEER_ACTIVE, PEER_RESTS_UNTIL_MS } from "../metrics/cells.ts";
import { sharedNowMs } from "../net/shared-memory.ts";
import { isMarked } from "../upstream/operator-drain.ts";
import type { Peer } from "../upstream/peer.ts";
import { upstreams } from "../upstream/upstream-set.ts";
import type { Reading } from "./metrics-reading.ts";
import { upstreamLabel } from "./metrics-rows.ts";

export interface PeerState {
  readonly upstream: string;
  readonly peer: string;
  /** As its `server` line names it. */
  readonly server: string;
  /**
   * up; failing: some workers ask it nothing for a while, as it failed; failed: all of them; draining: it keeps what it
   * has and gets no new requests; down.
   */
  readonly state: "up" | "failing" | "failed" | "draining" | "down";
  /** Drained by an operator, not by the configuration. */
  readonly drainedByOperator: boolean;
  readonly backup: boolean;
  readonly weight: number;
  /** 0: no limit. */
  readonly maxConns: number;
  /** Requests and tunnels that it has. */
  readonly active: number;
  /** Where it is counted. */
  readonly at: number;
  readonly entry: Peer;
}

/** The peers of all upstreams of a configuration. Those of the same address in one upstream are counted together. */
export function peerStates(reading: Reading): PeerState[] {
  const out: PeerState[] = [];
  const seen = new Set<number>();
  for (const upstream of upstreams(reading.load)) {
    for (const entry of upstream.peers) {
      const { at } = entry.row;
      if (at === NOWHERE || seen.has(at)) continue;
      seen.add(at);
      out.push({
        upstream: upstreamLabel(upstream),
        peer: entry.address.text,
        server: entry.server,
        state: stateOf(reading, entry),
        drainedByOperator: isMarked(entry),
        backup: entry.backup,
        weight: entry.weight,
        maxConns: entry.maxConns,
        active: Math.max(0, reading.value(at + PEER_ACTIVE)),
        at,
        entry,
      });
    }
  }
  return out;
}

function stateOf({ memory, workers }: Reading, peer: Peer): PeerState["state"] {
  if (peer.down) return "down";
  // A worker may not have heard of it yet.
  if (peer.draining || isMarked(peer)) return "draining";
  const now = sharedNowMs();
  const cell = peer.row.at + PEER_RESTS_UNTIL_MS;
  const resting = workers.filter(({ slot }) => memory.block(slot).cells[cell]! >= now).length;
  return resting === 0 ? "up" : resting < workers.length ? "failing" : "failed";
}

/** What `hopway_metrics` tells of upstreams and their peers. */
import {
  DYNAMIC_PEER_AT,
  PEER_ACTIVE,
  PEER_ANSWERS,
  PEER_BYTES_RECEIVED,
  PEER_BYTES_SENT,
  PEER_CONNECTS,
  PEER_FAILED,
  PEER_FAILURES,
  PEER_HEADS,
  PEER_RESPONSES,
  PEER_ROW,
} from "../metrics/cells.ts";
import { type Exposition, type Labels, type Sample, sample } from "../metrics/exposition.ts";
import { LATENCY } from "../metrics/histogram.ts";
import { DYNAMIC_PEER, type Row } from "../metrics/rows.ts";
import { histograms, nonZero, STATUS_CLASSES } from "./metrics-families.ts";
import { type PeerState, peerStates } from "./metrics-peers.ts";
import type { Reading } from "./metrics-reading.ts";

function peerLabels({ labels: [upstream = "", peer = ""] }: Row): Labels {
  return { upstream, peer };
}

/** Peers: what they have, what they answered, how long it took, how they failed. */
export function upstreamFamilies(out: Exposition, reading: Reading): void {
  const known = reading.rows(PEER_ROW);
  const dynamicUsed = STATUS_CLASSES.some((_, i) => reading.value(DYNAMIC_PEER_AT + PEER_ANSWERS + i) > 0);
  const rows = dynamicUsed ? [...known, DYNAMIC_PEER] : known;
  const numbers = (cell: number): Sample[] => rows.map((row) => sample(peerLabels(row), reading.value(row.at + cell)));
  out.gauge("hopway_upstream_active", "Requests and tunnels that a peer has now.", numbers(PEER_ACTIVE));
  out.gauge(
    "hopway_upstream_peer_up",
    "1: the peer gets new requests; 0: it is down, drained, or counts as failed in all workers.",
    peerStates(reading).map(({ upstream, peer, state }) => sample({ upstream, peer }, isUp(state) ? 1 : 0)),
  );
  out.counter(
    "hopway_upstream_responses_total",
    "Answers of peers, by the class of their status.",
    rows.flatMap((row) =>
      nonZero(
        STATUS_CLASSES.map((status, i) =>
          sample({ ...peerLabels(row), status }, reading.value(row.at + PEER_ANSWERS + i)),
        ),
      ),
    ),
  );
  out.counter(
    "hopway_upstream_failures_total",
    "Tries at peers that got no answer, by what failed.",
    rows.flatMap((row) =>
      nonZero(
        PEER_FAILURES.map((reason, i) =>
          sample({ ...peerLabels(row), reason }, reading.value(row.at + PEER_FAILED + i)),
        ),
      ),
    ),
  );
  out.counter(
    "hopway_upstream_received_bytes_total",
    "Bytes that peers sent, in requests and tunnels that are over.",
    nonZero(numbers(PEER_BYTES_RECEIVED)),
  );
  out.counter(
    "hopway_upstream_sent_bytes_total",
    "Bytes that peers were sent, in requests and tunnels that are over.",
    nonZero(numbers(PEER_BYTES_SENT)),
  );
  const times = (name: string, help: string, cell: number): void =>
    out.histogram(name, help, LATENCY, histograms(reading, rows, cell, LATENCY, peerLabels));
  times("hopway_upstream_connect_seconds", "Times until a new connection to a peer was there.", PEER_CONNECTS);
  times("hopway_upstream_header_seconds", "Times until a peer's answer had come as far as its head.", PEER_HEADS);
  times("hopway_upstream_response_seconds", "Times until a peer's whole answer had come.", PEER_RESPONSES);
}

function isUp(state: PeerState["state"]): boolean {
  return state === "up" || state === "failing";
}

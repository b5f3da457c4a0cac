/** All numbers as one object, for `hopway_api` and the page. Texts are UTF-16, times in ms, sizes in bytes. */
import {
  ACCEPTED,
  ACTIVE,
  ANSWERS,
  CLOSE_CODES,
  CLOSERS,
  CLOSES,
  HANDLED,
  HANDSHAKES,
  HANDSHAKING,
  LAST_RELOAD_S,
  LOCATION_ROW,
  MESSAGES,
  PEER_ANSWERS,
  PEER_CONNECTS,
  PEER_FAILED,
  PEER_FAILURES,
  PEER_HEADS,
  PEER_ROW,
  PINGS,
  PINGS_UNANSWERED,
  READING,
  REFUSALS,
  REFUSED,
  RELOADS,
  RELOADS_FAILED,
  ROUND_TRIPS,
  SPANS_LOST,
  SPANS_SENT,
  STARTED_S,
  sideCell,
  TLS_FAILURES,
  TLS_HANDSHAKES,
  TUNNELS_OPEN,
  TUNNELS_OPENED,
  TUNNELS_ROW,
  WAY_ROW,
  WORKERS_DIED,
  WORKERS_STARTED,
  WRITING,
} from "../metrics/cells.ts";
import { LATENCY, MESSAGE_SIZE, sumCell } from "../metrics/histogram.ts";
import type { Row } from "../metrics/rows.ts";
import { decoded } from "../net/utf8.ts";
import { VERSION } from "../version.ts";
import { zones } from "../zone/zones.ts";
import { STATUS_CLASSES } from "./metrics-families.ts";
import { peerStates } from "./metrics-peers.ts";
import type { Reading } from "./metrics-reading.ts";
import { processUsage } from "./metrics-workers.ts";
import { allReports } from "./worker-reports.ts";

/** Messages of one direction. */
interface Passed {
  readonly messages: number;
  readonly bytes: number;
}

/** The numbers of `names`, which stand one after another, without those that are 0. */
function named(reading: Reading, at: number, names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name, i) => [name, reading.value(at + i)]).filter(([, value]) => value !== 0));
}

function summed(names: readonly Record<string, number>[]): Record<string, number> {
  const out: Record<string, number> = {};
  for (const one of names) for (const [name, value] of Object.entries(one)) out[name] = (out[name] ?? 0) + value;
  return out;
}

/** A number that both sides have. */
function ofBoth(reading: Reading, row: Row | undefined, cell: number): number {
  if (row === undefined) return 0;
  return reading.value(row.at + sideCell(true) + cell) + reading.value(row.at + sideCell(false) + cell);
}

function passed(reading: Reading, row: Row | undefined, ofClient: boolean): Passed {
  if (row === undefined) return { messages: 0, bytes: 0 };
  const cells = reading.histogram(row.at + sideCell(ofClient) + MESSAGES, MESSAGE_SIZE);
  const sum = sumCell(MESSAGE_SIZE);
  return { messages: cells.subarray(0, sum).reduce((a, b) => a + b, 0), bytes: cells[sum]! };
}

/** A histogram's numbers over several rows. */
function latency(reading: Reading, rows: readonly Row[], offset: number): number[] {
  const total = new Float64Array(LATENCY.bounds.length + 1);
  for (const { at } of rows) {
    const cells = reading.histogram(at + offset, LATENCY);
    for (let i = 0; i < total.length; i++) total[i]! += cells[i]!;
  }
  return [...total];
}

const key = ({ labels }: Row): string => labels.join("\0");

/** The ways, grouped by some of their labels. */
function waysBy(
  reading: Reading,
  part: (labels: readonly string[]) => readonly (string | undefined)[],
): ReadonlyMap<string, readonly Row[]> {
  return Map.groupBy(reading.usedRows(WAY_ROW), ({ labels }) => part(labels).join("\0"));
}

/** Those that have had a request. */
function locations(reading: Reading) {
  const tunnels = new Map(reading.usedRows(TUNNELS_ROW).map((row) => [key(row), row]));
  const ways = waysBy(reading, ([server, location]) => [server, location]);
  return reading.usedRows(LOCATION_ROW).map((row) => {
    const [server = "", location = ""] = row.labels;
    const own = tunnels.get(key(row));
    const from = ways.get(key(row)) ?? [];
    const sum = (cell: number): number => from.reduce((total, { at }) => total + reading.value(at + cell), 0);
    return {
      server: decoded(server),
      location: decoded(location),
      requests: named(reading, row.at + ANSWERS, STATUS_CLASSES),
      handshakes: reading.value(row.at + HANDSHAKES),
      refusals: named(
        reading,
        row.at + REFUSED,
        REFUSALS.map(([reason]) => reason),
      ),
      tunnelsOpen: sum(TUNNELS_OPEN),
      tunnelsOpened: sum(TUNNELS_OPENED),
      in: passed(reading, own, true),
      out: passed(reading, own, false),
      closes: Object.fromEntries(
        CLOSERS.map((by, i) => [
          by,
          own === undefined ? {} : named(reading, own.at + CLOSES + i * CLOSE_CODES.length, CLOSE_CODES),
        ]),
      ),
      pings: ofBoth(reading, own, PINGS),
      pingsUnanswered: ofBoth(reading, own, PINGS_UNANSWERED),
    };
  });
}

function peers(reading: Reading) {
  const ways = waysBy(reading, ([, , upstream, address]) => [upstream, address]);
  return peerStates(reading).map((peer) => {
    const to = ways.get(key(peer.entry.row)) ?? [];
    const tunnels = to.reduce((total, { at }) => total + reading.value(at + TUNNELS_OPEN), 0);
    const { upstream, peer: address, server, state, drainedByOperator, backup, weight, maxConns, active, at } = peer;
    return {
      upstream: decoded(upstream),
      peer: decoded(address),
      server: decoded(server),
      state,
      drainedByOperator,
      backup,
      weight,
      maxConns,
      active,
      tunnels,
      responses: named(reading, at + PEER_ANSWERS, STATUS_CLASSES),
      failures: named(reading, at + PEER_FAILED, PEER_FAILURES),
      connect: latency(reading, [peer.entry.row], PEER_CONNECTS),
      head: latency(reading, [peer.entry.row], PEER_HEADS),
    };
  });
}

/** Everything over all locations: what the page draws. */
function totals(all: ReturnType<typeof locations>) {
  const sum = (read: (one: (typeof all)[number]) => number): number => all.reduce((total, one) => total + read(one), 0);
  return {
    requests: summed(all.map(({ requests }) => requests)),
    handshakes: sum(({ handshakes }) => handshakes),
    refusals: summed(all.map(({ refusals }) => refusals)),
    tunnelsOpen: sum(({ tunnelsOpen }) => tunnelsOpen),
    tunnelsOpened: sum(({ tunnelsOpened }) => tunnelsOpened),
    messagesIn: sum((one) => one.in.messages),
    messagesOut: sum((one) => one.out.messages),
    bytesIn: sum((one) => one.in.bytes),
    bytesOut: sum((one) => one.out.bytes),
  };
}

export type Totals = ReturnType<typeof totals>;

/** Only the sums over all locations. */
export function snapshotTotals(reading: Reading): Totals {
  return totals(locations(reading));
}

/** What there is to tell now. */
export function snapshot(reading: Reading) {
  const value = (cell: number): number => reading.value(cell);
  const tunnelRows = reading.usedRows(TUNNELS_ROW);
  const peerRows = reading.usedRows(PEER_ROW);
  const all = locations(reading);
  return {
    version: VERSION,
    time: Date.now(),
    startedAt: Math.round(value(STARTED_S) * 1000),
    configuredAt: Math.round(value(LAST_RELOAD_S) * 1000),
    reloads: value(RELOADS),
    reloadsFailed: value(RELOADS_FAILED),
    connections: {
      accepted: value(ACCEPTED),
      handled: value(HANDLED),
      handshaking: value(HANDSHAKING),
      reading: value(READING),
      writing: value(WRITING),
      waiting: Math.max(0, value(ACTIVE) - value(READING) - value(WRITING) - value(HANDSHAKING)),
    },
    tls: { handshakes: value(TLS_HANDSHAKES), failures: value(TLS_FAILURES) },
    spans: { sent: value(SPANS_SENT), lost: value(SPANS_LOST) },
    totals: totals(all),
    /** Upper ends of the sizes of the latencies below; the last size has none. */
    latencyBoundsMs: LATENCY.bounds,
    latency: {
      connect: latency(reading, peerRows, PEER_CONNECTS),
      head: latency(reading, peerRows, PEER_HEADS),
      pingClient: latency(reading, tunnelRows, sideCell(true) + ROUND_TRIPS),
      pingUpstream: latency(reading, tunnelRows, sideCell(false) + ROUND_TRIPS),
    },
    locations: all,
    peers: peers(reading),
    zones: [...zones(reading.load)].map(({ name, kind, bytes, table }) => ({
      zone: decoded(name),
      module: kind.owner,
      bytes,
      entries: table.count,
      cells: table.cells,
    })),
    workersStarted: value(WORKERS_STARTED),
    workersDied: value(WORKERS_DIED),
    workers: reading.workers.map(({ slot, pid }) => ({
      worker: slot,
      pid,
      connections: reading.memory.block(slot).cells[ACTIVE]!,
      ...processUsage(pid),
    })),
    ...allReports(reading),
  };
}

export type Snapshot = ReturnType<typeof snapshot>;

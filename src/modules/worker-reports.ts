/**
 * What workers tell each other of single tunnels and handshakes, so that any of them can show those of all: each writes
 * its own lists, once a second, where the others can read them.
 */
import type { Connection } from "../http/connection.ts";
import { metricsMemory, ownSlot } from "../metrics/attached-metrics.ts";
import { shownText, showText } from "../metrics/shown-page.ts";
import { Timer, type TimerOwner } from "../net/timers.ts";
import { jsonBytes } from "./display-text.ts";
import type { Reading } from "./metrics-reading.ts";
import { type EndedTunnel, endedTunnels, RECENT, type RefusedHandshake, refusedHandshakes } from "./recent-events.ts";
import { LISTED, listTunnels, type OpenTunnel, slowness } from "./tunnel-list.ts";

const INTERVAL_MS = 1000;

export interface WorkerReport {
  readonly largest: readonly OpenTunnel[];
  readonly slowest: readonly OpenTunnel[];
  readonly ended: readonly EndedTunnel[];
  readonly refused: readonly RefusedHandshake[];
}

/** Reports for as long as it is not stopped. */
export class Reporter implements TimerOwner {
  private readonly connections: Iterable<Connection>;
  private readonly timer = new Timer(this, 0);

  constructor(connections: Iterable<Connection>) {
    this.connections = connections;
    this.timer.arm(INTERVAL_MS);
  }

  onTimer(): void {
    this.timer.arm(INTERVAL_MS);
    report(this.connections);
  }

  stop(): void {
    this.timer.release();
  }
}

function report(connections: Iterable<Connection>): void {
  const page = metricsMemory()?.block(ownSlot()).page;
  if (page === undefined) return;
  const { largest, slowest } = listTunnels(connections);
  const lists = { largest, slowest, ended: endedTunnels.entries, refused: refusedHandshakes.entries };
  // Room for all of them is there unless nearly every char of the texts is one that JSON escapes.
  if (!showText(page, jsonBytes(lists))) showText(page, jsonBytes({ largest, slowest, ended: [], refused: [] }));
}

/** The lists of all workers as one. */
export function allReports({ memory, workers }: Reading): WorkerReport {
  const reports = workers.flatMap(({ slot }) => {
    const bytes = shownText(memory.block(slot).page);
    return bytes === "" ? [] : [JSON.parse(Buffer.from(bytes, "latin1").toString("utf8")) as WorkerReport];
  });
  return {
    largest: merged(reports, "largest", (a, b) => b.bytesIn + b.bytesOut - a.bytesIn - a.bytesOut, LISTED),
    slowest: merged(reports, "slowest", (a, b) => slownessOf(b) - slownessOf(a), LISTED),
    ended: merged(reports, "ended", (a, b) => b.at - a.at, RECENT),
    refused: merged(reports, "refused", (a, b) => b.at - a.at, RECENT),
  };
}

function merged<K extends keyof WorkerReport>(
  reports: readonly WorkerReport[],
  list: K,
  order: (a: WorkerReport[K][number], b: WorkerReport[K][number]) => number,
  most: number,
): WorkerReport[K][number][] {
  return reports
    .flatMap((one): readonly WorkerReport[K][number][] => one[list])
    .sort(order)
    .slice(0, most);
}

function slownessOf({ waitingBytes, clientRoundTripMs, upstreamRoundTripMs }: OpenTunnel): number {
  return slowness(waitingBytes, clientRoundTripMs, upstreamRoundTripMs);
}

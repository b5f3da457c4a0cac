/** What `hopway_metrics` tells of the processes themselves, and of the memory that they share. */
import {
  BUSY_TIMES,
  LAST_RELOAD_S,
  RELOADS,
  RELOADS_FAILED,
  SPANS_LOST,
  SPANS_SENT,
  STARTED_S,
  WORKERS_DIED,
  WORKERS_STARTED,
} from "../metrics/cells.ts";
import { type Exposition, sample } from "../metrics/exposition.ts";
import { BUSY, histogramCells } from "../metrics/histogram.ts";
import { VERSION } from "../version.ts";
import { zones } from "../zone/zones.ts";
import type { Reading } from "./metrics-reading.ts";
import { processUsage } from "./metrics-workers.ts";

/** The master and its workers. */
export function processFamilies(out: Exposition, reading: Reading): void {
  const { workers, memory } = reading;
  out.gauge("hopway_build_info", "Always 1; the version is a label.", [sample({ version: VERSION }, 1)]);
  out.gauge("hopway_start_time_seconds", "When the master began, in seconds since 1970.", [
    sample({}, reading.value(STARTED_S)),
  ]);
  out.counter("hopway_reloads_total", "Reloads, by what came of them.", [
    sample({ result: "ok" }, reading.value(RELOADS)),
    sample({ result: "failed" }, reading.value(RELOADS_FAILED)),
  ]);
  out.gauge("hopway_config_loaded_time_seconds", "When the running configuration came into force, since 1970.", [
    sample({}, reading.value(LAST_RELOAD_S)),
  ]);
  out.gauge("hopway_workers", "Worker processes that run.", [sample({}, workers.length)]);
  out.counter("hopway_workers_started_total", "Worker processes that were started.", [
    sample({}, reading.value(WORKERS_STARTED)),
  ]);
  out.counter("hopway_workers_died_total", "Worker processes that ended though nobody had asked them to.", [
    sample({}, reading.value(WORKERS_DIED)),
  ]);
  const usages = workers.map(({ slot, pid }) => ({ labels: { worker: `${slot}` }, usage: processUsage(pid) }));
  out.gauge(
    "hopway_worker_resident_memory_bytes",
    "Memory that a worker has in RAM.",
    usages.map(({ labels, usage }) => sample(labels, usage.residentBytes)),
  );
  out.counter(
    "hopway_worker_cpu_seconds_total",
    "Processor time of a worker.",
    usages.map(({ labels, usage }) => sample(labels, usage.cpuSeconds)),
  );
  out.histogram(
    "hopway_worker_event_loop_lag_seconds",
    "How long a worker's event loop was busy at a time: what happens meanwhile waits.",
    BUSY,
    workers.map(({ slot }) => ({
      labels: { worker: `${slot}` },
      cells: memory.block(slot).cells.subarray(BUSY_TIMES, BUSY_TIMES + histogramCells(BUSY)),
    })),
  );
}

/** Spans of OpenTelemetry, where there have been any. */
export function spanFamilies(out: Exposition, reading: Reading): void {
  const [sent, lost] = [reading.value(SPANS_SENT), reading.value(SPANS_LOST)];
  const samples = [sample({ result: "sent" }, sent), sample({ result: "lost" }, lost)];
  out.counter(
    "hopway_otel_spans_total",
    "Spans, by whether their collector took them.",
    sent + lost > 0 ? samples : [],
  );
}

/** Zones: how many entries they hold, and about how many there is room for. */
export function zoneFamilies(out: Exposition, { load }: Reading): void {
  const all = [...zones(load)].map(({ name, kind, bytes, table }) => ({
    labels: { zone: name, module: kind.owner },
    bytes,
    entries: table.count,
    cells: table.cells,
  }));
  out.gauge(
    "hopway_zone_size_bytes",
    "Size of a shared memory zone.",
    all.map(({ labels, bytes }) => sample(labels, bytes)),
  );
  out.gauge(
    "hopway_zone_entries",
    "Keys that a zone holds.",
    all.map(({ labels, entries }) => sample(labels, entries)),
  );
  out.gauge(
    "hopway_zone_cells",
    "Cells of a zone; a key takes one, a long key several.",
    all.map(({ labels, cells }) => sample(labels, cells)),
  );
}

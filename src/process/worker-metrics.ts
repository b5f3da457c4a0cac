/** Where a process that serves counts: beside the other workers, or for itself. */
import type { LoadContext } from "../config/load-context.ts";
import { attachMetrics, bindRows } from "../metrics/attached-metrics.ts";
import { MetricsMemory } from "../metrics/metrics-memory.ts";
import { type MetricsHandover, MetricsRegistry } from "../metrics/metrics-registry.ts";
import type { Places } from "../metrics/rows.ts";

/** Ties configurations to their counters before the process serves by them. */
export interface WorkerMetrics {
  /** `places`: what the master said of this configuration; without a master they are found here. */
  bind(load: LoadContext, places: Places | undefined): void;
  /** What came of a reload, where this process sees to its reloads itself. */
  reloaded(ok: boolean): void;
}

/** The counters of a worker, in the memory of its master. */
export function sharedMetrics({ fd, places: first }: MetricsHandover, slot: number): WorkerMetrics {
  attachMetrics(MetricsMemory.attach(fd), slot);
  return {
    bind: (load, places) => bindRows(load, places ?? first),
    reloaded: () => {},
  };
}

/** The counters of a process that serves alone. */
export function ownMetrics(): WorkerMetrics {
  const registry = new MetricsRegistry();
  attachMetrics(registry.memory, 0);
  registry.workerStarted();
  return {
    bind: (load) => bindRows(load, registry.place(load)),
    reloaded: (ok) => registry.reloaded(ok),
  };
}

/** A process that serves: a worker under a master, or the only process (`master_process off`). */
import type { LoadedConfig } from "../config/load.ts";
import type { Places } from "../metrics/rows.ts";
import { sendLastSpans } from "../modules/otel-exporter.ts";
import { type PacketChannel, type Serving, serve } from "../modules/serve.ts";
import { ALERT, EMERG, type ErrorLog, errorLogOf, type LogLevel, NOTICE } from "../net/error-log.ts";
import { exceptionText } from "../net/exception-text.ts";
import type { SharedListener } from "../net/listen.ts";
import { flushLogs, onLogFailure, openLogs, reopenLogs } from "../net/log-file.ts";
import type { WorkerName } from "../net/neighbours.ts";
import type { ZoneGrant } from "../zone/zone-registry.ts";
import { Affinity } from "./affinity.ts";
import { dropRights, setLimits } from "./privileges.ts";
import { processSettings } from "./settings.ts";
import type { WorkerMetrics } from "./worker-metrics.ts";
import type { WorkerZones } from "./worker-zones.ts";

export class Worker {
  private log: ErrorLog;
  private shutdownTimeoutMs: number;
  private readonly serving: Serving;
  private readonly zones: WorkerZones;
  /** Accepts no more. */
  leaving = false;
  private readonly metrics: WorkerMetrics;
  private readonly affinity: Affinity;
  private readonly onEnd: () => void;

  private constructor(
    config: LoadedConfig,
    serving: Serving,
    zones: WorkerZones,
    metrics: WorkerMetrics,
    affinity: Affinity,
    log: ErrorLog,
    onEnd: () => void,
  ) {
    this.serving = serving;
    this.zones = zones;
    this.metrics = metrics;
    this.affinity = affinity;
    this.log = log;
    this.onEnd = onEnd;
    this.shutdownTimeoutMs = processSettings(config).shutdownTimeoutMs;
    onLogFailure((message) => this.write(ALERT, message));
    const survive = (error: unknown): void => this.report(exceptionText(error));
    process.on("uncaughtException", survive);
    process.on("unhandledRejection", survive);
  }

  /**
   * Serves; `index` and `packets`: where there are other workers, tells it from them and how they reach it; `onEnd` is
   * called when the process may exit.
   */
  static start(
    config: LoadedConfig,
    listeners: readonly SharedListener[],
    zones: WorkerZones,
    metrics: WorkerMetrics,
    index: number | undefined,
    packets: PacketChannel | undefined,
    onEnd: () => void,
  ): Worker {
    const log = errorLogOf(config.load);
    const report = (level: LogLevel, message: string): void => log.write(level, 0, message);
    const settings = processSettings(config);
    setLimits(settings, report);
    const affinity = new Affinity(index);
    affinity.apply(settings, report);
    for (const failure of openLogs(config.load)) report(EMERG, failure);
    zones.bind(config.load, undefined);
    metrics.bind(config.load, undefined);
    const serving = serve(config, listeners, log, packets);
    return new Worker(config, serving, zones, metrics, affinity, log, onEnd);
  }

  /** Gives up root's rights, which opening files needed. False when that failed: nothing may be served then. */
  dropRights(config: LoadedConfig): boolean {
    return dropRights(processSettings(config), (level, message) => this.write(level, message));
  }

  /** Logs an exception that nobody expected. */
  report(stack: string): void {
    this.write(ALERT, `unexpected exception: ${stack}`);
  }

  /**
   * Ties a configuration that is to come to its zones; `grants`: where they are, from a master that shares them. False,
   * and logged, where a zone cannot change so: then it must not come.
   */
  bindZones(config: LoadedConfig, grants: readonly ZoneGrant[] | undefined): boolean {
    const fault = this.zones.bind(config.load, grants);
    if (fault !== undefined) this.write(EMERG, fault);
    return fault === undefined;
  }

  /**
   * Serves new requests by another configuration, whose zones are bound, and on its sockets; what runs goes on as it
   * began. `places`: where its counters are, from a master that shares them. Resolves when sockets that it does not have
   * are closed.
   */
  async reload(config: LoadedConfig, listeners: readonly SharedListener[], places: Places | undefined): Promise<void> {
    this.metrics.bind(config.load, places);
    this.log = errorLogOf(config.load);
    const settings = processSettings(config);
    this.shutdownTimeoutMs = settings.shutdownTimeoutMs;
    this.affinity.apply(settings, (level, message) => this.write(level, message));
    for (const failure of openLogs(config.load)) this.write(EMERG, failure);
    await new Promise<void>((resolve) => this.serving.reload(config, listeners, resolve));
  }

  /** Accepts from these sockets from now on; those that are not among them are others' to serve. */
  listen(listeners: readonly SharedListener[]): void {
    this.serving.listen(listeners);
  }

  /** An operator has said which peers get new requests. */
  peersChanged(): void {
    this.serving.peersChanged();
  }

  /** Another worker that connections can be handed over to; the descriptor belongs to this one. */
  addNeighbour(other: WorkerName, channel: number): void {
    this.serving.addNeighbour(other, channel);
  }

  reopen(): void {
    this.write(NOTICE, "reopening logs");
    reopenLogs();
    this.serving.reopenLogs();
  }

  /**
   * Takes no more connections and ends when those there are have ended, or worker_shutdown_timeout has passed. `last`:
   * nobody else listens on its sockets any more.
   */
  quit(last: boolean): void {
    if (this.leaving) return;
    this.leaving = true;
    this.write(NOTICE, "gracefully shutting down");
    const { shutdownTimeoutMs } = this;
    const withinMs = shutdownTimeoutMs > 0 ? shutdownTimeoutMs : Number.POSITIVE_INFINITY;
    this.serving.stopGracefully(last, withinMs, () => this.end());
    if (shutdownTimeoutMs === 0) return;
    setTimeout(() => this.serving.stopSoon(() => this.stop()), shutdownTimeoutMs).unref();
  }

  /** Ends at once. */
  stop(): void {
    this.serving.stopNow();
    this.end();
  }

  private end(): void {
    this.write(NOTICE, "exiting");
    sendLastSpans(() => {
      flushLogs();
      this.write(NOTICE, "exit");
      this.onEnd();
    });
  }

  private write(level: LogLevel, message: string): void {
    this.log.write(level, 0, message);
  }
}

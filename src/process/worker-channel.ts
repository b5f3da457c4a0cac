/** A worker process: obeys the master over the channel between them, and nginx's signals. */
import type { AnyModule } from "../config/any-module.ts";
import type { LoadedConfig } from "../config/load.ts";
import { ALERT, defaultErrorLog, errorLogOf, setDefaultErrorLog } from "../net/error-log.ts";
import { sharedLogFile } from "../net/log-file.ts";
import { loadDelivery } from "./load-files.ts";
import type { ConfigDelivery, ToMaster, ToWorker } from "./messages.ts";
import { onSignals, type SignalName } from "./signals.ts";
import { diagnosticLevel, diagnosticText } from "./startup-log.ts";
import { Worker } from "./worker.ts";
import { ownZones, sharedZones } from "./worker-zones.ts";

/** Tells the master that starting another worker with this configuration is no use. */
const FATAL_CODE = 2;

class WorkerChannel {
  private readonly modules: readonly AnyModule[];
  private worker: Worker | undefined;
  /** Messages are handled one after another: a reload must not overtake the start. */
  private queue: Promise<void> = Promise.resolve();

  constructor(modules: readonly AnyModule[]) {
    this.modules = modules;
    onSignals((name) => this.onSignal(name));
    process.on("message", (message: ToWorker) => {
      this.queue = this.queue.then(() => this.handle(message)).catch((error: unknown) => this.onFault(error));
    });
    // Without its master nobody could stop or replace this worker.
    process.on("disconnect", () => process.exit(0));
  }

  /** A bug: the messages after this one have to be heard all the same. One that prevents the start ends the worker. */
  private onFault(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (this.worker !== undefined) {
      this.worker.report(text);
      return;
    }
    defaultErrorLog().write(ALERT, 0, `unexpected exception: ${text}`);
    process.exit(1);
  }

  private async handle(message: ToWorker): Promise<void> {
    switch (message.type) {
      case "start": {
        const config = await this.load(message.config);
        if (config === undefined) process.exit(FATAL_CODE);
        const zones = message.zones === undefined ? ownZones() : sharedZones(message.zones);
        this.worker = Worker.start(config, message.listeners, zones, () => process.exit(0));
        if (!this.worker.dropRights(config)) process.exit(FATAL_CODE);
        tell({ type: "ready" });
        return;
      }
      case "reload": {
        const config = await this.load(message.config);
        const ok = config !== undefined && this.worker?.reload(config, message.zones) === true;
        tell({ type: "reloaded", ok });
        return;
      }
      case "stop":
        this.worker?.stop();
        return;
      case "quit":
        this.worker?.quit();
        return;
      case "reopen":
        this.worker?.reopen();
    }
  }

  private async load(delivery: ConfigDelivery): Promise<LoadedConfig | undefined> {
    const { defaultErrorLog } = delivery;
    if (defaultErrorLog !== undefined && defaultErrorLog !== "stderr") {
      setDefaultErrorLog(sharedLogFile(defaultErrorLog));
    }
    const config = await loadDelivery(this.modules, delivery);
    if (!config.load.failed) return config;
    // The master has read the same files without errors: say what differs.
    for (const diagnostic of config.diagnostics) {
      errorLogOf(config.load).write(diagnosticLevel(diagnostic), 0, diagnosticText(diagnostic));
    }
    return undefined;
  }

  private onSignal(name: SignalName): void {
    switch (name) {
      case "SIGTERM":
      case "SIGINT":
        if (this.worker === undefined) process.exit(0);
        this.worker.stop();
        return;
      case "SIGQUIT":
        if (this.worker === undefined) process.exit(0);
        this.worker.quit();
        return;
      case "SIGUSR1":
        this.worker?.reopen();
        return;
      default:
        // The master's business.
        return;
    }
  }
}

function tell(message: ToMaster): void {
  process.send?.(message);
}

/** Variable that tells a new process that it is a worker. */
const MARK = "HOPWAY_WORKER";

/** The environment of a worker: what the configuration leaves of it, and the mark. */
export function markedAsWorker(environment: Record<string, string>): Record<string, string> {
  return { ...environment, [MARK]: "1" };
}

/** Whether a master started this process as a worker. Takes the mark away. */
export function startedAsWorker(): boolean {
  const marked = process.env[MARK] !== undefined && process.send !== undefined;
  delete process.env[MARK];
  return marked;
}

/** Serves until the master says otherwise. */
export function runWorker(modules: readonly AnyModule[]): void {
  new WorkerChannel(modules);
}

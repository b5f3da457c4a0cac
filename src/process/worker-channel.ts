/** A worker process: obeys the master over the channel between them, and nginx's signals. */
import type { AnyModule } from "../config/any-module.ts";
import type { LoadedConfig } from "../config/load.ts";
import { holdSlot } from "../net/connection-slots.ts";
import { receiveDescriptors } from "../net/descriptor-passing.ts";
import { ALERT, defaultErrorLog, errorLogOf, setDefaultErrorLog } from "../net/error-log.ts";
import { exceptionText } from "../net/exception-text.ts";
import { closeDescriptor } from "../net/libc.ts";
import type { SharedListener } from "../net/listen.ts";
import { sharedLogFile } from "../net/log-file.ts";
import { onOperatorDrain } from "../upstream/operator-drain.ts";
import { loadDelivery } from "./load-files.ts";
import {
  type ConfigDelivery,
  FATAL_CODE,
  type OfferedSocket,
  type SocketOffer,
  type ToMaster,
  type ToWorker,
} from "./messages.ts";
import { onSignals, type SignalName } from "./signals.ts";
import { diagnosticLevel, diagnosticText } from "./startup-log.ts";
import { Worker } from "./worker.ts";
import { sharedMetrics } from "./worker-metrics.ts";
import { sharedZones } from "./worker-zones.ts";

class WorkerChannel {
  private readonly modules: readonly AnyModule[];
  private worker: Worker | undefined;
  /** Where descriptors come from that a reload adds. */
  private channel = -1;
  /** The listening sockets, by id. */
  private listeners: ReadonlyMap<number, SharedListener> = new Map();
  /** Messages are handled one after another: a reload must not overtake the start. */
  private queue: Promise<void> = Promise.resolve();

  constructor(modules: readonly AnyModule[]) {
    this.modules = modules;
    onSignals((name) => this.onSignal(name));
    onOperatorDrain(() => tell({ type: "peers" }));
    process.on("message", (message: ToWorker) => {
      this.queue = this.queue.then(() => this.handle(message)).catch((error: unknown) => this.onFault(error));
    });
    // Without its master nobody could stop or replace this worker.
    process.on("disconnect", () => process.exit(0));
  }

  /** A bug: the messages after this one have to be heard all the same. One that prevents the start ends the worker. */
  private onFault(error: unknown): void {
    const text = exceptionText(error);
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
        const { index, sockets, channel, zones, metrics, packets } = message;
        this.channel = channel;
        holdSlot();
        this.listeners = new Map(sockets.map((socket) => [socket.id, socket]));
        const counters = sharedMetrics(metrics, zones.slot);
        const others = { self: { slot: zones.slot, pid: process.pid }, receiving: packets };
        this.worker = Worker.start(config, sockets, sharedZones(zones), counters, index, others, () => process.exit(0));
        if (!this.worker.dropRights(config)) process.exit(FATAL_CODE);
        tell({ type: "ready" });
        return;
      }
      case "reload": {
        const { zones, places } = message;
        const config = await this.load(message.config);
        const listeners = this.takeOver(message.offer, config !== undefined);
        const ok = config !== undefined && listeners !== undefined && this.worker?.bindZones(config, zones) === true;
        if (ok) await this.worker?.reload(config, listeners, places);
        tell({ type: "changed", ok });
        return;
      }
      case "listen": {
        const listeners = this.takeOver(message.offer, true);
        if (listeners !== undefined) this.worker?.listen(listeners);
        tell({ type: "changed", ok: listeners !== undefined });
        return;
      }
      case "neighbour": {
        const [fd] = receiveDescriptors(this.channel, 1);
        if (fd !== undefined) this.worker?.addNeighbour(message.worker, fd);
        return;
      }
      case "stop":
        this.worker?.stop();
        return;
      case "quit":
        this.worker?.quit(message.last);
        return;
      case "reopen":
        this.worker?.reopen();
        return;
      case "peers":
        this.worker?.peersChanged();
    }
  }

  /**
   * Receives the sockets that were added; gives all that the worker accepts from then. Undefined where it cannot have them
   * (`able`: it has their configuration), or accepts no more.
   */
  private takeOver({ sockets, added }: SocketOffer, able: boolean): SharedListener[] | undefined {
    const received = receiveDescriptors(this.channel, added.length);
    if (!able || received.length < added.length || this.worker?.leaving !== false) {
      for (const fd of received) closeDescriptor(fd);
      return undefined;
    }
    const fds = new Map(added.map((id, i) => [id, received[i] ?? -1]));
    const listener = ({ id, address, options, shared }: OfferedSocket): SharedListener => {
      return { fd: fds.get(id) ?? this.listeners.get(id)?.fd ?? -1, address, options, shared };
    };
    this.listeners = new Map(sockets.map((socket) => [socket.id, listener(socket)]));
    return [...this.listeners.values()];
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
        this.worker.quit(false);
        tell({ type: "leaving" });
        return;
      case "SIGUSR1":
        this.worker?.reopen();
        return;
      default:
        // The master's business; WINCH comes to every process of a terminal whose window changes.
        return;
    }
  }
}

function tell(message: ToMaster): void {
  process.send?.(message);
}

/** Variable that tells a new process that it is a worker. */
const MARK = "HOPWAY_WORKER";
/** Variable that overwrites received bytes, for tests (`net/received-bytes.ts`): the configuration cannot take it away. */
const POISON = "HOPWAY_POISON";

/**
 * For the runtime: JavaScriptCore does not touch memory ahead, in a thread of its own, for objects to come. Most of it was
 * given back unused, which took 1 to 5 % of a worker's processor: 20 MiB and 4,000 page faults a second with GETs.
 */
const RUNTIME = { BUN_JSC_useWarmUpMarkedBlocks: "0" };

/** The environment of a worker: what the configuration leaves of it, and the mark. */
export function markedAsWorker(environment: Record<string, string>): Record<string, string> {
  const poison = process.env[POISON];
  return { ...RUNTIME, ...environment, ...(poison === undefined ? {} : { [POISON]: poison }), [MARK]: "1" };
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

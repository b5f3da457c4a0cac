/** The master: holds the listening sockets, keeps workers running, obeys signals (ngx_process_cycle.c). */
import type { LoadedConfig } from "../config/load.ts";
import { MetricsRegistry } from "../metrics/metrics-registry.ts";
import type { Places } from "../metrics/rows.ts";
import { ALERT, EMERG, type ErrorLog, errorLogOf, type LogLevel, NOTICE } from "../net/error-log.ts";
import { exceptionText } from "../net/exception-text.ts";
import { closeDescriptor } from "../net/libc.ts";
import { closeListener, listenSockets } from "../net/listen.ts";
import { declaredLogs, flushLogs, reopenLogs } from "../net/log-file.ts";
import { type ZoneGrant, ZoneRegistry } from "../zone/zone-registry.ts";
import type { FreshConfig } from "./load-files.ts";
import { NewBinary } from "./new-binary.ts";
import { goneSockets, letNobodyIn, type OpenSocket, openSockets } from "./open-sockets.ts";
import { removePidFile, writePidFile } from "./pid-file.ts";
import { prepareFiles } from "./prepare-files.ts";
import { ReloadQueue } from "./reload-queue.ts";
import { type ProcessSettings, processSettings } from "./settings.ts";
import { onSignals, parentOf, type SignalName, signalNumber } from "./signals.ts";
import { diagnosticLevel, diagnosticText } from "./startup-log.ts";
import { WorkerPool } from "./worker-pool.ts";

/** How the master was started. */
export interface MasterStart {
  readonly args: readonly string[];
  /** The environment it was started in. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** It has no terminal whose window could change: WINCH means what nginx makes of it. */
  readonly inBackground: boolean;
  /** The master beside which it was started by USR2. */
  readonly oldMaster: number | undefined;
}

const LONG_MS = 2 ** 30;

export class Master {
  private config: LoadedConfig;
  private delivery: FreshConfig["delivery"];
  private settings: ProcessSettings;
  private log: ErrorLog;
  private sockets: readonly OpenSocket[];
  private readonly reread: () => Promise<FreshConfig>;
  private readonly started: MasterStart;
  private readonly zones = ZoneRegistry.shared();
  private grants: readonly ZoneGrant[] = [];
  private readonly metrics = new MetricsRegistry();
  private places: Places;
  private readonly workers: WorkerPool;
  private newBinary: NewBinary | undefined;
  private state: "running" | "stopping" | "quitting" = "running";
  private readonly reloads: ReloadQueue;
  private announceUp: (() => void) | undefined;

  constructor(
    fresh: FreshConfig,
    sockets: readonly OpenSocket[],
    reread: () => Promise<FreshConfig>,
    started: MasterStart,
  ) {
    this.config = fresh.config;
    this.delivery = fresh.delivery;
    this.settings = processSettings(fresh.config);
    this.log = errorLogOf(fresh.config.load);
    this.sockets = sockets;
    this.reread = reread;
    this.started = started;
    this.reloads = new ReloadQueue(
      () => this.reload(),
      (error) => this.onFault(error),
    );
    const plan = this.zones.plan(this.config.load);
    // Nothing ran before, so that nothing can stand against it.
    if (typeof plan === "string") throw new Error(plan);
    plan.commit();
    this.grants = plan.grants;
    this.places = this.metrics.place(this.config.load);
    this.workers = new WorkerPool(this.frame, this.zones, this.metrics, {
      log: (level, message) => this.write(level, message),
      onServing: () => this.onServing(),
      onEmpty: (code) => this.exit(code),
    });
  }

  private get frame() {
    const { settings, delivery, sockets, grants, places } = this;
    return { settings, delivery, sockets, grants, places };
  }

  /** Starts the workers; `up` is called once when all of them serve. */
  start(up: () => void): void {
    this.announceUp = up;
    onSignals((name) => this.onSignal(name));
    process.on("uncaughtException", (error) => this.onFault(error));
    process.on("unhandledRejection", (error) => this.onFault(error));
    // Signals alone would not keep the process alive while it has no workers.
    setInterval(() => {}, LONG_MS);
    this.workers.start();
  }

  private onServing(): void {
    this.announceUp?.();
    this.announceUp = undefined;
  }

  private onSignal(name: SignalName): void {
    const heard = `signal ${signalNumber(name)} (${name}) received`;
    switch (name) {
      case "SIGTERM":
      case "SIGINT":
        this.notice(`${heard}, exiting`);
        this.stop();
        return;
      case "SIGQUIT":
        this.notice(`${heard}, shutting down`);
        this.quit();
        return;
      case "SIGHUP":
        this.notice(`${heard}, reconfiguring`);
        this.reloads.add();
        return;
      case "SIGUSR1":
        this.notice(`${heard}, reopening logs`);
        this.reopen();
        return;
      case "SIGUSR2":
        if (this.newBinary !== undefined || this.besideOldMaster) {
          this.notice(`${heard}, ignoring`);
          this.write(
            EMERG,
            "the changing binary signal is ignored: end either the old or the new binary's process first",
          );
          return;
        }
        this.notice(`${heard}, changing binary`);
        this.changeBinary();
        return;
      case "SIGWINCH":
        if (!this.started.inBackground) {
          this.notice(`${heard}, ignoring`);
          return;
        }
        this.notice(`${heard}, stop accepting connections`);
        if (this.state === "running") this.workers.rest();
    }
  }

  /** The master that started this one by USR2 still runs, with the same sockets. */
  private get besideOldMaster(): boolean {
    const { oldMaster } = this.started;
    return oldMaster !== undefined && parentOf(process.pid) === oldMaster;
  }

  /** Another master has them as well. */
  private get sharesSockets(): boolean {
    return this.newBinary !== undefined || this.besideOldMaster;
  }

  private stop(): void {
    if (this.state === "stopping") return;
    this.state = "stopping";
    this.workers.stop();
  }

  private quit(): void {
    if (this.state !== "running") return;
    this.state = "quitting";
    const last = !this.sharesSockets;
    if (last) letNobodyIn(this.sockets);
    // Workers hold the sockets as well: who is in their queues is still served.
    this.closeAllSockets();
    this.workers.quit(last);
  }

  private reopen(): void {
    this.notice("reopening logs");
    reopenLogs();
    this.giveLogsAway();
    this.workers.reopen();
  }

  /** nginx gives the files to the workers' user, which has to open them again by itself. */
  private giveLogsAway(): void {
    const { user } = this.settings;
    if (user === undefined) return;
    for (const file of declaredLogs(this.config.load)) file.giveTo(user.uid);
  }

  private changeBinary(): void {
    const { args, environment } = this.started;
    this.newBinary = NewBinary.start(args, this.sockets, environment, this.settings.pidPath, {
      log: (level, message) => this.write(level, message),
      onNewBinaryGone: () => {
        this.newBinary = undefined;
        if (this.state === "running" && this.workers.resting) this.workers.start();
      },
    });
  }

  /** Reads the configuration again and brings it to the workers; one that is broken changes nothing. */
  private async reload(): Promise<void> {
    if (this.state !== "running") return;
    if (this.newBinary !== undefined) {
      // The new binary has the new configuration: this one goes on by its own, as in nginx.
      if (this.workers.resting) this.workers.start();
      return;
    }
    this.notice("reconfiguring");
    this.metrics.reloaded(await this.changeConfiguration());
  }

  /** Signals may have come in the middle of a reload. */
  private get mayChange(): boolean {
    return this.state === "running" && this.newBinary === undefined;
  }

  /** False, and logged, where it stays as it was. */
  private async changeConfiguration(): Promise<boolean> {
    const fresh = await this.reread();
    if (!this.mayChange) return false;
    const { load } = fresh.config;
    for (const diagnostic of fresh.config.diagnostics) {
      this.write(diagnosticLevel(diagnostic), diagnosticText(diagnostic));
    }
    if (load.failed) return false;
    const report = (level: LogLevel, message: string): void => this.write(level, message);
    if (!prepareFiles(fresh.config, report)) return false;
    const settings = processSettings(fresh.config);
    const plan = this.zones.plan(load);
    if (typeof plan === "string") {
      this.write(EMERG, plan);
      return false;
    }
    const held = this.sockets;
    const sockets = await openSockets(listenSockets(load), held, settings.workers, report);
    if (sockets === undefined || !this.mayChange) {
      plan.abandon();
      this.closeSockets(goneSockets(sockets ?? [], held));
      return false;
    }
    this.grants = plan.grants;
    this.places = this.metrics.place(load);
    await this.adopt(fresh, settings, sockets);
    // Zones that are gone give their memory back when no worker counts in them any more.
    plan.commit();
    return true;
  }

  private async adopt(fresh: FreshConfig, settings: ProcessSettings, sockets: readonly OpenSocket[]): Promise<void> {
    const gone = goneSockets(this.sockets, sockets);
    const oldPidPath = this.settings.pidPath;
    this.config = fresh.config;
    this.delivery = fresh.delivery;
    this.settings = settings;
    this.sockets = sockets;
    this.log = errorLogOf(fresh.config.load);
    this.giveLogsAway();
    this.movePidFile(oldPidPath);
    // The workers take who is in the queues, and close them.
    if (!this.sharesSockets) letNobodyIn(gone);
    const changed = this.workers.change(this.frame);
    this.closeSockets(gone);
    await changed;
  }

  private movePidFile(oldPath: string): void {
    if (oldPath === this.settings.pidPath) return;
    const failure = writePidFile(this.settings.pidPath) ?? removePidFile(oldPath);
    if (failure !== undefined) this.write(ALERT, failure);
  }

  private closeSockets(sockets: readonly OpenSocket[]): void {
    for (const open of sockets) {
      // The file of a unix socket is the other master's, too.
      if (this.sharesSockets) closeDescriptor(open.fd);
      else closeListener(open, (message) => this.write(ALERT, message));
    }
  }

  private closeAllSockets(): void {
    this.closeSockets(this.sockets);
    this.sockets = [];
  }

  private exit(code: number): void {
    const failure = removePidFile(this.newBinary?.pidPath ?? this.settings.pidPath);
    if (failure !== undefined) this.write(ALERT, failure);
    this.closeAllSockets();
    this.notice("exit");
    flushLogs();
    process.exit(code);
  }

  /** A bug: what runs goes on. */
  private onFault(error: unknown): void {
    this.write(ALERT, `unexpected exception: ${exceptionText(error)}`);
  }

  private notice(message: string): void {
    this.write(NOTICE, message);
  }

  private write(level: LogLevel, message: string): void {
    this.log.write(level, 0, message);
  }
}

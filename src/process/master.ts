/** The master: holds the listening sockets, keeps workers running, obeys signals (ngx_process_cycle.c). */
import type { LoadedConfig } from "../config/load.ts";
import { ALERT, EMERG, type ErrorLog, errorLogOf, type LogLevel, NOTICE } from "../net/error-log.ts";
import { closeListener, listenSockets } from "../net/listen.ts";
import { declaredLogs, flushLogs, reopenLogs } from "../net/log-file.ts";
import type { FreshConfig } from "./load-files.ts";
import { goneSockets, type OpenSocket, openSockets, socketsOfWorker } from "./open-sockets.ts";
import { removePidFile, writePidFile } from "./pid-file.ts";
import { prepareFiles } from "./prepare-files.ts";
import { type ProcessSettings, processSettings, workerEnvironment } from "./settings.ts";
import { onSignals, type SignalName, signalNumber } from "./signals.ts";
import { diagnosticLevel, diagnosticText } from "./startup-log.ts";
import { WorkerProcess } from "./worker-process.ts";

/** A worker that does not stop at once is killed after this time, as nginx does. */
const STOP_PATIENCE_MS = 1000;
/** A worker that dies before it is ready is not started again sooner: it would die again. */
const RESTART_PAUSE_MS = 1000;
/** Exit code of a worker that cannot run with this configuration, as nginx's: starting it again is no use. */
const FATAL_CODE = 2;

export class Master {
  private config: LoadedConfig;
  private delivery: FreshConfig["delivery"];
  private settings: ProcessSettings;
  private log: ErrorLog;
  private sockets: readonly OpenSocket[];
  private readonly reread: () => Promise<FreshConfig>;
  private readonly environment: Readonly<Record<string, string | undefined>>;
  private readonly workers = new Set<WorkerProcess>();
  private generation = 0;
  private state: "running" | "stopping" | "quitting" = "running";
  /** Reloads run one after another. */
  private reloads: Promise<void> = Promise.resolve();
  private announceUp: (() => void) | undefined;

  constructor(fresh: FreshConfig, sockets: readonly OpenSocket[], reread: () => Promise<FreshConfig>) {
    this.config = fresh.config;
    this.delivery = fresh.delivery;
    this.settings = processSettings(fresh.config);
    this.log = errorLogOf(fresh.config.load);
    this.sockets = sockets;
    this.reread = reread;
    this.environment = { ...process.env };
  }

  /** Starts the workers; `up` is called once when all of them serve. */
  start(up: () => void): void {
    this.announceUp = up;
    onSignals((name) => this.onSignal(name));
    this.notice("start worker processes");
    for (let i = 0; i < this.settings.workers; i++) this.startWorker(i);
  }

  private startWorker(index: number): void {
    const environment = workerEnvironment(this.settings, this.environment);
    const sockets = socketsOfWorker(this.sockets, index);
    const worker = new WorkerProcess(index, this.generation, sockets, environment, this.delivery, {
      onReady: () => this.onReady(),
      onExit: (gone, code, signal) => this.onExit(gone, code, signal),
    });
    this.workers.add(worker);
    this.notice(`start worker process ${worker.pid}`);
  }

  private onReady(): void {
    const current = [...this.workers].filter((worker) => worker.generation === this.generation);
    if (current.some((worker) => worker.state === "starting")) return;
    for (const worker of this.workers) {
      if (worker.generation !== this.generation && worker.state === "ready") worker.leave("quit");
    }
    this.announceUp?.();
    this.announceUp = undefined;
  }

  private onExit(worker: WorkerProcess, code: number, signal: number): void {
    const wanted = this.workers.delete(worker) && worker.generation === this.generation;
    this.notice(`signal ${signalNumber("SIGCHLD")} (SIGCHLD) received from ${worker.pid}`);
    if (signal !== 0) this.write(ALERT, `worker process ${worker.pid} exited on signal ${signal}`);
    else this.notice(`worker process ${worker.pid} exited with code ${code}`);
    if (this.state !== "running") {
      if (this.workers.size === 0) this.exit(0);
      return;
    }
    if (!wanted || worker.index >= this.settings.workers || worker.surplus) return;
    if (code === FATAL_CODE && signal === 0) {
      this.write(ALERT, `worker process ${worker.pid} exited with fatal code ${code} and cannot be respawned`);
      if (this.workers.size === 0) this.exit(FATAL_CODE);
      return;
    }
    const { generation } = this;
    const again = (): void => {
      if (this.state === "running" && generation === this.generation) this.startWorker(worker.index);
    };
    if (worker.served) again();
    else setTimeout(again, RESTART_PAUSE_MS);
  }

  private onSignal(name: SignalName): void {
    const heard = `signal ${signalNumber(name)} (${name}) received`;
    switch (name) {
      case "SIGTERM":
      case "SIGINT":
        this.notice(`${heard}, exiting`);
        this.end("stopping");
        return;
      case "SIGQUIT":
        this.notice(`${heard}, shutting down`);
        this.end("quitting");
        return;
      case "SIGHUP":
        this.notice(`${heard}, reconfiguring`);
        this.reloads = this.reloads.then(() => this.reload());
        return;
      case "SIGUSR1":
        this.notice(`${heard}, reopening logs`);
        this.reopen();
        return;
      case "SIGUSR2":
      case "SIGWINCH":
        this.notice(`${heard}, ignoring`);
    }
  }

  private end(state: "stopping" | "quitting"): void {
    if (this.state === "stopping") return;
    this.state = state;
    // Workers hold the sockets as well: what is in their queues is still served.
    if (state === "quitting") this.closeAllSockets();
    if (this.workers.size === 0) this.exit(0);
    for (const worker of this.workers) worker.leave(state === "stopping" ? "stop" : "quit");
    if (state === "quitting") return;
    setTimeout(() => {
      for (const worker of this.workers) worker.kill();
    }, STOP_PATIENCE_MS);
  }

  private reopen(): void {
    this.notice("reopening logs");
    reopenLogs();
    this.giveLogsAway();
    for (const worker of this.workers) worker.send({ type: "reopen" });
  }

  /** nginx gives the files to the workers' user, which has to open them again by itself. */
  giveLogsAway(): void {
    const { user } = this.settings;
    if (user === undefined) return;
    for (const file of declaredLogs(this.config.load)) file.giveTo(user.uid);
  }

  /**
   * Reads the configuration again. Running workers change over in place, unless the change concerns what a worker is
   * given when it is started; then new workers take over and the old ones finish what they have.
   */
  private async reload(): Promise<void> {
    if (this.state !== "running") return;
    this.notice("reconfiguring");
    const fresh = await this.reread();
    const { load } = fresh.config;
    for (const diagnostic of fresh.config.diagnostics) {
      this.write(diagnosticLevel(diagnostic), diagnosticText(diagnostic));
    }
    if (load.failed) return;
    const failures = prepareFiles(fresh.config);
    for (const failure of failures) this.write(EMERG, failure);
    if (failures.length > 0) return;
    const settings = processSettings(fresh.config);
    const report = (level: LogLevel, message: string): void => this.write(level, message);
    const sockets = await openSockets(listenSockets(load), this.sockets, settings.workers, report);
    if (sockets === undefined || this.state !== "running") return;
    this.adopt(fresh, settings, sockets);
  }

  private adopt(fresh: FreshConfig, settings: ProcessSettings, sockets: readonly OpenSocket[]): void {
    const before = { sockets: this.sockets, settings: this.settings };
    this.config = fresh.config;
    this.delivery = fresh.delivery;
    this.settings = settings;
    this.sockets = sockets;
    this.log = errorLogOf(fresh.config.load);
    this.giveLogsAway();
    this.movePidFile(before.settings.pidPath);
    if (needsNewWorkers(before, { sockets, settings })) {
      this.generation++;
      this.notice("start worker processes");
      for (let i = 0; i < settings.workers; i++) this.startWorker(i);
      this.closeSockets(goneSockets(before.sockets, sockets));
      return;
    }
    const staying = new Set<number>();
    for (const worker of this.workers) {
      if (worker.generation !== this.generation || worker.state === "leaving") continue;
      if (worker.index < settings.workers) {
        staying.add(worker.index);
        worker.send({ type: "reload", config: this.delivery });
      } else {
        worker.surplus = true;
        worker.leave("quit");
      }
    }
    for (let i = before.settings.workers; i < settings.workers; i++) if (!staying.has(i)) this.startWorker(i);
  }

  private movePidFile(oldPath: string): void {
    if (oldPath === this.settings.pidPath) return;
    const failure = writePidFile(this.settings.pidPath) ?? removePidFile(oldPath);
    if (failure !== undefined) this.write(ALERT, failure);
  }

  private closeSockets(sockets: readonly OpenSocket[]): void {
    for (const open of sockets) closeListener(open, (message) => this.write(ALERT, message));
  }

  private closeAllSockets(): void {
    this.closeSockets(this.sockets);
    this.sockets = [];
  }

  private exit(code: number): void {
    const failure = removePidFile(this.settings.pidPath);
    if (failure !== undefined) this.write(ALERT, failure);
    this.closeAllSockets();
    this.notice("exit");
    flushLogs();
    process.exit(code);
  }

  private notice(message: string): void {
    this.write(NOTICE, message);
  }

  private write(level: LogLevel, message: string): void {
    this.log.write(level, 0, message);
  }
}

interface Frame {
  readonly sockets: readonly OpenSocket[];
  readonly settings: ProcessSettings;
}

function needsNewWorkers(before: Frame, after: Frame): boolean {
  const fds = ({ sockets }: Frame): string => sockets.map(({ fd }) => fd).join();
  const given = ({ settings: { user, descriptorLimit, priority, environment, workingDirectory } }: Frame): string =>
    JSON.stringify([user, descriptorLimit, priority, environment, workingDirectory]);
  return fds(before) !== fds(after) || given(before) !== given(after);
}

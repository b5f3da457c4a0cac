/** The workers of a master: starts them, replaces those that die, hands them new configurations, ends them. */

import type { MetricsRegistry } from "../metrics/metrics-registry.ts";
import type { Places } from "../metrics/rows.ts";
import { ALERT, EMERG, type LogLevel, NOTICE } from "../net/error-log.ts";
import { numberedException } from "../net/libc.ts";
import type { ZoneGrant, ZoneRegistry } from "../zone/zone-registry.ts";
import { type ConfigDelivery, FATAL_CODE } from "./messages.ts";
import { type OpenSocket, socketsOfWorker, socketsOfWorkers } from "./open-sockets.ts";
import { Restarts } from "./restarts.ts";
import { type ProcessSettings, workerEnvironment } from "./settings.ts";
import { signalNumber } from "./signals.ts";
import { WorkerProcess } from "./worker-process.ts";

/** A worker that does not stop at once is killed after this time, as nginx does. */
const STOP_PATIENCE_MS = 1000;
/** A worker that does not answer a reload in this time holds up the next one no longer. */
const ANSWER_PATIENCE_MS = 5000;

/** What workers are given. */
export interface WorkerFrame {
  readonly settings: ProcessSettings;
  readonly delivery: ConfigDelivery;
  readonly sockets: readonly OpenSocket[];
  readonly grants: readonly ZoneGrant[];
  /** Where its counters are. */
  readonly places: Places;
}

export interface PoolOwner {
  log(level: LogLevel, message: string): void;
  /** All workers that were asked for are ready, or ready again. */
  onServing(): void;
  /** The last worker has ended: after `stop` or `quit`, with 0, or because none can run, with another code. */
  onEmpty(code: number): void;
}

export class WorkerPool {
  private frame: WorkerFrame;
  private readonly zones: ZoneRegistry;
  private readonly metrics: MetricsRegistry;
  private readonly owner: PoolOwner;
  /** The environment in which the master was started. */
  private readonly environment: Readonly<Record<string, string | undefined>> = { ...process.env };
  private readonly workers = new Set<WorkerProcess>();
  private generation = 0;
  /** resting: workers end and are not replaced, the master stays (WINCH). */
  private state: "running" | "resting" | "ending" = "resting";
  private readonly restarts = new Restarts((index) => this.startAgain(index));
  private waiters: (() => void)[] = [];

  constructor(frame: WorkerFrame, zones: ZoneRegistry, metrics: MetricsRegistry, owner: PoolOwner) {
    this.frame = frame;
    this.zones = zones;
    this.metrics = metrics;
    this.owner = owner;
  }

  get resting(): boolean {
    return this.state === "resting";
  }

  get empty(): boolean {
    return this.workers.size === 0;
  }

  /** Starts all workers. */
  start(): void {
    this.state = "running";
    this.generation++;
    this.restarts.forget();
    this.notice("start worker processes");
    for (let i = 0; i < this.frame.settings.workers; i++) this.startWorker(i);
  }

  /**
   * Brings a new configuration to the workers. Those that run change over in place, unless the change concerns what a
   * worker is given when it is started; then new workers take over and the old ones finish what they have. Resolves when
   * all have changed over.
   */
  async change(frame: WorkerFrame): Promise<void> {
    const before = this.frame;
    this.frame = frame;
    if (this.state !== "running" || needsNewWorkers(before.settings, frame.settings)) {
      this.start();
      await this.answers();
      return;
    }
    const { workers } = frame.settings;
    for (const worker of this.current()) if (worker.index >= workers) worker.quit(false);
    const stay = this.current();
    const sockets = this.shares();
    for (const worker of stay) {
      const own = sockets.get(worker) ?? socketsOfWorker(frame.sockets, worker.index);
      const failure = worker.reload(frame.delivery, own, frame.grants, frame.places);
      if (failure !== undefined) this.giveUp(worker, failure);
    }
    const there = new Set(stay.map(({ index }) => index));
    for (let i = 0; i < workers; i++) if (!there.has(i) && !this.restarts.waits(i)) this.startWorker(i);
    await this.answers();
  }

  reopen(): void {
    for (const worker of this.workers) worker.reopen();
  }

  /** Workers end when their connections are done, and none takes their place until `start`. */
  rest(): void {
    if (this.state !== "running") return;
    this.state = "resting";
    for (const worker of this.workers) worker.quit(false);
  }

  /** Ends all workers when their connections are done; `last`: no other process listens where they did. */
  quit(last: boolean): void {
    this.state = "ending";
    for (const worker of this.workers) worker.quit(last);
    if (this.empty) this.owner.onEmpty(0);
  }

  /** Ends all workers at once. */
  stop(): void {
    this.state = "ending";
    for (const worker of this.workers) worker.stop();
    setTimeout(() => {
      for (const worker of this.workers) worker.kill();
    }, STOP_PATIENCE_MS);
    if (this.empty) this.owner.onEmpty(0);
  }

  /** The workers that serve by the present configuration, or are about to. */
  private current(): WorkerProcess[] {
    return [...this.workers].filter(
      (worker) => worker.generation === this.generation && (worker.state === "starting" || worker.state === "ready"),
    );
  }

  private startWorker(index: number): void {
    const { settings, sockets, delivery, grants, places } = this.frame;
    const environment = workerEnvironment(settings, this.environment);
    const metrics = { fd: this.metrics.fd, places };
    const share = { fd: this.zones.fd, slot: this.zones.takeSlot(), grants, metrics };
    const own = socketsOfWorker(sockets, index);
    let worker: WorkerProcess;
    try {
      this.metrics.prepareWorker(share.slot);
      worker = new WorkerProcess(index, this.generation, own, environment, delivery, share, {
        onReady: () => this.onReady(),
        onChanged: (changed, ok) => this.onChanged(changed, ok),
        onLeaving: (leaver) => this.replace(leaver),
        onExit: (gone, code, signal) => this.onExit(gone, code, signal),
        onPeers: () => this.onPeers(),
      });
    } catch (error) {
      this.zones.releaseWorker(share.slot, 0);
      this.log(ALERT, `fork() failed while spawning "worker process" (${numberedException(error)})`);
      this.restarts.schedule(index, performance.now());
      return;
    }
    for (const other of this.current()) {
      other.meet(worker);
      worker.meet(other);
    }
    this.workers.add(worker);
    this.metrics.workerStarted();
    this.notice(`start worker process ${worker.pid}`);
  }

  private onReady(): void {
    this.tellWaiters();
    this.spread();
    this.settle();
  }

  /** When no worker is being started any more: those of before the last `start` have nothing left to do. */
  private settle(): void {
    const current = this.current();
    if (current.length === 0 || current.some(({ state }) => state === "starting")) return;
    for (const worker of this.workers) {
      if (worker.generation !== this.generation && worker.state === "ready") worker.quit(false);
    }
    this.owner.onServing();
  }

  private onChanged(worker: WorkerProcess, ok: boolean): void {
    if (!ok && worker.state === "ready") this.giveUp(worker, "it could not read the configuration, or get the sockets");
    this.tellWaiters();
  }

  /** A worker that cannot change over is replaced; it finishes what it has. */
  private giveUp(worker: WorkerProcess, why: string): void {
    this.log(ALERT, `worker process ${worker.pid} cannot change over (${why}) and is replaced`);
    worker.quit(false);
    this.replace(worker);
  }

  /** It accepts no more. */
  private replace({ index, generation, startedMs }: WorkerProcess): void {
    if (this.state !== "running" || generation !== this.generation) return;
    this.spread();
    this.restarts.schedule(index, startedMs);
  }

  /** What each worker that is ready accepts from. */
  private shares(): Map<WorkerProcess, OpenSocket[]> {
    const ready = this.current()
      .filter(({ state }) => state === "ready")
      .sort((a, b) => a.index - b.index);
    const indexes = ready.map(({ index }) => index);
    const sockets = socketsOfWorkers(this.frame.sockets, indexes);
    return new Map(ready.map((worker, i) => [worker, sockets[i] ?? []]));
  }

  /** Sees to it that somebody accepts from every socket. */
  private spread(): void {
    if (this.state !== "running") return;
    for (const [worker, sockets] of this.shares()) {
      const failure = worker.state === "ready" ? worker.listen(sockets) : undefined;
      if (failure !== undefined) this.giveUp(worker, failure);
    }
  }

  private onExit(worker: WorkerProcess, code: number, signal: number): void {
    this.metrics.releaseWorker(worker.slot);
    if (!worker.left && this.state === "running") this.metrics.workerDied();
    this.zones.releaseWorker(worker.slot, worker.pid);
    this.workers.delete(worker);
    this.notice(`signal ${signalNumber("SIGCHLD")} (SIGCHLD) received from ${worker.pid}`);
    if (signal !== 0) this.log(ALERT, `worker process ${worker.pid} exited on signal ${signal}`);
    else this.notice(`worker process ${worker.pid} exited with code ${code}`);
    this.tellWaiters();
    if (this.state === "ending") {
      if (this.empty) this.owner.onEmpty(0);
      return;
    }
    if (this.state === "resting" || worker.left || worker.generation !== this.generation) return;
    if (code === FATAL_CODE && signal === 0) {
      this.log(ALERT, `worker process ${worker.pid} exited with fatal code ${code} and cannot be respawned`);
      if (this.empty) this.cannotServe();
      this.spread();
      this.settle();
      return;
    }
    this.replace(worker);
  }

  /** nginx's master would stay without workers, with clients waiting in the queues of its sockets. */
  private cannotServe(): void {
    this.log(EMERG, "no worker process can run");
    this.owner.onEmpty(1);
  }

  private onPeers(): void {
    for (const worker of this.workers) worker.peersChanged();
  }

  private startAgain(index: number): void {
    if (this.state === "running" && index < this.frame.settings.workers) this.startWorker(index);
  }

  private async answers(): Promise<void> {
    const deadline = Date.now() + ANSWER_PATIENCE_MS;
    const unanswered = ({ changing, state }: WorkerProcess): boolean => changing > 0 || state === "starting";
    while ([...this.workers].some(unanswered)) {
      const left = deadline - Date.now();
      if (left <= 0) return;
      await new Promise<void>((resolve) => {
        this.waiters.push(resolve);
        setTimeout(resolve, left);
      });
    }
  }

  private tellWaiters(): void {
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  private notice(message: string): void {
    this.log(NOTICE, message);
  }

  private log(level: LogLevel, message: string): void {
    this.owner.log(level, message);
  }
}

/** Rights, limits and environment cannot be changed in a running process. */
function needsNewWorkers(before: ProcessSettings, after: ProcessSettings): boolean {
  const given = (of: ProcessSettings): string =>
    JSON.stringify([of.user, of.descriptorLimit, of.coreLimitBytes, of.priority, of.environment, of.workingDirectory]);
  return given(before) !== given(after);
}

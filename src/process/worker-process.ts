/** One worker as the master sees it. */
import { constants } from "node:os";
import type { ListenerHandle } from "../net/listen.ts";
import type { ZoneGrant } from "../zone/zone-registry.ts";
import type { ConfigDelivery, ToMaster, ToWorker } from "./messages.ts";
import type { OpenSocket } from "./open-sockets.ts";
import { markedAsWorker } from "./worker-channel.ts";

/** Shown by ps, as nginx's. */
const TITLE = "hopway: worker process";
/** The first descriptor after the standard ones. */
const FIRST_SOCKET = 3;

export interface WorkerEvents {
  onReady(worker: WorkerProcess): void;
  /** `signal` is 0 when the worker ended by itself. */
  onExit(worker: WorkerProcess, code: number, signal: number): void;
}

/** The zones that a master shares with a worker: see ZoneRegistry. */
export interface WorkerShare {
  /** `ZoneRegistry.fd`. */
  readonly fd: number;
  /** `ZoneRegistry.takeSlot()`: to be given to `releaseWorker` when the worker has ended. */
  readonly slot: number;
  readonly grants: readonly ZoneGrant[];
}

export class WorkerProcess {
  /** Which of the workers it is: 0 to worker_processes - 1. */
  readonly index: number;
  /** Counts the changes of listening sockets: workers of an older one are on their way out. */
  readonly generation: number;
  state: "starting" | "ready" | "leaving" | "gone" = "starting";
  /** It has been ready once. */
  served = false;
  /** One too many since a reload: not replaced when it ends. */
  surplus = false;
  /** Its column in shared zones; undefined when it keeps its zones to itself. */
  readonly slot: number | undefined;
  private readonly child: Bun.Subprocess<"ignore", "inherit", "inherit">;

  constructor(
    index: number,
    generation: number,
    sockets: readonly OpenSocket[],
    environment: Record<string, string>,
    config: ConfigDelivery,
    events: WorkerEvents,
    share?: WorkerShare,
  ) {
    this.index = index;
    this.generation = generation;
    this.slot = share?.slot;
    const fds = sockets.map(({ fd }) => fd);
    if (share !== undefined) fds.push(share.fd);
    this.child = Bun.spawn<"ignore", "inherit", "inherit">({
      cmd: [process.execPath, ...process.execArgv, Bun.main],
      argv0: TITLE,
      env: markedAsWorker(environment),
      stdio: ["ignore", "inherit", "inherit", ...fds],
      serialization: "advanced",
      ipc: (message: ToMaster) => {
        if (message.type !== "ready" || this.state !== "starting") return;
        this.state = "ready";
        this.served = true;
        events.onReady(this);
      },
      onExit: (_child, code, signal) => {
        this.state = "gone";
        events.onExit(this, code ?? 0, signal === null ? 0 : numberOfSignal(signal));
      },
    });
    const listeners = sockets.map(({ address, options }, i): ListenerHandle => {
      return { fd: FIRST_SOCKET + i, address, options };
    });
    if (share === undefined) this.send({ type: "start", config, listeners });
    else this.send({ type: "start", config, listeners, zones: { ...share, fd: FIRST_SOCKET + sockets.length } });
  }

  get pid(): number {
    return this.child.pid;
  }

  send(message: ToWorker): void {
    if (this.state === "gone") return;
    try {
      this.child.send(message);
    } catch {
      // The worker has just died: onExit follows.
    }
  }

  /** Asks the worker to end: at once, or when its connections are done. */
  leave(how: "stop" | "quit"): void {
    if (this.state !== "gone") this.state = "leaving";
    this.send({ type: how });
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }
}

/** Bun gives the name, though its types promise the number. */
function numberOfSignal(signal: number | string): number {
  if (typeof signal === "number") return signal;
  return new Map<string, number>(Object.entries(constants.signals)).get(signal) ?? 0;
}

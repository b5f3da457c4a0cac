/** One worker as the master sees it. */
import { constants } from "node:os";
import type { MetricsHandover } from "../metrics/metrics-registry.ts";
import type { Places } from "../metrics/rows.ts";
import { sendDescriptors } from "../net/descriptor-passing.ts";
import { closeDescriptor } from "../net/libc.ts";
import { packetChannel } from "../net/packet-channel.ts";
import { SOCK_STREAM, socketPair } from "../net/socket-pair.ts";
import type { ZoneGrant } from "../zone/zone-registry.ts";
import type { ConfigDelivery, OfferedSocket, SocketOffer, ToMaster, ToWorker } from "./messages.ts";
import type { OpenSocket } from "./open-sockets.ts";
import { runtimeCommand } from "./relaunch.ts";
import { markedAsWorker } from "./worker-channel.ts";

/** Shown by ps, as nginx's. */
const TITLE = "hopway: worker process";
/** The first descriptor after the standard ones. */
const FIRST_SOCKET = 3;

export interface WorkerEvents {
  onReady(worker: WorkerProcess): void;
  /** A change has reached it; `ok`: it serves by the new configuration and on the new sockets. */
  onChanged(worker: WorkerProcess, ok: boolean): void;
  /** A signal has told it to end when its connections are done. */
  onLeaving(worker: WorkerProcess): void;
  /** `signal` is 0 when the worker ended by itself. */
  onExit(worker: WorkerProcess, code: number, signal: number): void;
  /** An operator has told it which peers get new requests. */
  onPeers(): void;
}

/** The memory that a master shares with a worker: see ZoneRegistry, MetricsRegistry. */
export interface WorkerShare {
  /** `ZoneRegistry.fd`. */
  readonly fd: number;
  /** `ZoneRegistry.takeSlot()`: to be given to `releaseWorker` when the worker has ended. */
  readonly slot: number;
  readonly grants: readonly ZoneGrant[];
  readonly metrics: MetricsHandover;
}

export class WorkerProcess {
  /** Which of the workers it is: 0 to worker_processes - 1. */
  readonly index: number;
  /** Counts the changes of what a worker is given when it is started: workers of an older one are on their way out. */
  readonly generation: number;
  state: "starting" | "ready" | "leaving" | "gone" = "starting";
  /** It accepts no more: it was asked to end, here or by a signal. */
  left = false;
  /** Monotonic ms. */
  readonly startedMs = performance.now();
  /** Reloads and changes of its sockets that it has not answered yet. */
  changing = 0;
  /** Its column in shared zones. */
  readonly slot: number;
  private readonly child: Bun.Subprocess<"ignore", "inherit", "inherit">;
  private readonly channel: number;
  /** What is sent here reaches the worker. */
  private readonly packets: number;
  /** The sockets that it accepts from, by id. */
  private held: ReadonlySet<number>;

  constructor(
    index: number,
    generation: number,
    sockets: readonly OpenSocket[],
    environment: Record<string, string>,
    config: ConfigDelivery,
    share: WorkerShare,
    events: WorkerEvents,
  ) {
    this.index = index;
    this.generation = generation;
    this.slot = share.slot;
    this.held = ids(sockets);
    const [here, there] = socketPair(SOCK_STREAM);
    this.channel = here;
    const [receiving, sending] = packetChannel();
    this.packets = sending;
    const fds = [...sockets.map(({ fd }) => fd), share.fd, share.metrics.fd, there, receiving];
    try {
      this.child = Bun.spawn<"ignore", "inherit", "inherit">({
        cmd: runtimeCommand(),
        argv0: TITLE,
        env: markedAsWorker(environment),
        stdio: ["ignore", "inherit", "inherit", ...fds],
        serialization: "advanced",
        ipc: (message: ToMaster) => this.onMessage(message, events),
        onExit: (_child, code, signal) => {
          this.state = "gone";
          closeDescriptor(here);
          closeDescriptor(sending);
          events.onExit(this, code ?? 0, signal === null ? 0 : numberOfSignal(signal));
        },
      });
    } catch (error) {
      closeDescriptor(here);
      throw error;
    } finally {
      closeDescriptor(there);
      closeDescriptor(receiving);
    }
    const offered = sockets.map((socket, i) => ({ ...named(socket), fd: FIRST_SOCKET + i }));
    const { slot, grants } = share;
    const zones = { fd: FIRST_SOCKET + sockets.length, slot, grants };
    const metrics = { ...share.metrics, fd: zones.fd + 1 };
    const channel = metrics.fd + 1;
    this.send({ type: "start", index, config, sockets: offered, channel, zones, metrics, packets: channel + 1 });
  }

  get pid(): number {
    return this.child.pid;
  }

  /** Hands over a new configuration and the sockets that go with it. Returns the system's words when it could not. */
  reload(
    config: ConfigDelivery,
    sockets: readonly OpenSocket[],
    zones: readonly ZoneGrant[],
    places: Places,
  ): string | undefined {
    const offer = this.handOver(sockets);
    if (typeof offer === "string") return offer;
    this.changing++;
    this.send({ type: "reload", config, offer, zones, places });
    return undefined;
  }

  /** Changes the sockets that it accepts from. Returns the system's words when it could not. */
  listen(sockets: readonly OpenSocket[]): string | undefined {
    if (sockets.length === this.held.size && sockets.every(({ id }) => this.held.has(id))) return undefined;
    const offer = this.handOver(sockets);
    if (typeof offer === "string") return offer;
    this.changing++;
    this.send({ type: "listen", offer });
    return undefined;
  }

  /** Sends the descriptors that it does not have. */
  private handOver(sockets: readonly OpenSocket[]): SocketOffer | string {
    const added = sockets.filter(({ id }) => !this.held.has(id));
    const failure = sendDescriptors(
      this.channel,
      added.map(({ fd }) => fd),
    );
    if (failure !== undefined) return failure;
    this.held = ids(sockets);
    return { sockets: sockets.map(named), added: [...ids(added)] };
  }

  /** Tells it of another worker, which it can hand connections over to. */
  meet(other: WorkerProcess): void {
    if (sendDescriptors(this.channel, [other.packets]) !== undefined) return;
    this.send({ type: "neighbour", worker: { slot: other.slot, pid: other.pid } });
  }

  reopen(): void {
    this.send({ type: "reopen" });
  }

  /** Tells it that an operator has changed which peers get new requests. */
  peersChanged(): void {
    this.send({ type: "peers" });
  }

  /** Asks the worker to end at once. */
  stop(): void {
    this.leave({ type: "stop" });
  }

  /** Asks the worker to end when its connections are done. */
  quit(last: boolean): void {
    this.leave({ type: "quit", last });
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }

  private leave(message: ToWorker): void {
    this.left = true;
    if (this.state !== "gone") this.state = "leaving";
    this.send(message);
  }

  private send(message: ToWorker): void {
    if (this.state === "gone") return;
    try {
      this.child.send(message);
    } catch {
      // The worker has just died: onExit follows.
    }
  }

  private onMessage(message: ToMaster, events: WorkerEvents): void {
    switch (message.type) {
      case "ready":
        if (this.state !== "starting") return;
        this.state = "ready";
        events.onReady(this);
        return;
      case "changed":
        this.changing--;
        events.onChanged(this, message.ok);
        return;
      case "leaving":
        if (this.left) return;
        this.left = true;
        this.state = "leaving";
        events.onLeaving(this);
        return;
      case "peers":
        events.onPeers();
    }
  }
}

function ids(sockets: readonly OpenSocket[]): Set<number> {
  return new Set(sockets.map(({ id }) => id));
}

/** A socket as a worker is told of it. */
function named({ id, address, options, shared }: OpenSocket): OfferedSocket {
  return { id, address, options, shared };
}

/** Bun gives the name, though its types promise the number. */
function numberOfSignal(signal: number | string): number {
  if (typeof signal === "number") return signal;
  return new Map<string, number>(Object.entries(constants.signals)).get(signal) ?? 0;
}

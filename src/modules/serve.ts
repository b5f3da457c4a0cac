/** A worker's serving of HTTP: adopts the listening sockets, makes connections, swaps configurations, winds down. */
import type { LoadedConfig } from "../config/load.ts";
import type { LoadContext } from "../config/load-context.ts";
import { Connection } from "../http/connection.ts";
import type { ConnectionHost, ListenBinding } from "../http/connection-host.ts";
import type { AddressServers } from "../http/location.ts";
import type { Request } from "../http/request.ts";
import { ACCEPTED, ACTIVE, BUSY_TIMES, HANDLED } from "../metrics/cells.ts";
import { count, uncount } from "../metrics/counters.ts";
import { BUSY, observe } from "../metrics/histogram.ts";
import { watching } from "../metrics/watching.ts";
import { type AcceptOwner, Acceptor } from "../net/acceptor.ts";
import { addressText, plainAddress } from "../net/address.ts";
import { addSlotHolder, limitConnections, notEnoughConnections, type SlotHolder } from "../net/connection-slots.ts";
import { ALERT, type ErrorLog, WARN } from "../net/error-log.ts";
import { type Deferred, defer, observeBusy, setFaults } from "../net/event-loop.ts";
import { exceptionText } from "../net/exception-text.ts";
import { closeDescriptor } from "../net/libc.ts";
import type { SharedListener } from "../net/listen.ts";
import type { WorkerName } from "../net/neighbours.ts";
import type { PlainSocket } from "../net/plain-socket.ts";
import { closeAtOnce, drainForShutdown, drainGone, leadsToDrainedPeer } from "../proxy/drain.ts";
import { heedOperator } from "../upstream/operator-drain.ts";
import { upstreams } from "../upstream/upstream-set.ts";
import { History } from "./dashboard-history.ts";
import { Handover, type HandoverHost } from "./handover.ts";
import { closeKeptLogs } from "./open-log-files.ts";
import { startExporter } from "./otel.ts";
import { eventSettings } from "./process-core.ts";
import { type BoundServers, type Serving as ServingTree, servingOf } from "./serving-tree.ts";
import { ClosingDoors, DRAIN_SHARE, LastWords } from "./winding-down.ts";
import { Reporter } from "./worker-reports.ts";

/** What a process does with a running server. */
export interface Serving {
  /**
   * New requests are served by another configuration, and on its sockets; running ones and tunnels go on as they began.
   * `done` is called when the sockets that it does not have are closed.
   */
  reload(config: LoadedConfig, listeners: readonly SharedListener[], done: () => void): void;
  /** Accepts from these sockets and no others: those that go are served by another process. */
  listen(listeners: readonly SharedListener[]): void;
  /**
   * Accepts no more, closes idle connections, calls `done` when the last one has ended. `last`: nobody listens on the
   * sockets after this process, so that whoever is in their queues is still served. `withinMs`: after this time the
   * process ends in any case.
   */
  stopGracefully(last: boolean, withinMs: number, done: () => void): void;
  /** The time of a graceful stop is over: closes everything, WebSockets with a Close frame; calls `done` soon. */
  stopSoon(done: () => void): void;
  /** Closes everything at once. */
  stopNow(): void;
  reopenLogs(): void;
  /** Another worker takes connections over that are sent to this descriptor. */
  addNeighbour(other: WorkerName, channel: number): void;
  /** An operator has said which peers get new requests. */
  peersChanged(): void;
}

/** How a worker is reached by others. */
export interface PacketChannel {
  readonly self: WorkerName;
  /** The descriptor that it receives from. */
  readonly receiving: number;
}

/** What connections to a listening address see of the configuration: the same, whichever of its sockets they come by. */
interface Place {
  readonly main: MutableBinding;
  specific: ReadonlyMap<string, MutableBinding>;
}

/** A listening socket that this process accepts from. */
interface Door {
  readonly fd: number;
  readonly address: string;
  readonly acceptor: Acceptor;
}

interface MutableBinding extends ListenBinding {
  servers: AddressServers;
  closing: boolean;
}

/** So many connections are looked at for one that rests: the search must stay short when few do. */
const HAND_STEPS = 256;

class HttpServing implements Serving, ConnectionHost, SlotHolder, HandoverHost, Deferred {
  draining = false;
  private readonly connections = new Set<Connection>();
  private doors: Door[] = [];
  /** By address. */
  private readonly places = new Map<string, Place>();
  private tree: ServingTree | undefined;
  private load: LoadContext;
  private readonly errorLog: ErrorLog;
  private reporter: Reporter | undefined = undefined;
  private history: History | undefined = undefined;
  private done: (() => void) | undefined = undefined;
  /** While the process stops: WebSockets are told within this time. */
  private drainMs = Number.POSITIVE_INFINITY;

  readonly handover: Handover | undefined;
  /** Those that the last reload took away: who came in by them may be on the way here. */
  private formerPlaces = new Map<string, Place>();
  private multiAccept = false;
  /** Goes round the connections in search of those that rest. */
  private hand: Iterator<Connection> | undefined = undefined;

  constructor(
    config: LoadedConfig,
    listeners: readonly SharedListener[],
    errorLog: ErrorLog,
    packets: PacketChannel | undefined,
  ) {
    this.load = config.load;
    this.tree = servingOf(config.load).serving;
    this.errorLog = errorLog;
    this.obeyEvents(config);
    addSlotHolder(this);
    this.obeyWatching();
    startExporter(config.load);
    heedOperator(upstreams(config.load));
    for (const listener of listeners) this.openDoor(listener);
    this.handover = packets === undefined ? undefined : new Handover(packets.self, packets.receiving, this);
  }

  onTunnel(r: Request): void {
    if (this.draining) drainForShutdown([r], this.drainMs);
    else if (r.server.http !== this.tree?.config || leadsToDrainedPeer(r)) drainGone([r], this.load);
  }

  onConnectionClosed(connection: Connection): void {
    uncount(ACTIVE);
    this.connections.delete(connection);
    // What the last one leaves behind, its line in the log, comes before the end.
    if (this.connections.size === 0 && this.done !== undefined) defer(this);
  }

  onTurn(): void {
    if (this.connections.size === 0) this.done?.();
  }

  reload(config: LoadedConfig, listeners: readonly SharedListener[], done: () => void): void {
    this.tree = servingOf(config.load).serving;
    upstreams(config.load).continueFrom(upstreams(this.load));
    heedOperator(upstreams(config.load));
    this.load = config.load;
    this.obeyEvents(config);
    this.obeyWatching();
    startExporter(config.load);
    this.updatePlaces();
    drainGone(this.requests(), this.load);
    const closing: Door[] = [];
    for (const door of this.changeDoors(listeners)) {
      // Another process goes on with it, or nobody does.
      if (this.places.has(door.address)) door.acceptor.stop();
      else closing.push(door);
    }
    if (closing.length === 0) done();
    else new ClosingDoors(acceptorsOf(closing), done);
    for (const connection of [...this.connections]) if (connection.binding.closing) connection.closeIdle();
  }

  listen(listeners: readonly SharedListener[]): void {
    for (const { acceptor } of this.changeDoors(listeners)) acceptor.stop();
  }

  /** Connections keep the binding that they came in by: it gets the servers of the new configuration. */
  private updatePlaces(): void {
    this.formerPlaces = new Map();
    for (const [address, place] of this.places) {
      const bound = this.tree?.bound.get(address);
      if (bound !== undefined) updatePlace(place, bound);
      else {
        for (const binding of [place.main, ...place.specific.values()]) binding.closing = true;
        this.places.delete(address);
        this.formerPlaces.set(address, place);
      }
    }
  }

  /** Makes the doors those of these sockets. Returns the others, which still accept. */
  private changeDoors(listeners: readonly SharedListener[]): Door[] {
    const wanted = new Map(listeners.map((listener) => [listener.fd, listener]));
    const gone: Door[] = [];
    for (const door of this.doors) {
      const listener = wanted.get(door.fd);
      if (listener === undefined) {
        gone.push(door);
        continue;
      }
      door.acceptor.shared = listener.shared;
      door.acceptor.many = this.multiAccept;
    }
    this.doors = this.doors.filter(({ fd }) => wanted.has(fd));
    const open = new Set(this.doors.map(({ fd }) => fd));
    for (const listener of listeners) if (!open.has(listener.fd)) this.openDoor(listener);
    return gone;
  }

  stopGracefully(last: boolean, withinMs: number, done: () => void): void {
    this.handover?.leave();
    const { doors } = this;
    this.doors = [];
    const closed = (): void => {
      this.done = done;
      if (this.connections.size === 0) done();
    };
    this.draining = true;
    if (last && doors.length > 0) new ClosingDoors(acceptorsOf(doors), closed);
    else for (const door of doors) door.acceptor.stop();
    this.drainMs = withinMs * DRAIN_SHARE;
    drainForShutdown(this.requests(), this.drainMs);
    for (const connection of [...this.connections]) connection.closeIdle();
    if (!last || doors.length === 0) closed();
  }

  stopSoon(done: () => void): void {
    for (const connection of [...this.connections]) {
      const { request } = connection;
      if (request === undefined || !closeAtOnce(request)) connection.close();
    }
    if (this.connections.size > 0) new LastWords(done);
  }

  stopNow(): void {
    for (const door of this.doors) door.acceptor.stop();
    for (const connection of [...this.connections]) connection.close();
  }

  reopenLogs(): void {
    // Those with fixed names are per process: `net/log-file` reopens them all.
    closeKeptLogs();
  }

  addNeighbour(other: WorkerName, channel: number): void {
    if (this.handover === undefined || this.draining) closeDescriptor(channel);
    else this.handover.add(other, channel);
  }

  peersChanged(): void {
    heedOperator(upstreams(this.load));
    if (!this.draining) drainGone(this.requests(), this.load);
  }

  private *requests(): Iterable<Request> {
    for (const { request } of this.connections) if (request !== undefined) yield request;
  }

  closeResting(): boolean {
    for (let step = 0; step < HAND_STEPS; step++) {
      this.hand ??= this.connections.values();
      const { value: connection, done } = this.hand.next();
      if (done === true) {
        this.hand = undefined;
        if (step === 0 && this.connections.size === 0) return false;
      } else if (connection.resting) {
        connection.close();
        return true;
      }
    }
    return false;
  }

  private obeyEvents(config: LoadedConfig): void {
    const { workerConnections, multiAccept } = eventSettings(config);
    this.multiAccept = multiAccept;
    limitConnections(workerConnections, () => {
      this.errorLog.write(WARN, 0, `${notEnoughConnections()}, reusing connections`);
    });
  }

  private obeyWatching(): void {
    const { wanted, lists, history } = watching(this.load);
    this.reporter?.stop();
    this.reporter = lists ? new Reporter(this.connections) : undefined;
    this.history?.stop();
    this.history = history ? new History(this.load) : undefined;
    observeBusy(wanted ? { onBusy: (ms) => observe(BUSY_TIMES, BUSY, ms) } : undefined);
  }

  private openDoor(listener: SharedListener): void {
    const address = addressText(listener.address);
    const bound = this.tree?.bound.get(address);
    if (bound === undefined) return;
    const place = this.placeOf(address, bound);
    const owner: AcceptOwner = {
      onAccept: (socket) => this.accept(socket, place),
      onAcceptError: (level, message) => this.errorLog.write(level, 0, message),
      onFull: () => {
        count(ACCEPTED);
        this.onFull();
      },
    };
    const acceptor = new Acceptor(listener.fd, owner, listener.shared, this.multiAccept);
    this.doors.push({ fd: listener.fd, address, acceptor });
  }

  private placeOf(address: string, bound: BoundServers): Place {
    const place = this.places.get(address) ?? newPlace(address, bound);
    this.places.set(address, place);
    return place;
  }

  private accept(socket: PlainSocket, place: Place): Connection {
    count(ACCEPTED);
    count(HANDLED);
    return this.connect(socket, place);
  }

  comeIn(socket: PlainSocket, address: string): Connection | undefined {
    const bound = this.tree?.bound.get(address);
    const place = bound === undefined ? this.formerPlaces.get(address) : this.placeOf(address, bound);
    return place === undefined ? undefined : this.connect(socket, place);
  }

  onFull(): void {
    this.errorLog.write(ALERT, 0, notEnoughConnections());
  }

  private connect(socket: PlainSocket, { main, specific }: Place): Connection {
    count(ACTIVE);
    const binding = specific.size === 0 ? main : (specific.get(plainAddress(socket.localAddress)) ?? main);
    const connection = new Connection(socket, binding, this);
    this.connections.add(connection);
    return connection;
  }
}

function acceptorsOf(doors: readonly Door[]): Acceptor[] {
  return doors.map(({ acceptor }) => acceptor);
}

function newPlace(text: string, bound: BoundServers): Place {
  const { address, servers } = bound;
  const main = { servers, text, isUnix: address.family === "unix", port: address.port, closing: false };
  return { main, specific: specificBindings(bound) };
}

function updatePlace(place: Place, bound: BoundServers): void {
  place.main.servers = bound.servers;
  const fresh = specificBindings(bound);
  for (const [host, binding] of place.specific) {
    const next = fresh.get(host);
    // An address that is not named any more is served as any other of its socket.
    binding.servers = next?.servers ?? bound.servers;
    if (next !== undefined) fresh.set(host, binding);
  }
  place.specific = fresh;
}

function specificBindings(bound: BoundServers): Map<string, MutableBinding> {
  const out = new Map<string, MutableBinding>();
  const text = addressText(bound.address);
  for (const [host, servers] of bound.specific) {
    out.set(host, { servers, text, isUnix: false, port: bound.address.port, closing: false });
  }
  return out;
}

/** Starts serving what the configuration's http block says on the given sockets. */
export function serve(
  config: LoadedConfig,
  listeners: readonly SharedListener[],
  errorLog: ErrorLog,
  packets: PacketChannel | undefined,
): Serving {
  setFaults({ onFault: (error) => errorLog.write(ALERT, 0, exceptionText(error)) });
  return new HttpServing(config, listeners, errorLog, packets);
}

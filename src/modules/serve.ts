/** A worker's serving of HTTP: adopts the listening sockets, makes connections, swaps configurations, winds down. */
import type { LoadedConfig } from "../config/load.ts";
import { Connection, type ConnectionHost, type ListenBinding } from "../http/connection.ts";
import type { AddressServers } from "../http/location.ts";
import { addressText, plainAddress } from "../net/address.ts";
import { ALERT, CRIT, type ErrorLog } from "../net/error-log.ts";
import { setFaults } from "../net/event-loop.ts";
import type { ListenerHandle } from "../net/listen.ts";
import { Acceptor, type Socket } from "../net/socket.ts";
import { closeKeptLogs } from "./open-log-files.ts";
import { type BoundServers, type Serving as ServingTree, servingOf } from "./serving-tree.ts";

/** What a process does with a running server. */
export interface Serving {
  /** New requests are served by another configuration; running ones and tunnels go on as they began. */
  reload(config: LoadedConfig): void;
  /** Accepts no more, closes idle connections, calls `done` when the last one has ended. */
  stopGracefully(done: () => void): void;
  /** Closes everything at once. */
  stopNow(): void;
  reopenLogs(): void;
}

/** The bindings of one listening socket. */
interface Door {
  readonly address: string;
  readonly main: MutableBinding;
  specific: ReadonlyMap<string, MutableBinding>;
  readonly acceptor: Acceptor;
}

interface MutableBinding extends ListenBinding {
  servers: AddressServers;
}

class HttpServing implements Serving, ConnectionHost {
  draining = false;
  private readonly connections = new Set<Connection>();
  private readonly doors: Door[] = [];
  private tree: ServingTree;
  private readonly errorLog: ErrorLog;
  private done: (() => void) | undefined = undefined;

  constructor(tree: ServingTree, listeners: readonly ListenerHandle[], errorLog: ErrorLog) {
    this.tree = tree;
    this.errorLog = errorLog;
    for (const listener of listeners) this.openDoor(listener);
  }

  onConnectionClosed(connection: Connection): void {
    this.connections.delete(connection);
    if (this.draining && this.connections.size === 0) this.done?.();
  }

  reload(config: LoadedConfig): void {
    const next = servingOf(config.load).serving;
    if (next === undefined) return;
    this.tree = next;
    for (const door of this.doors) {
      const bound = next.bound.get(door.address);
      if (bound === undefined) continue;
      door.main.servers = bound.servers;
      door.specific = specificBindings(bound);
    }
  }

  stopGracefully(done: () => void): void {
    this.draining = true;
    this.done = done;
    for (const door of this.doors) door.acceptor.stop();
    for (const connection of [...this.connections]) connection.closeIdle();
    if (this.connections.size === 0) done();
  }

  stopNow(): void {
    for (const door of this.doors) door.acceptor.stop();
    for (const connection of [...this.connections]) connection.close();
  }

  reopenLogs(): void {
    // Those with fixed names are per process: `net/log-file` reopens them all.
    closeKeptLogs();
  }

  private openDoor(listener: ListenerHandle): void {
    const address = addressText(listener.address);
    const bound = this.tree.bound.get(address);
    if (bound === undefined) return;
    const main: MutableBinding = {
      servers: bound.servers,
      text: address,
      isUnix: listener.address.family === "unix",
      port: listener.address.port,
    };
    const door: Door = {
      address,
      main,
      specific: specificBindings(bound),
      acceptor: new Acceptor(listener.fd, {
        onAccept: (socket) => this.accept(socket, door),
        onAcceptError: (message) => this.errorLog.write(CRIT, 0, message),
      }),
    };
    this.doors.push(door);
  }

  private accept(socket: Socket, door: Door): Connection {
    const binding =
      door.specific.size === 0 ? door.main : (door.specific.get(plainAddress(socket.localAddress)) ?? door.main);
    const connection = new Connection(socket, binding, this);
    this.connections.add(connection);
    return connection;
  }
}

function specificBindings(bound: BoundServers): Map<string, MutableBinding> {
  const out = new Map<string, MutableBinding>();
  const text = addressText(bound.address);
  for (const [host, servers] of bound.specific) {
    out.set(host, { servers, text, isUnix: false, port: bound.address.port });
  }
  return out;
}

const nothing: Serving = {
  reload: () => {},
  stopGracefully: (done) => done(),
  stopNow: () => {},
  reopenLogs: () => {},
};

/** Starts serving what the configuration's http block says on the given sockets. */
export function serve(config: LoadedConfig, listeners: readonly ListenerHandle[], errorLog: ErrorLog): Serving {
  setFaults({
    onFault: (error) =>
      errorLog.write(ALERT, 0, error instanceof Error ? (error.stack ?? error.message) : String(error)),
  });
  const tree = servingOf(config.load).serving;
  return tree === undefined ? nothing : new HttpServing(tree, listeners, errorLog);
}

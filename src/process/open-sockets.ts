/** The listening sockets that a master holds: opened once, kept over reloads, handed to workers by number. */
import { type Address, addressText, fromSystemAddress } from "../net/address.ts";
import { ALERT, EMERG, type LogLevel, NOTICE } from "../net/error-log.ts";
import {
  closeDescriptor,
  closeOnExec,
  EADDRINUSE,
  lastErrno,
  listenSocket,
  numberedError,
  SO_REUSEPORT,
  SOL_SOCKET,
  setIntegerOption,
  socketName,
} from "../net/libc.ts";
import { applyOptions, closeListener, type ListenSocket, openListener, type SharedListener } from "../net/listen.ts";
import { dropNewConnections } from "../net/refuse-new.ts";

/** nginx's patience with a busy address. */
const TRIES = 5;
const RETRY_PAUSE_MS = 500;

export interface OpenSocket extends SharedListener {
  /** Names the socket to the workers: never used again for another. */
  readonly id: number;
  /** The worker that accepts from it, by index, where each has its own (`reuseport`); undefined: all do. */
  readonly worker: number | undefined;
}

export type Report = (level: LogLevel, message: string) => void;

let lastId = 0;

function openSocket(fd: number, address: Address, options: ListenSocket["options"]): OpenSocket {
  return { id: ++lastId, fd, address, options, worker: undefined, shared: false };
}

/** The sockets of one address: those there are and, after opening, those that the configuration asks for as well. */
class AddressSockets {
  readonly wanted: ListenSocket;
  readonly open: OpenSocket[];
  private readonly held: readonly OpenSocket[];
  private readonly count: number;

  constructor(wanted: ListenSocket, held: readonly OpenSocket[], workers: number) {
    this.wanted = wanted;
    this.held = held;
    this.open = [...held];
    this.count = wanted.options.reuseport ? workers : 1;
  }

  get missing(): number {
    return Math.max(0, this.count - this.open.length);
  }

  /** Another socket of the same address is only possible beside those that allow it. */
  makeRoom(): void {
    if (!this.wanted.options.reuseport || this.missing === 0) return;
    for (const { fd } of this.open) setIntegerOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  }

  /** Changes what can be changed of the sockets that were there. */
  update(report: Report): void {
    const { address, options } = this.wanted;
    for (const { fd, options: before } of this.held) {
      for (const complaint of applyOptions(fd, address, options)) report(ALERT, complaint);
      if (options.backlog === before.backlog || listenSocket(fd, options.backlog) === 0) continue;
      const failed = `listen() to ${addressText(address)}, backlog ${options.backlog} failed`;
      report(ALERT, `${failed} (${numberedError(lastErrno())}), ignored`);
    }
  }

  /**
   * Says which worker has which. More sockets than the configuration asks for, after `reuseport` has gone or
   * `worker_processes` has fallen, all go on: closing one would reset who waits in its queue.
   */
  assigned(workers: number): OpenSocket[] {
    const { options } = this.wanted;
    const own = this.open.length > 1 && this.open.length >= workers;
    return this.open.map((open, i) => {
      return { ...open, options, worker: own ? i % workers : undefined, shared: !own && workers > 1 };
    });
  }
}

/**
 * Opens what `sockets` ask for and `held` does not have yet. Returns all sockets of the configuration, or undefined when
 * one could not be opened: then those opened in the attempt are closed again. nginx tries a busy address five times.
 */
export async function openSockets(
  sockets: readonly ListenSocket[],
  held: readonly OpenSocket[],
  workers: number,
  report: Report,
): Promise<OpenSocket[] | undefined> {
  const addresses = sockets.map((wanted) => {
    const name = addressText(wanted.address);
    const there = held.filter(({ address }) => addressText(address) === name);
    return new AddressSockets(wanted, there, workers);
  });
  const opened: OpenSocket[] = [];
  for (const address of addresses) address.makeRoom();
  for (let attempt = 1; ; attempt++) {
    let busy = false;
    for (const { wanted, open, missing } of addresses) {
      for (let i = 0; i < missing; i++) {
        const fd = openListener(wanted.address, wanted.options, (message) => report(ALERT, message));
        if (typeof fd === "number") {
          const socket = openSocket(fd, wanted.address, wanted.options);
          opened.push(socket);
          open.push(socket);
          continue;
        }
        report(EMERG, fd.message);
        if (fd.errno !== EADDRINUSE) return dropAll(opened, report);
        busy = true;
        break;
      }
    }
    if (!busy) {
      for (const address of addresses) address.update(report);
      return addresses.flatMap((address) => address.assigned(workers));
    }
    if (attempt === TRIES) {
      report(EMERG, "still could not bind()");
      return dropAll(opened, report);
    }
    report(NOTICE, `try again to bind() after ${RETRY_PAUSE_MS}ms`);
    await Bun.sleep(RETRY_PAUSE_MS);
  }
}

/** As `-t` does: tries every socket; an address in use is no error then. */
export function trySockets(sockets: readonly ListenSocket[], report: Report): boolean {
  for (const { address, options } of sockets) {
    const fd = openListener(address, options, (message) => report(ALERT, message));
    if (typeof fd === "number") {
      closeListener({ fd, address, options }, (message) => report(EMERG, message));
    } else if (fd.errno !== EADDRINUSE) {
      report(EMERG, fd.message);
      return false;
    }
  }
  return true;
}

function dropAll(opened: readonly OpenSocket[], report: Report): undefined {
  for (const open of opened) closeListener(open, (message) => report(EMERG, message));
  return undefined;
}

/** The sockets in `before` that `after` has no more. */
export function goneSockets(before: readonly OpenSocket[], after: readonly OpenSocket[]): OpenSocket[] {
  const kept = new Set(after.map(({ id }) => id));
  return before.filter(({ id }) => !kept.has(id));
}

/** Before sockets are closed for good: whoever is in their queues can still be accepted, and nobody is added. */
export function letNobodyIn(sockets: readonly OpenSocket[]): void {
  for (const { fd, address } of sockets) if (address.family !== "unix") dropNewConnections(fd);
}

/** The sockets that the worker of that index accepts from. */
export function socketsOfWorker(sockets: readonly OpenSocket[], worker: number): OpenSocket[] {
  return sockets.filter((open) => open.worker === undefined || open.worker === worker);
}

/**
 * What each of these workers accepts from, by index, in rising order: its own sockets, and those of workers that are not
 * among them, so that nobody waits for one that has died or is only being started.
 */
export function socketsOfWorkers(sockets: readonly OpenSocket[], indexes: readonly number[]): OpenSocket[][] {
  const all = indexes.map((index) => socketsOfWorker(sockets, index));
  for (const open of sockets) {
    const { worker } = open;
    if (worker === undefined || indexes.includes(worker)) continue;
    // The next one: others keep what they have when workers come and go.
    const next = indexes.findIndex((index) => index > worker);
    all[Math.max(next, 0)]?.push(open);
  }
  return all;
}

/** Variable that tells a new master which descriptors are listening sockets: `3;4;`, as nginx's NGINX. */
const INHERITED = "HOPWAY_SOCKETS";

/** The environment for a process that gets `count` sockets as descriptors 3, 4, ... */
export function inheritance(count: number): Record<string, string> {
  return { [INHERITED]: Array.from({ length: count }, (_, i) => `${i + 3};`).join("") };
}

/** The sockets that this process was started with and the configuration names; closes the others, takes the variable away. */
export function inheritedSockets(sockets: readonly ListenSocket[], report: Report): OpenSocket[] {
  const text = process.env[INHERITED] ?? "";
  delete process.env[INHERITED];
  const result: OpenSocket[] = [];
  for (const digits of text.split(";")) {
    if (digits === "") continue;
    const fd = /^[0-9]{1,9}$/.test(digits) ? Number(digits) : -1;
    const bytes = fd < 0 ? undefined : socketName(fd);
    const address = bytes === undefined ? undefined : fromSystemAddress(bytes);
    if (address === undefined) {
      report(EMERG, `invalid socket number "${digits}" in ${INHERITED} environment variable, ignored`);
      continue;
    }
    closeOnExec(fd);
    const name = addressText(address);
    const wanted = sockets.find((socket) => addressText(socket.address) === name);
    if (wanted !== undefined) result.push(openSocket(fd, address, wanted.options));
    else closeDescriptor(fd);
  }
  return result;
}

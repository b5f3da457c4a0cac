/** The listening sockets that a master holds: opened once, kept over reloads, handed to workers by number. */
import { addressText, fromSystemAddress } from "../net/address.ts";
import { ALERT, EMERG, type LogLevel, NOTICE } from "../net/error-log.ts";
import { closeOnExec, EADDRINUSE, socketName } from "../net/libc.ts";
import { applyOptions, closeListener, type ListenerHandle, type ListenSocket, openListener } from "../net/listen.ts";

/** nginx's patience with a busy address. */
const TRIES = 5;
const RETRY_PAUSE_MS = 500;

export interface OpenSocket extends ListenerHandle {
  /** The worker it belongs to, by index, if each has its own (`reuseport`); undefined: shared by all. */
  readonly worker: number | undefined;
}

export type Report = (level: LogLevel, message: string) => void;

/** What the sockets of two configurations are compared by. */
function key(address: string, worker: number | undefined): string {
  return `${address} ${worker ?? ""}`;
}

interface Wanted {
  readonly socket: ListenSocket;
  readonly worker: number | undefined;
}

function wantedSockets(sockets: readonly ListenSocket[], workers: number): Wanted[] {
  return sockets.flatMap((socket): Wanted[] => {
    if (!socket.options.reuseport || workers < 2) return [{ socket, worker: undefined }];
    return Array.from({ length: workers }, (_, worker) => ({ socket, worker }));
  });
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
  const known = new Map(held.map((open) => [key(addressText(open.address), open.worker), open]));
  const opened: OpenSocket[] = [];
  let missing = wantedSockets(sockets, workers);
  const result: OpenSocket[] = [];
  for (let attempt = 1; ; attempt++) {
    const busy: Wanted[] = [];
    for (const wanted of missing) {
      const { address, options } = wanted.socket;
      const kept = known.get(key(addressText(address), wanted.worker));
      if (kept !== undefined) {
        for (const complaint of applyOptions(kept.fd, address, options)) report(ALERT, complaint);
        result.push({ ...kept, options });
        continue;
      }
      const fd = openListener(address, options, (message) => report(ALERT, message));
      if (typeof fd === "number") {
        const open: OpenSocket = { fd, address, options, worker: wanted.worker };
        opened.push(open);
        result.push(open);
        continue;
      }
      report(EMERG, fd.message);
      if (fd.errno === EADDRINUSE) busy.push(wanted);
      else return dropAll(opened, report);
    }
    if (busy.length === 0) return result;
    if (attempt === TRIES) {
      report(EMERG, "still could not bind()");
      return dropAll(opened, report);
    }
    report(NOTICE, `try again to bind() after ${RETRY_PAUSE_MS}ms`);
    await Bun.sleep(RETRY_PAUSE_MS);
    missing = busy;
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
  const kept = new Set(after.map(({ fd }) => fd));
  return before.filter(({ fd }) => !kept.has(fd));
}

/** The sockets that the worker of that index gets. */
export function socketsOfWorker(sockets: readonly OpenSocket[], worker: number): OpenSocket[] {
  return sockets.filter((open) => open.worker === undefined || open.worker === worker);
}

/** Variable that tells a new master which descriptors are listening sockets: `3;4;`, as nginx's NGINX. */
const INHERITED = "HOPWAY_SOCKETS";

/** The environment for a process that gets `count` sockets as descriptors 3, 4, ... */
export function inheritance(count: number): Record<string, string> {
  return { [INHERITED]: Array.from({ length: count }, (_, i) => `${i + 3};`).join("") };
}

/** The sockets that this process was started with, as the configuration names them; takes the variable away. */
export function inheritedSockets(sockets: readonly ListenSocket[], workers: number): OpenSocket[] {
  const text = process.env[INHERITED] ?? "";
  delete process.env[INHERITED];
  const wanted = wantedSockets(sockets, workers);
  const result: OpenSocket[] = [];
  for (const digits of text.split(";")) {
    if (!/^[0-9]+$/.test(digits)) continue;
    const fd = Number(digits);
    const bytes = socketName(fd);
    const address = bytes === undefined ? undefined : fromSystemAddress(bytes);
    if (address === undefined) continue;
    closeOnExec(fd);
    const name = addressText(address);
    const at = wanted.findIndex(({ socket }) => addressText(socket.address) === name);
    const [match] = at < 0 ? [] : wanted.splice(at, 1);
    if (match !== undefined) result.push({ fd, address, options: match.socket.options, worker: match.worker });
  }
  return result;
}

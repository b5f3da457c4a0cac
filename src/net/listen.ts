/** Listening sockets: made by the master with every option nginx has, adopted by the workers. */
import { chmodSync, existsSync, unlinkSync } from "node:fs";
import { perLoad } from "../config/load-context.ts";
import type { Statement } from "../config/syntax.ts";
import { type Address, addressText, systemAddress } from "./address.ts";
import { diskPath } from "./disk-path.ts";
import * as libc from "./libc.ts";

/** nginx's backlog on Linux. */
export const DEFAULT_BACKLOG = 511;

/** `so_keepalive=off|on|idle:interval:count`; undefined fields keep the system's values. */
export interface KeepAlive {
  readonly on: boolean;
  readonly idleSeconds?: number | undefined;
  readonly intervalSeconds?: number | undefined;
  readonly count?: number | undefined;
}

/** The socket parameters of a `listen` directive. */
export interface ListenOptions {
  readonly backlog: number;
  readonly reuseport: boolean;
  /** Only looked at for IPv6 addresses. */
  readonly ipv6only: boolean;
  readonly keepAlive: KeepAlive | undefined;
  readonly rcvbufBytes: number | undefined;
  readonly sndbufBytes: number | undefined;
  readonly deferred: boolean;
  /** Queue length of TCP Fast Open. */
  readonly fastopen: number | undefined;
}

export const defaultListenOptions: ListenOptions = {
  backlog: DEFAULT_BACKLOG,
  reuseport: false,
  ipv6only: true,
  keepAlive: undefined,
  rcvbufBytes: undefined,
  sndbufBytes: undefined,
  deferred: false,
  fastopen: undefined,
};

/** One socket that the configuration wants. */
export interface ListenSocket {
  readonly address: Address;
  readonly options: ListenOptions;
  readonly statement: Statement;
}

/** The sockets of one configuration; filled by the `listen` directives, each address once. */
export const listenSockets = perLoad<ListenSocket[]>(() => []);

/** An open listening socket as a worker gets it. */
export interface ListenerHandle {
  readonly fd: number;
  readonly address: Address;
  readonly options: ListenOptions;
}

/** One that a process accepts from. */
export interface SharedListener extends ListenerHandle {
  /** Other processes wait for the same connections. */
  readonly shared: boolean;
}

/** A failed call, in nginx's words: `bind() to 127.0.0.1:80 failed (98: Address already in use)`. */
export interface ListenFailure {
  readonly errno: number;
  readonly message: string;
}

/**
 * Makes a bound, listening socket and returns its descriptor, or what failed. A unix socket's file is made readable and
 * writable by all, as nginx does. Complaints that do not prevent listening go to `alert`.
 */
export function openListener(
  address: Address,
  options: ListenOptions,
  alert: (message: string) => void,
): number | ListenFailure {
  const name = addressText(address);
  const failure = (call: string): ListenFailure => {
    const errno = libc.lastErrno();
    return { errno, message: `${call} failed (${libc.numberedError(errno)})` };
  };
  const fd = libc.streamSocket(
    address.family === "unix" ? libc.AF_UNIX : address.family === "inet6" ? libc.AF_INET6 : libc.AF_INET,
  );
  if (fd < 0) return failure(`socket() ${name}`);
  const dropped = (call: string): ListenFailure => {
    const result = failure(call);
    libc.closeDescriptor(fd);
    return result;
  };
  if (libc.setIntegerOption(fd, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1) < 0) {
    return dropped(`setsockopt(SO_REUSEADDR) ${name}`);
  }
  if (options.reuseport && libc.setIntegerOption(fd, libc.SOL_SOCKET, libc.SO_REUSEPORT, 1) < 0) {
    return dropped(`setsockopt(SO_REUSEPORT) ${name}`);
  }
  if (address.family === "inet6") {
    const only = options.ipv6only ? 1 : 0;
    if (libc.setIntegerOption(fd, libc.IPPROTO_IPV6, libc.IPV6_V6ONLY, only) < 0) {
      alert(failure(`setsockopt(IPV6_V6ONLY) ${name}`).message + ", ignored");
    }
  }
  if (libc.bindSocket(fd, systemAddress(address)) < 0) return dropped(`bind() to ${name}`);
  if (address.family === "unix") chmodSync(diskPath(address.path), 0o666);
  for (const complaint of applyOptions(fd, address, options)) alert(complaint);
  if (libc.listenSocket(fd, options.backlog) < 0) return dropped(`listen() to ${name}, backlog ${options.backlog}`);
  return fd;
}

/** Sets what a socket that is already open may be given too (ngx_configure_listening_sockets). Returns complaints. */
export function applyOptions(fd: number, address: Address, options: ListenOptions): string[] {
  const complaints: string[] = [];
  const name = addressText(address);
  const set = (call: string, level: number, option: number, value: number | undefined): void => {
    if (value === undefined || libc.setIntegerOption(fd, level, option, value) === 0) return;
    complaints.push(`setsockopt(${call}) ${name} failed (${libc.numberedError(libc.lastErrno())}), ignored`);
  };
  set("SO_RCVBUF", libc.SOL_SOCKET, libc.SO_RCVBUF, options.rcvbufBytes);
  set("SO_SNDBUF", libc.SOL_SOCKET, libc.SO_SNDBUF, options.sndbufBytes);
  const keep = options.keepAlive;
  if (keep !== undefined) {
    set("SO_KEEPALIVE", libc.SOL_SOCKET, libc.SO_KEEPALIVE, keep.on ? 1 : 0);
  }
  // The rest belongs to TCP: nginx asks a unix socket too, and gets a complaint that helps nobody.
  if (address.family === "unix") return complaints;
  set("TCP_KEEPIDLE", libc.IPPROTO_TCP, libc.TCP_KEEPIDLE, keep?.idleSeconds);
  set("TCP_KEEPINTVL", libc.IPPROTO_TCP, libc.TCP_KEEPINTVL, keep?.intervalSeconds);
  set("TCP_KEEPCNT", libc.IPPROTO_TCP, libc.TCP_KEEPCNT, keep?.count);
  set("TCP_FASTOPEN", libc.IPPROTO_TCP, libc.TCP_FASTOPEN, options.fastopen);
  // A second, as nginx: the kernel wakes us when the first bytes are there.
  set("TCP_DEFER_ACCEPT", libc.IPPROTO_TCP, libc.TCP_DEFER_ACCEPT, options.deferred ? 1 : undefined);
  return complaints;
}

/** Closes a listening socket for good; the file of a unix socket goes with it. */
export function closeListener(handle: ListenerHandle, alert: (message: string) => void): void {
  libc.closeDescriptor(handle.fd);
  removeSocketFile(handle, alert);
}

/** Removes the file of a unix socket that is closed for good. */
export function removeSocketFile({ address }: ListenerHandle, alert: (message: string) => void): void {
  const { family, path } = address;
  if (family !== "unix" || !existsSync(diskPath(path))) return;
  try {
    unlinkSync(diskPath(path));
  } catch (error) {
    alert(`unlink() ${path} failed (${libc.numberedException(error)})`);
  }
}

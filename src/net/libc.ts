/**
 * The C library calls that Bun has no word for: sockets with every option, user and group look-up, descriptor duplication.
 * Linux only. A call returns its result, or -1 with the error number in `lastErrno()`. Those that a worker makes on its
 * sockets are made again when a signal has interrupted them: after an edge nothing else would.
 */

import { FFIType, type Pointer, read } from "bun:ffi";
import { constants } from "node:fs";
import { libcCalls } from "./libc-library.ts";

const { i32, u32, u64_fast, i64_fast, ptr, cstring } = FFIType;

const names = {
  __errno_location: { args: [], returns: ptr },
  strerror: { args: [i32], returns: cstring },
  socket: { args: [i32, i32, i32], returns: i32 },
  setsockopt: { args: [i32, i32, i32, ptr, u32], returns: i32 },
  getsockopt: { args: [i32, i32, i32, ptr, ptr], returns: i32 },
  bind: { args: [i32, ptr, u32], returns: i32 },
  listen: { args: [i32, i32], returns: i32 },
  getsockname: { args: [i32, ptr, ptr], returns: i32 },
  close: { args: [i32], returns: i32 },
  accept4: { args: [i32, ptr, ptr, i32], returns: i32 },
  connect: { args: [i32, ptr, u32], returns: i32 },
  recv: { args: [i32, ptr, u32, i32], returns: i32 },
  send: { args: [i32, ptr, u32, i32], returns: i32 },
  shutdown: { args: [i32, i32], returns: i32 },
  ioctl: { args: [i32, u64_fast, ptr], returns: i32 },
  epoll_create1: { args: [i32], returns: i32 },
  epoll_ctl: { args: [i32, i32, i32, ptr], returns: i32 },
  epoll_wait: { args: [i32, ptr, i32, i32], returns: i32 },
  open: { args: [ptr, i32, i32], returns: i32 },
  statx: { args: [i32, ptr, i32, u32, ptr], returns: i32 },
  pread64: { args: [i32, ptr, u64_fast, i64_fast], returns: i64_fast },
  dup2: { args: [i32, i32], returns: i32 },
  fcntl: { args: [i32, i32, i32], returns: i32 },
  kill: { args: [i32, i32], returns: i32 },
  getpwnam: { args: [ptr], returns: ptr },
  getgrnam: { args: [ptr], returns: ptr },
} as const;

const c = libcCalls(names);

export const EINTR = 4;
export const EAGAIN = 11;
export const EACCES = 13;
export const ENFILE = 23;
export const EMFILE = 24;
export const EPIPE = 32;
export const EADDRINUSE = 98;
export const ECONNABORTED = 103;
export const ECONNRESET = 104;
export const EINPROGRESS = 115;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_SNDBUF = 7;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
const SO_LINGER = 13;
export const SO_REUSEPORT = 15;
export const IPPROTO_IP = 0;
export const IP_BIND_ADDRESS_NO_PORT = 24;
export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;
export const TCP_WINDOW_CLAMP = 10;
export const TCP_KEEPIDLE = 4;
export const TCP_KEEPINTVL = 5;
export const TCP_KEEPCNT = 6;
export const TCP_DEFER_ACCEPT = 9;
export const TCP_QUICKACK = 12;
export const TCP_FASTOPEN = 23;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const O_CLOEXEC = 0o2000000;

// The types leave room for addresses beyond 2^53, which user space does not have.
function pointer(value: number | bigint | null): Pointer | undefined {
  return value === null ? undefined : (Number(value) as Pointer);
}

/** One place per thread: looked up once, as another call in between could change the number. */
const errnoAt = pointer(c.__errno_location());

/** errno of the last call that returned -1; only valid right after it. */
export function lastErrno(): number {
  return errnoAt === undefined ? 0 : read.i32(errnoAt, 0);
}

/** The system's text for an error number: `Address already in use`. */
function errorText(errno: number): string {
  return String(c.strerror(errno));
}

/** nginx's way to name an error: `98: Address already in use`. */
export function numberedError(errno: number): string {
  return `${errno}: ${errorText(errno)}`;
}

/** What a failed `node:fs` call threw, in nginx's form. */
export function numberedException(error: unknown): string {
  const errno = exceptionErrno(error);
  return errno === undefined ? String(error) : numberedError(errno);
}

/** The positive error number of what a failed `node:fs` call threw; undefined for any other exception. */
export function exceptionErrno(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("errno" in error) || typeof error.errno !== "number") {
    return undefined;
  }
  return Math.abs(error.errno);
}

/** A stream socket that does not block and is not inherited by accident, or -1. */
export function streamSocket(family: number): number {
  return c.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/** Room for the value of an option. Itself passed, not its address: an address alone would let the collector free it. */
const optionValue = new Int32Array(1);
const optionLength = new Uint32Array(1);

/** Sets an integer option; -1 on failure. */
export function setIntegerOption(fd: number, level: number, option: number, value: number): number {
  optionValue[0] = value;
  return c.setsockopt(fd, level, option, optionValue, optionValue.byteLength);
}

/** Reads an integer option, or undefined on failure. */
export function integerOption(fd: number, level: number, option: number): number | undefined {
  optionLength[0] = optionValue.byteLength;
  return c.getsockopt(fd, level, option, optionValue, optionLength) === 0 ? optionValue[0] : undefined;
}

/** Reads an option into `room`; false on failure, or when the system fills less than all of it. */
export function socketOption(fd: number, level: number, option: number, room: Uint8Array): boolean {
  optionLength[0] = room.length;
  return c.getsockopt(fd, level, option, room, optionLength) === 0 && optionLength[0] === room.length;
}

/** accept4(2), not blocking. The client's address in the system's form goes to `room`; -1 on failure. */
export function acceptSocket(fd: number, room: Uint8Array, lengthRoom: Uint32Array): number {
  for (;;) {
    lengthRoom[0] = room.length;
    const accepted = c.accept4(fd, room, lengthRoom, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0 || lastErrno() !== EINTR) return accepted;
  }
}

/** connect(2); -1 on failure, with EINPROGRESS when it only takes longer. */
export function connectSocket(fd: number, address: Uint8Array): number {
  return c.connect(fd, address, address.length);
}

/** recv(2) of at most `length` bytes; 0 at the peer's FIN, -1 on failure. */
export function receive(fd: number, room: Uint8Array, length: number): number {
  for (;;) {
    const count = c.recv(fd, room, length, 0);
    if (count >= 0 || lastErrno() !== EINTR) return count;
  }
}

const peekRoom = new Uint8Array(1);

/** Whether bytes, or the peer's FIN, can be received at once. */
export function bytesWait(fd: number): boolean {
  const MSG_PEEK_DONTWAIT = 0x42;
  return c.recv(fd, peekRoom, 1, MSG_PEEK_DONTWAIT) >= 0;
}

/** send(2) of bytes[0..length); the number taken, or -1. No SIGPIPE. */
export function send(fd: number, bytes: Uint8Array, length: number): number {
  const MSG_NOSIGNAL = 0x4000;
  for (;;) {
    const count = c.send(fd, bytes, length, MSG_NOSIGNAL);
    if (count >= 0 || lastErrno() !== EINTR) return count;
  }
}

/** Bytes in a socket's send queue, those on their way among them (SIOCOUTQ); undefined on failure. */
export function unsentBytes(fd: number): number | undefined {
  const SIOCOUTQ = 0x5411;
  const count = new Int32Array(1);
  return c.ioctl(fd, SIOCOUTQ, count) === 0 ? count[0] : undefined;
}

/** Sends FIN. */
export function shutdownSending(fd: number): void {
  const SHUT_WR = 1;
  c.shutdown(fd, SHUT_WR);
}

/** Takes nothing more: whoever sends to this socket is told so. What has come can still be read. */
export function shutdownReceiving(fd: number): void {
  const SHUT_RD = 0;
  c.shutdown(fd, SHUT_RD);
}

/** `struct linger`: on, for no time. */
const NO_LINGER = new Int32Array([1, 0]);

/** Makes the next close send RST and drop what is unsent. */
export function resetOnClose(fd: number): void {
  c.setsockopt(fd, SOL_SOCKET, SO_LINGER, NO_LINGER, NO_LINGER.byteLength);
}

/** 32-bit words of one `struct epoll_event`, which is packed on x86-64 only: the first is the event bits. */
export const EPOLL_EVENT_WORDS = process.arch === "x64" ? 3 : 4;
/** Which of the words is the descriptor. */
export const EPOLL_DATA_WORD = EPOLL_EVENT_WORDS - 2;
/** Which of the words is the caller's other number. */
export const EPOLL_TICKET_WORD = EPOLL_EVENT_WORDS - 1;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
const epollEvent = new Int32Array(EPOLL_EVENT_WORDS);

/** A new epoll descriptor, or -1. */
export function epollCreate(): number {
  const EPOLL_CLOEXEC = 0o2000000;
  return c.epoll_create1(EPOLL_CLOEXEC);
}

/** epoll_ctl(2) with the descriptor itself and another number as the event's data; -1 on failure. */
export function epollControl(epoll: number, operation: number, fd: number, events: number, ticket: number): number {
  epollEvent[0] = events;
  epollEvent[EPOLL_DATA_WORD] = fd;
  epollEvent[EPOLL_TICKET_WORD] = ticket;
  return c.epoll_ctl(epoll, operation, fd, epollEvent);
}

/** open(2) of an existing file for reading; `path` ends with a zero. -1 on failure. */
export function openForReading(path: Uint8Array): number {
  return c.open(path, constants.O_RDONLY | constants.O_NONBLOCK | O_CLOEXEC, 0);
}

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;

/** statx(2) of a path that ends with a zero, or of an open file where it is empty. `room` holds 256 bytes. -1 on failure. */
export function fileDetails(fd: number, path: Uint8Array, room: Uint8Array): number {
  return c.statx(fd < 0 ? AT_FDCWD : fd, path, fd < 0 ? 0 : AT_EMPTY_PATH, STATX_BASIC_STATS, room);
}

/** pread(2): bytes read, 0 at the end of the file, -1 on failure. */
export function readAt(fd: number, room: Uint8Array, length: number, position: number): number {
  return Number(c.pread64(fd, room, length, position));
}

/** epoll_wait(2) into `events`; the number of events, -1 on failure: a signal ends a wait, as whoever waits may have to act. */
export function epollWait(epoll: number, events: Int32Array, count: number, timeoutMs: number): number {
  return c.epoll_wait(epoll, events, count, timeoutMs);
}

/** bind(2) to an address in the system's binary form; -1 on failure. */
export function bindSocket(fd: number, address: Uint8Array): number {
  return c.bind(fd, address, address.length);
}

/** listen(2); -1 on failure. Calling it again changes the backlog. */
export function listenSocket(fd: number, backlog: number): number {
  return c.listen(fd, backlog);
}

/** The address a socket is bound to, in the system's binary form; undefined when `fd` is no socket. */
export function socketName(fd: number): Uint8Array | undefined {
  const room = new Uint8Array(128);
  const length = new Uint32Array([room.length]);
  if (c.getsockname(fd, room, length) !== 0) return undefined;
  return room.subarray(0, length[0]);
}

export function closeDescriptor(fd: number): void {
  c.close(fd);
}

/** Makes `to` the same open file as `from`; -1 on failure. */
export function duplicateOnto(from: number, to: number): number {
  return c.dup2(from, to);
}

/** Marks a descriptor as not inherited by programs started later. */
export function closeOnExec(fd: number): void {
  const F_SETFD = 2;
  const FD_CLOEXEC = 1;
  c.fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/** kill(2): 0, or the error number. `process.kill` refuses numbers that nginx would try. */
export function sendSignal(pid: number, signal: number): number {
  return c.kill(pid, signal) === 0 ? 0 : lastErrno();
}

function terminated(text: string): Uint8Array {
  return Buffer.from(`${text}\0`, "latin1");
}

// struct passwd and struct group both begin with two pointers, then the numbers.
const ID_OFFSET = 16;

/** A user's number and main group, or undefined when there is no such user. */
export function userByName(name: string): { readonly uid: number; readonly gid: number } | undefined {
  const entry = pointer(c.getpwnam(terminated(name)));
  if (entry === undefined) return undefined;
  return { uid: read.u32(entry, ID_OFFSET), gid: read.u32(entry, ID_OFFSET + 4) };
}

/** A group's number, or undefined when there is no such group. */
export function groupByName(name: string): number | undefined {
  const entry = pointer(c.getgrnam(terminated(name)));
  return entry === undefined ? undefined : read.u32(entry, ID_OFFSET);
}

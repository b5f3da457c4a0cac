/**
 * Hands open descriptors to a process that runs already: a pair of sockets, and SCM_RIGHTS over it (unix(7)). Works for a
 * receiver that has given up root's rights, which pidfd_getfd(2) does not. Linux, 64 bit.
 */
import { FFIType, ptr } from "bun:ffi";
import { EINTR, lastErrno, numberedError } from "./libc.ts";
import { libcCalls } from "./libc-library.ts";

const names = {
  socketpair: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  sendmsg: { args: [FFIType.i32, FFIType.ptr, FFIType.i32], returns: FFIType.i64_fast },
  recvmsg: { args: [FFIType.i32, FFIType.ptr, FFIType.i32], returns: FFIType.i64_fast },
} as const;

const c = libcCalls(names);

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;

/** Descriptors in one message; the kernel takes 253 (SCM_MAX_FD). */
const BATCH = 200;
/** sizeof(struct cmsghdr): length, level, type; the descriptors follow. */
const CONTROL_HEAD_BYTES = 16;

/** Two connected descriptors that are not inherited by accident. Throws with the system's words. */
export function descriptorPair(): readonly [number, number] {
  const pair = new Int32Array(2);
  if (c.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
    throw new Error(`socketpair() failed (${numberedError(lastErrno())})`);
  }
  return [pair[0] ?? -1, pair[1] ?? -1];
}

/** One message of one byte, and the memory for its descriptors. Kept together: the head holds bare addresses. */
class Message {
  /** struct msghdr. */
  readonly head = new BigUint64Array(7);
  readonly control: DataView;
  private readonly byte = new Uint8Array(1);
  private readonly vector = new BigUint64Array(2);

  constructor(descriptors: number) {
    const bytes = new Uint8Array(CONTROL_HEAD_BYTES + Math.ceil((descriptors * 4) / 8) * 8);
    this.control = new DataView(bytes.buffer);
    this.vector[0] = BigInt(ptr(this.byte));
    this.vector[1] = 1n;
    this.head[2] = BigInt(ptr(this.vector));
    this.head[3] = 1n;
    this.head[4] = BigInt(ptr(bytes));
    this.head[5] = BigInt(bytes.length);
  }
}

const LITTLE_ENDIAN = true;

/** Sends open descriptors; both sides have them from then on. Returns the system's words when that failed. */
export function sendDescriptors(channel: number, fds: readonly number[]): string | undefined {
  for (let at = 0; at < fds.length; at += BATCH) {
    const batch = fds.slice(at, at + BATCH);
    const message = new Message(batch.length);
    const { control } = message;
    control.setBigUint64(0, BigInt(CONTROL_HEAD_BYTES + batch.length * 4), LITTLE_ENDIAN);
    control.setInt32(8, SOL_SOCKET, LITTLE_ENDIAN);
    control.setInt32(12, SCM_RIGHTS, LITTLE_ENDIAN);
    for (const [i, fd] of batch.entries()) control.setInt32(CONTROL_HEAD_BYTES + i * 4, fd, LITTLE_ENDIAN);
    while (c.sendmsg(channel, message.head, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
      const errno = lastErrno();
      if (errno !== EINTR) return `sendmsg() failed (${numberedError(errno)})`;
    }
  }
  return undefined;
}

/** Receives that many descriptors, which have been sent before: fewer when they were not. */
export function receiveDescriptors(channel: number, count: number): number[] {
  const fds: number[] = [];
  while (fds.length < count) {
    const message = new Message(Math.min(BATCH, count - fds.length));
    const got = Number(c.recvmsg(channel, message.head, MSG_CMSG_CLOEXEC | MSG_DONTWAIT));
    if (got < 0 && lastErrno() === EINTR) continue;
    if (got <= 0) return fds;
    const { control } = message;
    const bytes = Number(message.head[5] ?? 0n);
    if (bytes < CONTROL_HEAD_BYTES || control.getInt32(12, LITTLE_ENDIAN) !== SCM_RIGHTS) return fds;
    const end = Number(control.getBigUint64(0, LITTLE_ENDIAN));
    for (let at = CONTROL_HEAD_BYTES; at + 4 <= end; at += 4) fds.push(control.getInt32(at, LITTLE_ENDIAN));
  }
  return fds;
}

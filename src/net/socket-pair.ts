/** Pairs of connected unix sockets (socketpair(2)). Linux. */
import { FFIType } from "bun:ffi";
import { lastErrno, numberedError } from "./libc.ts";
import { libcCalls } from "./libc-library.ts";

const c = libcCalls({
  socketpair: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
});

const AF_UNIX = 1;
const SOCK_CLOEXEC = 0o2000000;
/** A stream of bytes. */
export const SOCK_STREAM = 1;
/** Messages that stay whole, in order. */
export const SOCK_SEQPACKET = 5;

/** Two connected descriptors that are not inherited by accident. Throws with the system's words. */
export function socketPair(type: typeof SOCK_STREAM | typeof SOCK_SEQPACKET): readonly [number, number] {
  const pair = new Int32Array(2);
  if (c.socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0) {
    throw new Error(`socketpair() failed (${numberedError(lastErrno())})`);
  }
  return [pair[0] ?? -1, pair[1] ?? -1];
}

/**
 * The end of a listening socket without a reset: closing one resets what is in its queue and what is about to get there.
 * So the kernel is told first to drop new SYNs (a client tries again after a second, and is refused then), while the
 * handshakes that have begun may end; who is in the queue is accepted, and then it is closed.
 */
import { FFIType, ptr } from "bun:ffi";
import { SOL_SOCKET } from "./libc.ts";
import { libcCalls } from "./libc-library.ts";

const names = {
  setsockopt: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
} as const;

const c = libcCalls(names);

const SO_ATTACH_FILTER = 26;

/** Offset of the flags in the TCP header, where a socket's filter begins to read. */
const TCP_FLAGS = 13;
const SYN = 0x02;
const SYN_AND_ACK = 0x12;

/** One instruction of classic BPF (linux/filter.h): code, jumps when true and false, operand. */
function instruction(code: number, ifTrue: number, ifFalse: number, operand: number): number[] {
  return [code, (ifFalse << 8) | ifTrue, operand & 0xffff, operand >>> 16];
}

const LOAD_BYTE = 0x30;
const AND = 0x54;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;

const program = new Uint16Array([
  ...instruction(LOAD_BYTE, 0, 0, TCP_FLAGS),
  ...instruction(AND, 0, 0, SYN_AND_ACK),
  ...instruction(JUMP_IF_EQUAL, 0, 1, SYN),
  ...instruction(RETURN, 0, 0, 0),
  ...instruction(RETURN, 0, 0, 0xffffffff),
]);
const INSTRUCTION_WORDS = 4;

/** Drops what wants to begin a connection with this listening TCP socket, in every process that has it. False on failure. */
export function dropNewConnections(fd: number): boolean {
  const filter = new BigUint64Array([BigInt(program.length / INSTRUCTION_WORDS), BigInt(ptr(program))]);
  return c.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, 16) === 0;
}

/** So long handshakes that have begun may take: longer than most round trips, and short for whoever waits for the end. */
export const HANDSHAKE_GRACE_MS = 100;

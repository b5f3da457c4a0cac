/**
 * Memory that several processes map: a file without a name (memfd_create(2)), whose descriptor workers inherit. It takes
 * no room in /dev/shm, vanishes with its last process however that ends, and can still be mapped after setuid.
 * Linux only.
 */
import { FFIType } from "bun:ffi";
import { readFileSync } from "node:fs";
import { closeDescriptor, lastErrno, numberedError, sendSignal } from "./libc.ts";
import { libcCalls } from "./libc-library.ts";

const { i32, u32, i64, ptr } = FFIType;

const names = {
  memfd_create: { args: [ptr, u32], returns: i32 },
  ftruncate: { args: [i32, i64], returns: i32 },
  fallocate: { args: [i32, i32, i64, i64], returns: i32 },
  sched_yield: { args: [], returns: i32 },
  clock_gettime: { args: [i32, ptr], returns: i32 },
} as const;

const c = libcCalls(names);

const MFD_CLOEXEC = 1;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const CLOCK_MONOTONIC = 1;
const ESRCH = 3;

/** Offsets of mappings are multiples of this; 64 KiB covers every page size of the supported machines. */
export const MAPPING_ALIGNMENT = 64 * 1024;

/** A new, empty memory file: its descriptor. Throws with the system's words where there is none to be had. */
export function createMemoryFile(): number {
  const fd = c.memfd_create(Buffer.from("hopway zones\0", "latin1"), MFD_CLOEXEC);
  if (fd < 0) throw new Error(`memfd_create() failed (${numberedError(lastErrno())})`);
  return fd;
}

/** Makes the file at least `bytes` long. Pages take memory when they are written, not now. */
export function resizeMemoryFile(fd: number, bytes: number): void {
  if (c.ftruncate(fd, bytes) !== 0) throw new Error(`ftruncate() failed (${numberedError(lastErrno())})`);
}

/** Gives a range's memory back; who has it mapped reads zeros from now on. */
export function dropMemory(fd: number, offset: number, bytes: number): void {
  c.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, bytes);
}

export function closeMemoryFile(fd: number): void {
  closeDescriptor(fd);
}

/** Maps a range of the file, shared with every process that does the same; unmapped when it is collected. */
export function mapMemory(fd: number, offset: number, bytes: number): Uint8Array<ArrayBuffer> {
  // Opened by the descriptor's entry in /proc, which works for a process that has given up root's rights, too.
  const range = { shared: true, offset, size: bytes };
  return Bun.mmap(`/proc/self/fd/${fd}`, range);
}

/** Lets another process run that is ready to. */
export function yieldProcessor(): void {
  c.sched_yield();
}

const clock = new Int32Array(4);

/** Milliseconds on the clock that all processes of the machine share, whole and monotonic (ngx_current_msec). 30 ns. */
export function sharedNowMs(): number {
  c.clock_gettime(CLOCK_MONOTONIC, clock);
  return (clock[0]! >>> 0) * 1000 + Math.floor(clock[2]! / 1_000_000);
}

/** Whether the process runs: false when it is gone, or ended and only its parent has not looked yet. */
export function processAlive(pid: number): boolean {
  if (sendSignal(pid, 0) === ESRCH) return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // "pid (name) S ...": the name may hold anything.
    const state = stat.charAt(stat.lastIndexOf(")") + 2);
    return state !== "Z" && state !== "X";
  } catch {
    // Hidden from this user, or gone since: the next look tells.
    return true;
  }
}

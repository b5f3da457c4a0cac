/**
 * What the system allows this process, and where it runs it. Priority and processors belong to threads on Linux, and the
 * runtime has some of its own: they are set for all of them. Linux only; -1 and `lastErrno()` tell of failures.
 */
import { FFIType } from "bun:ffi";
import { readdirSync } from "node:fs";
import { libcCalls } from "./libc-library.ts";

const { i32, u64_fast, ptr } = FFIType;

const names = {
  setpriority: { args: [i32, i32, i32], returns: i32 },
  setrlimit: { args: [i32, ptr], returns: i32 },
  sched_getaffinity: { args: [i32, u64_fast, ptr], returns: i32 },
  sched_setaffinity: { args: [i32, u64_fast, ptr], returns: i32 },
  prctl: { args: [i32, u64_fast], returns: i32 },
} as const;

const c = libcCalls(names);

/** Processors that a set of the system can name (CPU_SETSIZE). */
export const CPU_SET_SIZE = 1024;

const PRIO_PROCESS = 0;
const RLIMIT_CORE = 4;
const RLIMIT_NOFILE = 7;
const PR_SET_DUMPABLE = 4;

/** Does it for the thread that runs this first: only its failure counts, others may end meanwhile. */
function forThreads(set: (thread: number) => number): number {
  if (set(0) < 0) return -1;
  for (const name of readdirSync("/proc/self/task")) set(Number(name));
  return 0;
}

/** Sets the scheduling priority of this process. */
export function setOwnPriority(priority: number): number {
  return forThreads((thread) => c.setpriority(PRIO_PROCESS, thread, priority));
}

/** Sets both limits of open descriptors. */
export function setDescriptorLimit(limit: number): number {
  return setLimit(RLIMIT_NOFILE, limit);
}

/** Sets both limits of the size of a core file, in bytes. */
export function setCoreLimit(bytes: number): number {
  return setLimit(RLIMIT_CORE, bytes);
}

function setLimit(resource: number, value: number): number {
  return c.setrlimit(resource, new BigUint64Array([BigInt(value), BigInt(value)]));
}

/** Core files are written although the process has changed its user. */
export function allowCoreFiles(): number {
  return c.prctl(PR_SET_DUMPABLE, 1);
}

/** The processors that this process may run on, by number. */
export function ownProcessors(): number[] {
  const set = new Uint8Array(CPU_SET_SIZE / 8);
  if (c.sched_getaffinity(0, set.length, set) < 0) return [];
  return Array.from({ length: CPU_SET_SIZE }, (_, cpu) => cpu).filter((cpu) => (set[cpu >> 3]! >> (cpu & 7)) & 1);
}

/** Lets this process run on these processors only. */
export function setOwnProcessors(cpus: readonly number[]): number {
  const set = new Uint8Array(CPU_SET_SIZE / 8);
  for (const cpu of cpus) set[cpu >> 3]! |= 1 << (cpu & 7);
  return forThreads((thread) => c.sched_setaffinity(thread, set.length, set));
}

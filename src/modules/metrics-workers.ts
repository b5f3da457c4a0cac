/** What the system tells of the worker processes. */
import { readFileSync } from "node:fs";

/** Of one process; 0 where the system does not tell. */
export interface ProcessUsage {
  readonly residentBytes: number;
  readonly cpuSeconds: number;
}

/** USER_HZ: what /proc counts processor time in, on every architecture. */
const TICKS_PER_SECOND = 100;
/** Fields of /proc/PID/stat behind the name: processor time in user space and in the kernel. */
const USER_TIME = 11;
const KERNEL_TIME = 12;

/** Reads /proc, which other users may read as well. */
export function processUsage(pid: number): ProcessUsage {
  const stat = read(`/proc/${pid}/stat`);
  // "pid (name) S ...": the name may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[USER_TIME] ?? 0) + Number(fields[KERNEL_TIME] ?? 0);
  const resident = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1];
  return { residentBytes: Number(resident ?? 0) * 1024, cpuSeconds: ticks / TICKS_PER_SECOND };
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // It has just ended.
    return "";
  }
}

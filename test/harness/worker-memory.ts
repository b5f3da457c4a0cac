/** What a gateway's worker holds, memory and descriptors, from /proc. */
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { childrenOf } from "./quiet.ts";

/** Pid of the one worker of a master. */
export function workerPid(masterPid: number): number {
  const children = childrenOf(masterPid);
  const [pid] = children;
  if (pid === undefined || children.length !== 1) throw new Error(`${children.length} workers instead of one`);
  return pid;
}

/** Resident bytes now. */
export function residentBytes(pid: number): number {
  return statusBytes(pid, "VmRSS");
}

/** Most resident bytes since `forgetPeak`. */
export function peakResidentBytes(pid: number): number {
  return statusBytes(pid, "VmHWM");
}

/** Lets the peak begin anew (proc(5), clear_refs). */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

function statusBytes(pid: number, field: string): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  if (found === null) throw new Error(`no ${field} of process ${pid}`);
  return Number(found[1]) * 1024;
}

/** Descriptors that it has open. */
export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** How many of them are open on a file of this name. */
export function descriptorsOn(pid: number, fileName: string): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`).endsWith(`/${fileName}`);
    } catch {
      // Closed since the folder was read.
      return false;
    }
  }).length;
}

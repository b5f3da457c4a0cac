/**
 * When a gateway has dealt with everything that was sent to it: its workers sleep in epoll_wait. Tests wait for that
 * instead of for a number of milliseconds that is too long on an idle machine and too short on a busy one.
 */
import { closeSync, openSync, readSync } from "node:fs";

/** What nginx and hopway sleep in when they wait for events, as /proc names it. */
const EVENT_WAIT = /ep_?oll/;
/** epoll_wait and epoll_pwait, whose fourth argument is the time in ms. */
const EVENT_WAIT_CALLS: Readonly<Record<string, readonly string[]>> = { x64: ["232", "281"], arm64: ["22"] };
/** In the middle of its work hopway looks for more for so long. */
const BUSY_WAIT_MS = 1;
const LOOK_INTERVAL_MS = 2;
/** Asleep at two looks in a row: bytes that are on their way through the kernel wake it in between. */
const LOOKS = 2;
/** A gateway that does not come to rest is looked at no longer; the tests' own waits then tell what is wrong. */
const LIMIT_MS = 3_000;

/** Resolves when the workers of this master (or itself, if it has none) wait for events. */
export async function untilQuiet(masterPid: number): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  for (let looks = 0; looks < LOOKS && Date.now() < deadline; ) {
    await Bun.sleep(LOOK_INTERVAL_MS);
    looks = workersOf(masterPid).every(waitsForEvents) ? looks + 1 : 0;
  }
}

function workersOf(masterPid: number): number[] {
  const children = childrenOf(masterPid);
  return children.length === 0 ? [masterPid] : children;
}

/** The processes that this one has started and that have not been waited for. */
export function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).trim().split(" ").filter(Boolean).map(Number);
}

function waitsForEvents(pid: number): boolean {
  // A process that has been woken, and has no processor yet, still shows the call in which it slept.
  if (!sleeps(pid)) return false;
  const [call = "", , , , timeMs = ""] = read(`/proc/${pid}/syscall`).split(" ");
  if (EVENT_WAIT_CALLS[process.arch]?.includes(call)) {
    // -1 is for ever; as /proc shows it, a large number.
    return Number(timeMs) > BUSY_WAIT_MS;
  }
  if (call === "running") return false;
  const place = read(`/proc/${pid}/wchan`);
  // Where the kernel does not tell, being asleep has to do.
  return place === "" || place === "0" || EVENT_WAIT.test(place);
}

/** Whether it waits for anything, or is gone. */
function sleeps(pid: number): boolean {
  // Of the main thread: the process's own entry adds up the times of all threads.
  const stat = read(`/proc/${pid}/task/${pid}/stat`);
  const state = stat.charAt(stat.lastIndexOf(")") + 2);
  return state === "S" || state === "Z" || state === "";
}

const entry = Buffer.alloc(4096);

/** An entry of /proc, which is short and comes whole. Looked at often: these are the fewest system calls. */
function read(path: string): string {
  let fd = -1;
  try {
    fd = openSync(path, "r");
    return entry.latin1Slice(0, readSync(fd, entry));
  } catch {
    return "";
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

/** The signals that nginx's processes obey. */
import { readFileSync } from "node:fs";
import { constants } from "node:os";

const names = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;

export type SignalName = (typeof names)[number];

/** Calls `listener` for each of nginx's signals from now on. */
export function onSignals(listener: (name: SignalName) => void): void {
  for (const name of names) process.on(name, () => listener(name));
}

export function signalNumber(name: SignalName | "SIGCHLD"): number {
  return constants.signals[name];
}

/** The number of a process's parent as it is now: 1, or that of another reaper, when the one that started it is gone. */
export function parentOf(pid: number): number | undefined {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);
  } catch {
    return undefined;
  }
}

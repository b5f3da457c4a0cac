/** The signals that nginx's processes obey. */
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

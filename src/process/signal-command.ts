/** `hopway -s signal`: tells the running master. */
import { constants } from "node:os";
import { ALERT, ERR, NOTICE } from "../net/error-log.ts";
import { numberedError, sendSignal } from "../net/libc.ts";
import type { Signal } from "./flags.ts";
import { readPidFile } from "./pid-file.ts";
import type { StartupLog } from "./startup-log.ts";

const signals: Readonly<Record<Signal, number>> = {
  stop: constants.signals.SIGTERM,
  quit: constants.signals.SIGQUIT,
  reopen: constants.signals.SIGUSR1,
  reload: constants.signals.SIGHUP,
};

/** Returns the exit code. */
export function signalMaster(signal: Signal, pidPath: string, log: StartupLog): number {
  log.write(NOTICE, "signal process started");
  const pid = readPidFile(pidPath);
  if (typeof pid === "string") {
    log.write(ERR, pid);
    return 1;
  }
  const errno = sendSignal(pid, signals[signal]);
  if (errno === 0) return 0;
  log.write(ALERT, `kill(${pid}, ${signals[signal]}) failed (${numberedError(errno)})`);
  return 1;
}

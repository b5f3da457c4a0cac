/** USR2: the program as it is on disk now is started beside the running one, with its listening sockets (ngx_exec_new_binary). */
import { renameSync } from "node:fs";
import { diskPath } from "../net/disk-path.ts";
import { ALERT, EMERG, type LogLevel, NOTICE } from "../net/error-log.ts";
import { numberedException } from "../net/libc.ts";
import { inheritance, type OpenSocket } from "./open-sockets.ts";
import { masterTitle, runtimeCommand } from "./relaunch.ts";

/** Where the old master's number is while a new one runs. */
export function oldPidPath(pidPath: string): string {
  return `${pidPath}.oldbin`;
}

export interface NewBinaryOwner {
  log(level: LogLevel, message: string): void;
  /** The new binary has ended: this one goes on alone. */
  onNewBinaryGone(): void;
}

/** Variable by which a new binary knows the master beside which it was started. */
const PARENT = "HOPWAY_OLD_MASTER";

/** The old master that started this process; undefined for any other start. Takes the variable away. */
export function oldMaster(): number | undefined {
  const text = process.env[PARENT];
  delete process.env[PARENT];
  return text === undefined ? undefined : Number(text);
}

/** A new binary that runs. */
export class NewBinary {
  /** Where this master's pid file is meanwhile. */
  readonly pidPath: string;

  private constructor(pidPath: string) {
    this.pidPath = pidPath;
  }

  /** Starts it; undefined, and logged, when that failed: then all is as before. */
  static start(
    args: readonly string[],
    sockets: readonly OpenSocket[],
    environment: Readonly<Record<string, string | undefined>>,
    pidPath: string,
    owner: NewBinaryOwner,
  ): NewBinary | undefined {
    const parked = oldPidPath(pidPath);
    owner.log(NOTICE, "changing binary");
    if (!rename(pidPath, parked, "before executing new binary process", owner)) return undefined;
    const goBack = (): void => {
      rename(parked, pidPath, "back after the new binary process ended", owner);
    };
    try {
      const child = Bun.spawn({
        cmd: [...runtimeCommand(), ...args],
        argv0: masterTitle(args),
        env: { ...environment, ...inheritance(sockets.length), [PARENT]: String(process.pid) },
        stdio: ["ignore", "inherit", "inherit", ...sockets.map(({ fd }) => fd)],
        onExit: (_child, code, signal) => {
          if (signal === null) owner.log(NOTICE, `new binary process ${child.pid} exited with code ${code}`);
          else owner.log(ALERT, `new binary process ${child.pid} exited on signal ${signal}`);
          goBack();
          owner.onNewBinaryGone();
        },
      });
      // It outlives this master.
      child.unref();
      owner.log(NOTICE, `start new binary process ${child.pid}`);
      return new NewBinary(parked);
    } catch (error) {
      owner.log(ALERT, `execve() failed while executing new binary process (${numberedException(error)})`);
      goBack();
      return undefined;
    }
  }
}

function rename(from: string, to: string, when: string, owner: NewBinaryOwner): boolean {
  try {
    renameSync(diskPath(from), diskPath(to));
    return true;
  } catch (error) {
    const failed = `rename() ${from} to ${to} failed ${when} (${numberedException(error)})`;
    owner.log(EMERG, failed);
    return false;
  }
}

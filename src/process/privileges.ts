/** What a worker changes about itself: limits before it serves, rights and current folder after it has opened its files. */
import { ALERT, EMERG, type LogLevel } from "../net/error-log.ts";
import { lastErrno, numberedError, numberedException } from "../net/libc.ts";
import { allowCoreFiles, setCoreLimit, setDescriptorLimit, setOwnPriority } from "../net/process-limits.ts";
import type { ProcessSettings } from "./settings.ts";

declare global {
  namespace NodeJS {
    interface Process {
      /** Missing in the types of Bun. */
      initgroups?(user: string, group: number): void;
    }
  }
}

type Report = (level: LogLevel, message: string) => void;

/** Limits and priority; failures are reported and change nothing else, as in nginx. */
export function setLimits(settings: ProcessSettings, report: Report): void {
  const { descriptorLimit, coreLimitBytes, priority } = settings;
  if (priority !== 0 && setOwnPriority(priority) < 0) {
    report(ALERT, `setpriority(${priority}) failed (${numberedError(lastErrno())})`);
  }
  if (descriptorLimit !== undefined && setDescriptorLimit(descriptorLimit) < 0) {
    report(ALERT, `setrlimit(RLIMIT_NOFILE, ${descriptorLimit}) failed (${numberedError(lastErrno())})`);
  }
  if (coreLimitBytes !== undefined && setCoreLimit(coreLimitBytes) < 0) {
    report(ALERT, `setrlimit(RLIMIT_CORE, ${coreLimitBytes}) failed (${numberedError(lastErrno())})`);
  }
}

/** Gives up the rights of root for good. False when that failed: the worker must not serve then. */
export function dropRights(settings: ProcessSettings, report: Report): boolean {
  const { user, workingDirectory } = settings;
  if (user !== undefined && process.geteuid?.() === 0) {
    const steps: readonly (readonly [string, () => void])[] = [
      [`setgid(${user.gid})`, () => process.setgid?.(user.gid)],
      [`initgroups(${user.name}, ${user.gid})`, () => process.initgroups?.(user.name, user.gid)],
      [`setuid(${user.uid})`, () => process.setuid?.(user.uid)],
    ];
    for (const [call, step] of steps) if (!attempt(call, step, (message) => report(EMERG, message))) return false;
  }
  if (allowCoreFiles() < 0) report(ALERT, `prctl(PR_SET_DUMPABLE) failed (${numberedError(lastErrno())})`);
  if (workingDirectory === undefined) return true;
  const change = (): void => process.chdir(workingDirectory);
  return attempt(`chdir("${workingDirectory}")`, change, (message) => report(ALERT, message));
}

function attempt(call: string, step: () => void, report: (message: string) => void): boolean {
  try {
    step();
    return true;
  } catch (error) {
    report(`${call} failed (${numberedException(error)})`);
    return false;
  }
}

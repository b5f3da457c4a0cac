/** Keeps a worker to the processors that worker_cpu_affinity gives it; a reload may change them. */
import { processorsOf } from "../modules/worker-affinity.ts";
import { ALERT, type LogLevel, NOTICE } from "../net/error-log.ts";
import { lastErrno, numberedError } from "../net/libc.ts";
import { ownProcessors, setOwnProcessors } from "../net/process-limits.ts";
import type { ProcessSettings } from "./settings.ts";

export class Affinity {
  /** The worker's index; undefined in a process without master, to which nginx applies it not. */
  private readonly worker: number | undefined;
  /** Those that the process was started on. */
  private readonly inherited = ownProcessors();
  /** What was given last. */
  private given: readonly number[] | undefined = undefined;

  constructor(worker: number | undefined) {
    this.worker = worker;
  }

  /** Failures are reported and change nothing else, as in nginx. */
  apply({ affinity }: ProcessSettings, report: (level: LogLevel, message: string) => void): void {
    const { worker } = this;
    if (worker === undefined) return;
    const given = affinity === undefined ? undefined : processorsOf(affinity, worker);
    if (given?.join() === this.given?.join()) return;
    this.given = given;
    for (const cpu of given ?? []) report(NOTICE, `sched_setaffinity(): using cpu #${cpu}`);
    if (setOwnProcessors(given ?? this.inherited) < 0) {
      report(ALERT, `sched_setaffinity() failed (${numberedError(lastErrno())})`);
    }
  }
}

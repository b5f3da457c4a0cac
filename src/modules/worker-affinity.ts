/** `worker_cpu_affinity auto [mask] | mask ...`: the processors of each worker (ngx_set_cpu_affinity). */
import { availableParallelism, cpus } from "node:os";
import { type ArgumentType, atLeast, ConfigFault } from "../config/directive.ts";
import { CPU_SET_SIZE } from "../net/process-limits.ts";

/** Processors by number. */
export type ProcessorSet = readonly number[];

export interface WorkerAffinity {
  /** Each worker has one processor of the only set; else the set of its own. */
  readonly auto: boolean;
  readonly sets: readonly ProcessorSet[];
}

/** The first processor is the last digit. */
function parseMask(mask: string): ProcessorSet | ConfigFault {
  if (mask.length > CPU_SET_SIZE) {
    return new ConfigFault(`"worker_cpu_affinity" supports up to ${CPU_SET_SIZE} CPUs only`);
  }
  const set: number[] = [];
  let cpu = 0;
  for (let i = mask.length - 1; i >= 0; i--) {
    const digit = mask.charAt(i);
    if (digit === " ") continue;
    if (digit === "1") set.push(cpu);
    else if (digit !== "0") return new ConfigFault(`invalid character "${digit}" in "worker_cpu_affinity"`);
    cpu++;
  }
  return set;
}

/** Processors that are on, numbered from 0. */
function onlineProcessors(): number {
  return cpus().length || availableParallelism();
}

export const workerAffinity: ArgumentType<WorkerAffinity | undefined> = {
  arity: atLeast(1),
  fallback: undefined,
  parse(args) {
    const auto = args[0] === "auto";
    if (auto && args.length > 2) {
      return new ConfigFault('invalid number of arguments in "worker_cpu_affinity" directive');
    }
    const sets: ProcessorSet[] = [];
    for (const mask of args.slice(auto ? 1 : 0)) {
      const set = parseMask(mask);
      if (set instanceof ConfigFault) return set;
      sets.push(set);
    }
    if (sets.length === 0) sets.push(Array.from({ length: onlineProcessors() }, (_, cpu) => cpu));
    return { auto, sets };
  },
};

/** The processors of a worker, by its index; undefined where nothing is said of it (ngx_get_cpu_affinity). */
export function processorsOf({ auto, sets }: WorkerAffinity, worker: number): ProcessorSet | undefined {
  if (!auto) return sets[Math.min(worker, sets.length - 1)];
  const set = sets[0] ?? [];
  const cpu = set[worker % set.length];
  return cpu === undefined ? undefined : [cpu];
}

/** nginx's warning about masks that do not go with the number of workers; undefined where they do. */
export function affinityMismatch({ auto, sets }: WorkerAffinity, workers: number): string | undefined {
  if (auto || sets.length === 1 || sets.length === workers) return undefined;
  return (
    'the number of "worker_processes" is not equal to the number of "worker_cpu_affinity" masks, ' +
    "using last mask for remaining worker processes"
  );
}

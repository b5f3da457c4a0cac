/** The counters of this process, tied to the memory that it shares with the others. */
import type { LoadContext } from "../config/load-context.ts";
import { countIn } from "./counters.ts";
import type { MetricsMemory } from "./metrics-memory.ts";
import { type Places, rows } from "./rows.ts";

let attached: MetricsMemory | undefined;
let slotHere = 0;

/** What all processes have counted; undefined in a process that does not serve. */
export function metricsMemory(): MetricsMemory | undefined {
  return attached;
}

/** The slot of this process. */
export function ownSlot(): number {
  return slotHere;
}

/** From now on the process counts in its own block of the memory. */
export function attachMetrics(memory: MetricsMemory, slot: number): void {
  attached = memory;
  slotHere = slot;
  countIn(memory.block(slot).cells);
  memory.enter(slot, process.pid);
}

/** Ties the rows of a configuration to their places, before the process serves by it. */
export function bindRows(load: LoadContext, places: Places): void {
  rows(load).place(places);
}

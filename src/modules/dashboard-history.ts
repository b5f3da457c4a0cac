/** What the last minutes were like, for those who open the page later: each worker remembers the sums of all. */
import type { LoadContext } from "../config/load-context.ts";
import { Timer, type TimerOwner } from "../net/timers.ts";
import { snapshotTotals, type Totals } from "./api-snapshot.ts";
import { Reading } from "./metrics-reading.ts";

const INTERVAL_MS = 5000;
/** Ten minutes. */
const SAMPLES = 120;

/** The totals at one moment. */
export interface Sample extends Totals {
  /** ms since 1970. */
  readonly time: number;
}

const samples: Sample[] = [];

/** The last minutes, oldest first. */
export function pastSamples(): readonly Sample[] {
  return samples;
}

/** Remembers until it is stopped. */
export class History implements TimerOwner {
  private readonly load: LoadContext;
  private readonly timer = new Timer(this, 0);

  constructor(load: LoadContext) {
    this.load = load;
    this.timer.arm(INTERVAL_MS);
  }

  onTimer(): void {
    this.timer.arm(INTERVAL_MS);
    const reading = Reading.take(this.load);
    if (reading === undefined) return;
    samples.push({ time: Date.now(), ...snapshotTotals(reading) });
    if (samples.length > SAMPLES) samples.shift();
  }

  stop(): void {
    this.timer.release();
  }
}

/** When workers that have died are started again: at once, but none more often than once a second. */

/** One that dies as soon as it has started would die again, and its starts would take the processors from the others. */
const LEAST_PAUSE_MS = 1000;

/** Workers are known by their index. */
export class Restarts {
  private readonly start: (index: number) => void;
  private readonly waiting = new Map<number, Timer>();

  constructor(start: (index: number) => void) {
    this.start = start;
  }

  /** A worker that was started at `startedMs` (monotonic) has died. */
  schedule(index: number, startedMs: number): void {
    const pauseMs = startedMs + LEAST_PAUSE_MS - performance.now();
    if (pauseMs <= 0) {
      this.start(index);
      return;
    }
    const again = (): void => {
      this.waiting.delete(index);
      this.start(index);
    };
    this.waiting.set(index, setTimeout(again, pauseMs));
  }

  /** Whether a start is to come. */
  waits(index: number): boolean {
    return this.waiting.has(index);
  }

  /** None of those that wait is started. */
  forget(): void {
    for (const timer of this.waiting.values()) clearTimeout(timer);
    this.waiting.clear();
  }
}

/**
 * The spin lock of a zone. The word holds the process id of its owner, so that a lock whose owner was killed can be told
 * from one that is held, and taken over.
 */
import { processAlive, yieldProcessor } from "../net/shared-memory.ts";

/** Tries before the processor is given away: a lock is held for a microsecond or less. */
const SPINS = 200;

/** The lock at `words[at]`; 0 is free. */
export class ZoneLock {
  private readonly words: Int32Array;
  private readonly at: number;
  private readonly pid: number;
  /** Puts what the lock guards in order when its owner died in the middle of a change. */
  private readonly repair: () => void;

  constructor(words: Int32Array, at: number, pid: number, repair: () => void) {
    this.words = words;
    this.at = at;
    this.pid = pid;
    this.repair = repair;
  }

  /** Waits for the lock and takes it. Hot: one atomic operation where nobody holds it. */
  acquire(): void {
    if (Atomics.compareExchange(this.words, this.at, 0, this.pid) !== 0) this.wait();
  }

  release(): void {
    Atomics.compareExchange(this.words, this.at, this.pid, 0);
  }

  /** Frees a lock that the process held when it ended; does nothing where it did not. */
  breakFor(pid: number): void {
    if (this.takeOver(pid)) this.release();
  }

  private wait(): void {
    const { words, at, pid } = this;
    for (;;) {
      for (let i = 0; i < SPINS; i++) {
        if (Atomics.load(words, at) === 0 && Atomics.compareExchange(words, at, 0, pid) === 0) return;
      }
      // On a busy machine that takes a while: afterwards it is time to see whether the owner lives.
      yieldProcessor();
      const owner = Atomics.load(words, at);
      // This very process: a bug left a change unfinished, as a death would have.
      const dead = owner === pid || (owner !== 0 && !processAlive(owner));
      if (dead && this.takeOver(owner)) return;
    }
  }

  private takeOver(from: number): boolean {
    if (Atomics.compareExchange(this.words, this.at, from, this.pid) !== from) return false;
    this.repair();
    return true;
  }
}

/**
 * The wheel on a machine that stalls: the clock of these tests stands, and jumps as it does for a process that was not run
 * for a while.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { fuzzSeed, seededRandom } from "../http/fuzz-input.ts";
import { defer, setLongestWait } from "./event-loop.ts";
import { Timer } from "./timers.ts";

/** A timer may be late by a tick, and the jump that has passed it. */
const TICK_MS = 20;
const READS_PER_STEP = 2000;

const realNow = performance.now;
let clockMs = 0;

beforeEach(() => {
  clockMs = realNow.call(performance);
  performance.now = () => clockMs;
  setLongestWait(1);
});
afterEach(() => {
  performance.now = realNow;
  setLongestWait(undefined);
});

function turn(): Promise<void> {
  return new Promise((resolve) => defer({ onTurn: resolve }));
}

/** Goes on by so much; the wheel has seen it when this resolves. */
async function pass(ms: number): Promise<void> {
  clockMs += ms;
  for (let turns = 0; turns < 3; turns++) await turn();
}

/** A wheel that goes round for ever looks at a timer's deadline for ever: that throws. */
function guarded(timer: Timer): { step(): void } {
  let deadline = timer.deadlineMs;
  let reads = 0;
  Object.defineProperty(timer, "deadlineMs", {
    get() {
      if (++reads > READS_PER_STEP) throw new Error("the wheel does not end");
      return deadline;
    },
    set(value: number) {
      deadline = value;
    },
  });
  return {
    step() {
      reads = 0;
    },
  };
}

test("the only timer, longer than a round, is found one tick late", async () => {
  const fired: number[] = [];
  const timer = new Timer({ onTimer: (tag) => fired.push(tag) }, 7);
  guarded(timer);
  timer.arm(60_000);
  await turn();
  await pass(timer.visitMs + TICK_MS + 5 - performance.now());
  expect(fired).toEqual([]);
  await pass(60_000);
  expect(fired).toEqual([7]);
});

describe("timers of any length over any stalls", () => {
  for (const count of [1, 2, 30]) {
    test(`${count} of them fire in time`, async () => {
      const seed = fuzzSeed();
      const numbers = seededRandom(seed);
      const random = (): number => numbers(1_000_000) / 1_000_000;
      const due: number[] = [];
      const faults: string[] = [];
      let before = performance.now();
      const onTimer = (tag: number): void => {
        const now = performance.now();
        const at = due[tag]!;
        if (at === Number.POSITIVE_INFINITY || now < at) faults.push(`${tag} fired ${at - now} ms too soon`);
        if (at + 2 * TICK_MS < before) faults.push(`${tag} fired ${now - at} ms late`);
        due[tag] = Number.POSITIVE_INFINITY;
        if (random() < 0.5) arm(tag);
      };
      const timers = Array.from({ length: count }, (_, tag) => new Timer({ onTimer }, tag));
      const guards = timers.map(guarded);
      const arm = (tag: number): void => {
        const delayMs = random() < 0.5 ? random() * 200 : random() * 90_000;
        timers[tag]!.arm(delayMs);
        due[tag] = timers[tag]!.deadlineMs;
      };
      for (let step = 0; step < 300 && faults.length === 0; step++) {
        for (const guard of guards) guard.step();
        for (const [tag, timer] of timers.entries()) {
          const dice = random();
          if (dice < 0.2) arm(tag);
          else if (dice < 0.25) {
            due[tag] = Number.POSITIVE_INFINITY;
            if (random() < 0.5) timer.release();
            else timer.disarm();
          }
        }
        before = performance.now();
        // As often as not a visit of the wheel is missed by a few ticks.
        const visit = timers[0]!.visitMs;
        const gap = random() < 0.5 ? random() * 1000 : visit - performance.now() + random() * 4 * TICK_MS;
        await pass(Math.max(0, gap));
        const overdue = due.findIndex((at) => at + 2 * TICK_MS < before);
        if (overdue >= 0) faults.push(`${overdue} did not fire`);
      }
      for (const timer of timers) timer.release();
      expect(`FUZZ_SEED=${seed} ${faults.join()}`).toBe(`FUZZ_SEED=${seed} `);
    });
  }
});

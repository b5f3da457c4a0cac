import { expect, test } from "bun:test";
import { Restarts } from "./restarts.ts";

test("who has run for a second is started again at once", () => {
  const started: number[] = [];
  const restarts = new Restarts((index) => started.push(index));
  restarts.schedule(3, performance.now() - 1000);
  expect([started, restarts.waits(3)]).toEqual([[3], false]);
});

test("who dies at once again and again is started once a second", async () => {
  const startsMs: number[] = [];
  const restarts = new Restarts((index) => {
    startsMs.push(performance.now());
    if (startsMs.length < 3) restarts.schedule(index, performance.now());
  });
  restarts.schedule(3, performance.now() - 800);
  expect([startsMs.length, restarts.waits(3)]).toEqual([0, true]);
  while (startsMs.length < 3) await Bun.sleep(10);
  const [first = 0, second = 0, third = 0] = startsMs;
  // A timer may be early by a fraction of a millisecond.
  expect(Math.min(second - first, third - second)).toBeGreaterThan(995);
  expect(restarts.waits(3)).toBe(false);
});

test("those that wait can be forgotten", async () => {
  let started = false;
  const restarts = new Restarts(() => {
    started = true;
  });
  restarts.schedule(0, performance.now() - 500);
  restarts.forget();
  await Bun.sleep(560);
  expect([started, restarts.waits(0)]).toEqual([false, false]);
});

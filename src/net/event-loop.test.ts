import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { defer, nowMs, setFaults } from "./event-loop.ts";
import { Timer } from "./timers.ts";

/** Undocumented: Bun's epoll descriptor is found and nested. Were it not, the process would wait for ten minutes. */
test("a wait ends when Bun has something to do", async () => {
  const child = Bun.spawn({ cmd: [process.execPath, join(import.meta.dir, "nested-loop-fixture.ts")] });
  const killer = setTimeout(() => child.kill("SIGKILL"), 15_000);
  expect(await new Response(child.stdout).text()).toBe("files\nsignals\nsockets of Bun's\n");
  clearTimeout(killer);
}, 20_000);

test("deferred work comes after what runs now, in order, and may defer more", async () => {
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    defer({ onTurn: () => order.push("first") });
    defer({
      onTurn: () => {
        order.push("second");
        defer({
          onTurn: () => {
            order.push("third");
            resolve();
          },
        });
      },
    });
    order.push("now");
  });
  expect(order).toEqual(["now", "first", "second", "third"]);
});

describe("timers", () => {
  test("fire once, not before their time, in the order of their deadlines", async () => {
    const fired: number[] = [];
    const begun = nowMs();
    await new Promise<void>((resolve) => {
      const owner = {
        onTimer: (tag: number): void => {
          fired.push(tag);
          expect(nowMs() - begun).toBeGreaterThanOrEqual(tag);
          if (fired.length === 3) resolve();
        },
      };
      for (const delay of [120, 30, 70]) new Timer(owner, delay).arm(delay);
    });
    expect(fired).toEqual([30, 70, 120]);
  });

  test("re-armed and disarmed ones keep to the last word", async () => {
    const fired: string[] = [];
    const timer = (name: string): Timer => new Timer({ onTimer: () => fired.push(name) }, 0);
    const later = timer("later");
    later.arm(10);
    const never = timer("never");
    never.arm(10);
    never.disarm();
    const released = timer("released");
    released.arm(10);
    released.release();
    const sooner = timer("sooner");
    sooner.arm(60_000);
    sooner.arm(20);
    const begun = nowMs();
    later.arm(90);
    while (fired.length < 2 && nowMs() - begun < 3000) await Bun.sleep(5);
    expect(fired).toEqual(["sooner", "later"]);
    expect([never.armed, released.armed, later.armed]).toEqual([false, false, false]);
  });

  test("an exception of one does not stop the others", async () => {
    const faults: unknown[] = [];
    setFaults({ onFault: (error) => faults.push(error) });
    const fired: number[] = [];
    const fails = {
      onTimer: () => {
        throw new Error("oops");
      },
    };
    await new Promise<void>((resolve) => {
      new Timer(fails, 0).arm(20);
      new Timer({ onTimer: (tag) => fired.push(tag) }, 7).arm(20);
      new Timer({ onTimer: () => resolve() }, 0).arm(60);
    });
    expect([fired, String(faults)]).toEqual([[7], "Error: oops"]);
    setFaults({ onFault: () => {} });
  });
});

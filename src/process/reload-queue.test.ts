import { expect, test } from "bun:test";
import { ReloadQueue } from "./reload-queue.ts";

test("one waits at most, and a fault stops none", async () => {
  const done: number[] = [];
  const faults: string[] = [];
  const ends: ((fault?: Error) => void)[] = [];
  const queue = new ReloadQueue(
    () =>
      new Promise((resolve, reject) => {
        ends.push((fault) => (fault === undefined ? resolve() : reject(fault)));
      }),
    (fault) => faults.push(String(fault)),
  );
  const end = async (fault?: Error): Promise<void> => {
    await Bun.sleep(0);
    done.push(ends.length);
    ends.at(-1)?.(fault);
  };
  queue.add();
  await Bun.sleep(0);
  for (let i = 0; i < 10; i++) queue.add();
  await end(new Error("oops"));
  await end();
  queue.add();
  await end();
  await Bun.sleep(0);
  expect([done, faults]).toEqual([[1, 2, 3], ["Error: oops"]]);
});

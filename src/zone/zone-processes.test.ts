/** Real processes on one zone, and real deaths. */
import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { LoadContext } from "../config/load-context.ts";
import { memorySource } from "../config/memory-source.ts";
import { tableFaults } from "./table-faults.ts";
import { countUp, FIXTURE_KIND, keyOf, LAYOUT, type Work } from "./zone-fixture.ts";
import { hold, totalHeld } from "./zone-holders.ts";
import { type ZoneGrant, ZoneRegistry } from "./zone-registry.ts";
import type { ZoneTable } from "./zone-table.ts";
import { zones } from "./zones.ts";

const FIXTURE = join(import.meta.dir, "zone-fixture.ts");
const LIMIT_MS = 30_000;

interface Shared {
  readonly registry: ZoneRegistry;
  readonly grants: readonly ZoneGrant[];
  readonly table: ZoneTable;
}

let ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended) end();
  ended = [];
});

function sharedZone(): Shared {
  const registry = ZoneRegistry.shared();
  ended.push(() => registry.close());
  const load = new LoadContext("/", "/", memorySource({}), { lookup: () => Promise.resolve([]) });
  zones(load).declare("z", 256 * 1024, FIXTURE_KIND);
  const plan = registry.plan(load);
  if (typeof plan === "string") throw new Error(plan);
  plan.commit();
  return { registry, grants: plan.grants, table: registry.table(plan.grants[0]!, LAYOUT) };
}

interface Worker {
  readonly pid: number;
  readonly slot: number;
  /** Resolves with the first line it prints. */
  readonly says: Promise<string>;
  readonly process: Subprocess<"ignore", "pipe", "inherit">;
  kill(): Promise<void>;
}

function start({ registry, grants }: Shared, what: Work, times: number): Worker {
  const slot = registry.takeSlot();
  const child = Bun.spawn<"ignore", "pipe", "inherit">({
    cmd: [process.execPath, FIXTURE, JSON.stringify({ fd: 3, slot, grants }), what, String(times)],
    stdio: ["ignore", "pipe", "inherit", registry.fd],
  });
  ended.push(() => child.kill("SIGKILL"));
  const says = (async () => {
    const { value } = await child.stdout.getReader().read();
    return value === undefined ? "" : new TextDecoder().decode(value);
  })();
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await child.exited;
  };
  return { pid: child.pid, slot, says, process: child, kill };
}

function sum(table: ZoneTable): number {
  let total = 0;
  for (let cell = table.oldest; cell !== 0; cell = table.newerThan(cell)) total += table.doubles[table.values(cell)]!;
  return total;
}

test(
  "no count of two processes is lost",
  async () => {
    const shared = sharedZone();
    const times = 150_000;
    const workers = [start(shared, "count", times), start(shared, "count", times)];
    for (let i = 0; i < 1000; i++) countUp(shared.table, keyOf(i % 100));
    expect(await Promise.all(workers.map(({ says }) => says))).toEqual(["done\n", "done\n"]);
    expect(sum(shared.table)).toBe(2 * times + 1000);
    expect(tableFaults(shared.table)).toEqual([]);
  },
  LIMIT_MS,
);

describe("a killed process", () => {
  test(
    "that had the lock does not stop others, even if nobody tells them",
    async () => {
      const shared = sharedZone();
      countUp(shared.table, "before");
      const worker = start(shared, "lock and stay", 0);
      expect(await worker.says).toBe("there\n");
      await worker.kill();
      countUp(shared.table, "after");
      expect(shared.table.find("before")).not.toBe(0);
      expect(tableFaults(shared.table)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    "gives back what it held, and nothing else",
    async () => {
      const shared = sharedZone();
      const { table, registry } = shared;
      const first = start(shared, "hold and stay", 1000);
      const second = start(shared, "hold and stay", 500);
      expect(await first.says).toBe("there\n");
      expect(await second.says).toBe("there\n");
      const own = registry.takeSlot();
      hold(table, table.find(keyOf(0)), own);
      expect(totalHeld(table, table.find(keyOf(0)))).toBe(151);
      await first.kill();
      registry.releaseWorker(first.slot, first.pid);
      expect(totalHeld(table, table.find(keyOf(0)))).toBe(51);
      await second.kill();
      registry.releaseWorker(second.slot, second.pid);
      expect(totalHeld(table, table.find(keyOf(0)))).toBe(1);
      for (let i = 1; i < 10; i++) expect(totalHeld(table, table.find(keyOf(i)))).toBe(0);
      expect(tableFaults(table)).toEqual([]);
      expect(registry.takeSlot()).toBe(first.slot);
    },
    LIMIT_MS,
  );

  test(
    "at any moment of its work leaves the table in order",
    async () => {
      const shared = sharedZone();
      const { table, registry } = shared;
      for (let round = 0; round < 12; round++) {
        const worker = start(shared, "work until killed", 0);
        expect(await worker.says).toBe("there\n");
        for (let i = 0; i < 200; i++) countUp(table, keyOf(i % 100));
        await worker.kill();
        registry.releaseWorker(worker.slot, worker.pid);
        countUp(table, "round");
        expect(tableFaults(table)).toEqual([]);
      }
      for (let i = 0; i < 100; i++) expect(table.doubles[table.values(table.find(keyOf(i)))]).toBe(24);
      expect(table.doubles[table.values(table.find("round"))]).toBe(12);
    },
    LIMIT_MS,
  );
});

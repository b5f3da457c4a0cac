/** Two workers, each with its own load of the same configuration, on one zone. */
import { afterEach, describe, expect, test } from "bun:test";
import type { LoadContext } from "../config/load-context.ts";
import { tableFaults } from "../zone/table-faults.ts";
import { totalHeld } from "../zone/zone-holders.ts";
import { AttachedZones, bindZones, ZoneRegistry } from "../zone/zone-registry.ts";
import type { Attempt } from "./balancer.ts";
import { FakeChoice, loadHttp } from "./load-fixture.ts";
import { PEER_ZONE } from "./shared-peers.ts";
import type { Upstream } from "./upstream.ts";
import { upstreams } from "./upstream-set.ts";

const open: ZoneRegistry[] = [];
afterEach(() => {
  for (const registry of open.splice(0)) registry.close();
});

function newRegistry(): ZoneRegistry {
  const registry = ZoneRegistry.shared();
  open.push(registry);
  return registry;
}

async function loaded(lines: string): Promise<LoadContext> {
  const { load, diagnostics } = await loadHttp(lines);
  if (load.failed) throw new Error(JSON.stringify(diagnostics));
  return load;
}

/** Brings a block into force; gives the upstream as the worker of each slot has it. */
async function workers(registry: ZoneRegistry, block: string, slots: readonly number[]): Promise<Upstream[]> {
  const text = `upstream u { ${block} }`;
  const plan = registry.plan(await loaded(text));
  if (typeof plan === "string") throw new Error(plan);
  plan.commit();
  const out: Upstream[] = [];
  for (const slot of slots) {
    const load = await loaded(text);
    bindZones(load, new AttachedZones(registry.fd), plan.grants, slot);
    out.push(upstreams(load).find("u", 0, false)!);
  }
  return out;
}

const clock = new FakeChoice("key");

function begin(upstream: Upstream): Attempt {
  return upstream.balancer.begin(clock);
}

/** The port of the peer that a new request gets, or "none"; the request goes on. */
function choose(upstream: Upstream): string {
  return String(upstream.balancer.next(begin(upstream))?.address.port ?? "none");
}

const THREE = "server 127.0.0.1:1 weight=5; server 127.0.0.1:2; server 127.0.0.1:3;";

describe("workers with a zone", () => {
  test("take turns as one", async () => {
    const [a, b] = await workers(newRegistry(), `zone z 64k; ${THREE}`, [0, 1]);
    const order = [a, b, b, a, a, b, a].map((worker) => choose(worker!)).join("");
    expect(order).toBe("1121311");
  });

  test("count failures together", async () => {
    const servers = "server 127.0.0.1:1 max_fails=2; server 127.0.0.1:2 max_fails=2;";
    const [a, b] = await workers(newRegistry(), `zone z 64k; ${servers}`, [0, 1]);
    for (const worker of [a!, b!]) {
      const attempt = begin(worker);
      while (worker.balancer.next(attempt)?.address.port !== 1) worker.balancer.free(attempt, false);
      worker.balancer.free(attempt, true);
      expect(attempt.disabled).toBe(worker === b);
    }
    expect([choose(a!), choose(a!), choose(b!), choose(b!)]).toEqual(["2", "2", "2", "2"]);
  });

  test("a peer that has recovered is there for all", async () => {
    const registry = newRegistry();
    const text = "upstream u { zone z 64k; server 127.0.0.1:1 fail_timeout=10; server 127.0.0.1:2; }";
    const load = await loaded(text);
    const plan = registry.plan(load);
    if (typeof plan === "string") throw new Error(plan);
    bindZones(load, registry, plan.grants, 0);
    const other = await loaded(text);
    bindZones(other, new AttachedZones(registry.fd), plan.grants, 1);
    const [a, b] = [upstreams(load).find("u", 0, false)!, upstreams(other).find("u", 0, false)!];
    const turn = (worker: Upstream, failed: boolean): number | undefined => {
      const attempt = begin(worker);
      const port = worker.balancer.next(attempt)?.address.port;
      worker.balancer.free(attempt, failed);
      return port;
    };
    expect(turn(a, true)).toBe(1);
    expect([turn(b, false), turn(b, false), turn(a, false)]).toEqual([2, 2, 2]);
    // Eleven seconds later: both times of every entry lie further back.
    const table = registry.table(plan.grants[0]!, PEER_ZONE.layout);
    for (let cell = table.oldest; cell !== 0; cell = table.newerThan(cell)) {
      for (const time of [0, 1]) table.doubles[table.values(cell) + time]! -= 11_000;
    }
    expect(new Set([turn(b, false), turn(b, false), turn(b, false)])).toEqual(new Set([1, 2]));
    expect(new Set([turn(a, false), turn(a, false), turn(a, false)])).toEqual(new Set([1, 2]));
  });

  test("keep max_conns together", async () => {
    const block = "zone z 64k; server 127.0.0.1:1 max_conns=3; server 127.0.0.1:2 max_conns=1 backup;";
    const [a, b] = await workers(newRegistry(), block, [0, 1]);
    const held = begin(a!);
    expect(a!.balancer.next(held)?.address.port).toBe(1);
    expect([choose(b!), choose(a!), choose(b!), choose(a!)]).toEqual(["1", "1", "2", "none"]);
    a!.balancer.free(held, false);
    expect([choose(b!), choose(a!)]).toEqual(["1", "none"]);
  });

  test("least_conn sees the connections of all", async () => {
    const block = "zone z 64k; least_conn; server 127.0.0.1:1; server 127.0.0.1:2; server 127.0.0.1:3;";
    const [a, b] = await workers(newRegistry(), block, [0, 1]);
    expect(new Set([choose(a!), choose(b!), choose(a!)]).size).toBe(3);
  });

  test("what a dead worker held is free", async () => {
    const registry = newRegistry();
    const slots = [registry.takeSlot(), registry.takeSlot()];
    const [a, b] = await workers(
      registry,
      "zone z 64k; server 127.0.0.1:1 max_conns=2; server 127.0.0.1:2 down;",
      slots,
    );
    expect([choose(a!), choose(b!), choose(a!)]).toEqual(["1", "1", "none"]);
    registry.releaseWorker(slots[1]!, 0);
    expect([choose(a!), choose(a!)]).toEqual(["1", "none"]);
  });

  test("freeing twice counts once", async () => {
    const [a] = await workers(
      newRegistry(),
      "zone z 64k; server 127.0.0.1:1 max_conns=1; server 127.0.0.1:2 down;",
      [0],
    );
    const attempt = begin(a!);
    a!.balancer.next(attempt);
    a!.balancer.free(attempt, false);
    a!.balancer.free(attempt, false);
    expect([choose(a!), choose(a!)]).toEqual(["1", "none"]);
  });
});

describe("over a reload", () => {
  test("a server with the same line keeps its connections, a new one has none", async () => {
    const registry = newRegistry();
    const [before] = await workers(registry, "zone z 64k; server 127.0.0.1:1 max_conns=2; server 127.0.0.1:9;", [0]);
    const held = begin(before!);
    while (before!.balancer.next(held)?.address.port !== 1) before!.balancer.free(held, false);
    const [after] = await workers(
      registry,
      "zone z 64k; server 127.0.0.1:1 max_conns=2; server 127.0.0.1:2 max_conns=1;",
      [0],
    );
    const chosen = [choose(after!), choose(after!), choose(after!)];
    expect(chosen.sort()).toEqual(["1", "2", "none"]);
    before!.balancer.free(held, false);
    expect([choose(after!), choose(after!)]).toEqual(["1", "none"]);
  });

  test("another weight holds at once", async () => {
    const registry = newRegistry();
    const [before] = await workers(registry, "zone z 64k; server 127.0.0.1:1; server 127.0.0.1:2;", [0]);
    choose(before!);
    const [after] = await workers(registry, "zone z 64k; server 127.0.0.1:1 weight=3; server 127.0.0.1:2;", [0]);
    const chosen = Array.from({ length: 8 }, () => choose(after!));
    expect(chosen.filter((port) => port === "1").length).toBe(6);
  });

  test("where what is held leaves too little room for all, the others' counts hold", async () => {
    const registry = newRegistry();
    const block = (from: number): string => {
      const line = (_: unknown, i: number): string => `server 127.0.0.1:${from + i} max_conns=1;`;
      return `zone z 32k; ${Array.from({ length: 100 }, line).join(" ")}`;
    };
    const [before] = await workers(registry, block(1), [0]);
    const held = Array.from({ length: 60 }, () => begin(before!));
    for (const attempt of held) before!.balancer.next(attempt);
    const [after] = await workers(registry, block(1001), [0]);
    for (let i = 0; i < 300; i++) {
      const attempt = begin(after!);
      after!.balancer.next(attempt);
      after!.balancer.free(attempt, false);
    }
    for (const attempt of held) before!.balancer.free(attempt, false);
    const load = await loaded(`upstream u { ${block(1)} }`);
    const plan = registry.plan(load);
    if (typeof plan === "string") throw new Error(plan);
    const table = registry.table(plan.grants[0]!, PEER_ZONE.layout);
    expect(tableFaults(table)).toEqual([]);
    for (let cell = table.oldest; cell !== 0; cell = table.newerThan(cell)) expect(totalHeld(table, cell)).toBe(0);
  });

  test("servers that come and go do not fill the zone", async () => {
    const registry = newRegistry();
    for (let round = 0; round < 30; round++) {
      const servers = Array.from({ length: 20 }, (_, i) => `server 127.0.0.1:${round * 20 + i + 1} max_conns=1;`);
      const [a] = await workers(registry, `zone z 32k; ${servers.join(" ")}`, [0]);
      expect(new Set(Array.from({ length: 20 }, () => choose(a!))).size).toBe(20);
      expect(choose(a!)).toBe("none");
      if (round % 3 !== 0) registry.releaseWorker(0, 0);
    }
  });
});

test("blocks of one zone do not mix, and equal lines count apart", async () => {
  const registry = newRegistry();
  const text = `upstream u { zone z 64k; server 127.0.0.1:1 max_conns=1; server 127.0.0.1:1 max_conns=1; }
    upstream v { zone z; server 127.0.0.1:1 max_conns=1; server 127.0.0.1:2 down; }`;
  const load = await loaded(text);
  const plan = registry.plan(load);
  if (typeof plan === "string") throw new Error(plan);
  bindZones(load, registry, plan.grants, 0);
  const u = upstreams(load).find("u", 0, false)!;
  const v = upstreams(load).find("v", 0, false)!;
  expect([choose(u), choose(u), choose(u)]).toEqual(["1", "1", "none"]);
  expect([choose(v), choose(v)]).toEqual(["1", "none"]);
});

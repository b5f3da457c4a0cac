import { afterEach, describe, expect, test } from "bun:test";
import { ConfigFault } from "../config/directive.ts";
import { LoadContext } from "../config/load-context.ts";
import { memorySource } from "../config/memory-source.ts";
import { FIXTURE_KIND } from "./zone-fixture.ts";
import { hold, totalHeld } from "./zone-holders.ts";
import { AttachedZones, bindZones, type ZonePlan, ZoneRegistry } from "./zone-registry.ts";
import { type DeclaredZone, type ZoneKind, zones } from "./zones.ts";

const OTHER_KIND: ZoneKind = { ...FIXTURE_KIND, owner: "other" };

interface Wanted {
  readonly name: string;
  readonly bytes: number;
  readonly kind: ZoneKind;
  readonly key: string;
}

const Z: Wanted = { name: "z", bytes: 64 * 1024, kind: FIXTURE_KIND, key: "$uri" };

function loadOf(...wanted: readonly Wanted[]): LoadContext {
  const load = new LoadContext("/", "/", memorySource({}), { lookup: () => Promise.resolve([]) });
  for (const { name, bytes, kind, key } of wanted) {
    const zone = zones(load).declare(name, bytes, kind);
    if (zone instanceof ConfigFault) throw new Error(zone.message);
    zone.key = key;
  }
  return load;
}

function zoneOf(load: LoadContext, name = "z"): DeclaredZone {
  for (const zone of zones(load)) if (zone.name === name) return zone;
  throw new Error(`no zone ${name}`);
}

function planned(registry: ZoneRegistry, load: LoadContext): ZonePlan {
  const plan = registry.plan(load);
  if (typeof plan === "string") throw new Error(plan);
  return plan;
}

/** Brings a configuration into force, and gives its zone `z`. */
function inForce(registry: ZoneRegistry, ...wanted: readonly Wanted[]): DeclaredZone {
  const load = loadOf(...wanted);
  const plan = planned(registry, load);
  plan.commit();
  bindZones(load, registry, plan.grants, 0);
  return zoneOf(load);
}

const open: ZoneRegistry[] = [];
afterEach(() => {
  for (const registry of open.splice(0)) registry.close();
});

for (const [where, create] of [
  ["shared", () => ZoneRegistry.shared()],
  ["own", () => ZoneRegistry.alone()],
] as const) {
  const make = (): ZoneRegistry => {
    const registry = create();
    open.push(registry);
    return registry;
  };

  describe(`${where} memory over a reload`, () => {
    const cases: readonly { readonly name: string; readonly next: readonly Wanted[]; readonly kept: boolean }[] = [
      { name: "the same zone goes on", next: [Z], kept: true },
      { name: "beside a new one, too", next: [{ ...Z, name: "first" }, Z], kept: true },
      { name: "another size begins anew", next: [{ ...Z, bytes: 128 * 1024 }], kept: false },
      { name: "another use begins anew", next: [{ ...Z, kind: OTHER_KIND }], kept: false },
    ];
    for (const { name, next, kept } of cases) {
      test(name, () => {
        const registry = make();
        inForce(registry, Z).table.insert("a");
        expect(inForce(registry, ...next).table.find("a") !== 0).toBe(kept);
      });
    }

    test("a zone that was away begins anew", () => {
      const registry = make();
      inForce(registry, Z).table.insert("a");
      inForce(registry, { ...Z, name: "y" }, { ...Z, bytes: 40_000 });
      expect(inForce(registry, Z).table.find("a")).toBe(0);
    });

    test("another key is refused, and changes nothing", () => {
      const registry = make();
      const zone = inForce(registry, Z);
      zone.table.insert("a");
      expect(registry.plan(loadOf({ ...Z, key: "$host" }))).toBe("z: $host, previously $uri");
      expect(inForce(registry, Z).table.find("a")).not.toBe(0);
    });

    test("a plan that is abandoned changes nothing", () => {
      const registry = make();
      inForce(registry, Z).table.insert("a");
      const plan = planned(registry, loadOf({ ...Z, bytes: 128 * 1024 }, { ...Z, name: "y" }));
      plan.abandon();
      expect(inForce(registry, Z).table.find("a")).not.toBe(0);
    });

    test("what runs by the old configuration goes on with its own memory", () => {
      const registry = make();
      const old = inForce(registry, Z);
      const next = inForce(registry, { ...Z, bytes: 128 * 1024 });
      next.table.insert("new");
      const cell = old.table.insert("old");
      expect(old.table.find("old")).toBe(cell);
      expect(old.table.find("new")).toBe(0);
      expect(next.table.find("old")).toBe(0);
    });
  });
}

test("an attached process sees the same zones, those that a reload adds, too", () => {
  const registry = ZoneRegistry.shared();
  open.push(registry);
  const attached = new AttachedZones(registry.fd);
  const see = (...wanted: readonly Wanted[]): [DeclaredZone, LoadContext] => {
    const master = loadOf(...wanted);
    const plan = planned(registry, master);
    plan.commit();
    bindZones(master, registry, plan.grants, 0);
    const worker = loadOf(...wanted);
    bindZones(worker, attached, JSON.parse(JSON.stringify(plan.grants)), 5);
    return [zoneOf(master), worker];
  };
  const [first, firstLoad] = see(Z);
  const cell = first.table.insert("a");
  expect(zoneOf(firstLoad).table.find("a")).toBe(cell);
  expect(zoneOf(firstLoad).slot).toBe(5);
  const [second, secondLoad] = see(Z, { ...Z, name: "y", bytes: 1024 * 1024 });
  expect(zoneOf(secondLoad).table).toBe(zoneOf(firstLoad).table);
  expect(second.table.find("a")).toBe(cell);
  zoneOf(secondLoad, "y").table.insert("b");
  const [, thirdLoad] = see({ ...Z, name: "y", bytes: 1024 * 1024 }, { ...Z, bytes: 70_000 });
  expect(zoneOf(thirdLoad, "y").table.find("b")).not.toBe(0);
  expect(zoneOf(thirdLoad).table.find("a")).toBe(0);
});

test("columns are given out again when their worker has ended", () => {
  const registry = ZoneRegistry.alone();
  expect([registry.takeSlot(), registry.takeSlot(), registry.takeSlot()]).toEqual([0, 1, 2]);
  registry.releaseWorker(1, 0);
  expect([registry.takeSlot(), registry.takeSlot()]).toEqual([1, 3]);
});

test("what a worker held goes with it while a configuration is on its way in, in the zones of both", () => {
  const registry = ZoneRegistry.alone();
  const before = inForce(registry, Z).table;
  const load = loadOf(Z, { ...Z, name: "y" });
  const plan = planned(registry, load);
  bindZones(load, registry, plan.grants, 0);
  const tables = [before, zoneOf(load, "y").table];
  const slot = registry.takeSlot();
  for (const table of tables) hold(table, table.insert("a"), slot);
  registry.releaseWorker(slot, 0);
  expect(tables.map((table) => totalHeld(table, table.find("a")))).toEqual([0, 0]);
  plan.commit();
  for (const table of tables) hold(table, table.find("a"), slot);
  registry.releaseWorker(slot, 0);
  expect(tables.map((table) => totalHeld(table, table.find("a")))).toEqual([0, 0]);
});

test("a zone that nobody has bound says so", () => {
  expect(() => zoneOf(loadOf(Z)).table).toThrow('zone "z" has no memory');
});

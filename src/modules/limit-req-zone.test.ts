/** The arithmetic of limit_req: what nginx's ngx_http_limit_req_lookup and _account give for the same times. */
import { describe, expect, test } from "bun:test";
import { tableFaults } from "../zone/table-faults.ts";
import { ZoneTable } from "../zone/zone-table.ts";
import { DeclaredZone } from "../zone/zones.ts";
import { type Lookup, RATE_ZONE, RateZone } from "./limit-req-zone.ts";

const NOW = 1_000_000_000;

function zoneOf(requestsPerSecond: number, bytes = 32_768): RateZone {
  const declared = new DeclaredZone("z", RATE_ZONE, bytes);
  declared.bind(new ZoneTable(new Uint8Array(bytes), RATE_ZONE.layout, process.pid), 0);
  const zone = new RateZone(declared);
  zone.milliRate = Math.floor(requestsPerSecond * 1000);
  return zone;
}

interface Step {
  readonly afterMs: number;
  readonly finds: Lookup;
  readonly excess: number;
}

const CASES: readonly {
  readonly name: string;
  readonly rate: number;
  readonly burst: number;
  readonly steps: readonly Step[];
}[] = [
  {
    name: "the first is free, the second of the same moment is one ahead",
    rate: 1,
    burst: 0,
    steps: [
      { afterMs: 0, finds: "ok", excess: 0 },
      { afterMs: 0, finds: "busy", excess: 1000 },
      { afterMs: 999, finds: "busy", excess: 1 },
      { afterMs: 1, finds: "ok", excess: 0 },
    ],
  },
  {
    name: "refused requests do not count",
    rate: 10,
    burst: 1,
    steps: [
      { afterMs: 0, finds: "ok", excess: 0 },
      { afterMs: 0, finds: "ok", excess: 1000 },
      { afterMs: 10, finds: "busy", excess: 1900 },
      { afterMs: 10, finds: "busy", excess: 1800 },
      { afterMs: 80, finds: "ok", excess: 1000 },
    ],
  },
  {
    name: "a rate a minute is cut to whole thousandths a second",
    rate: 1 / 60,
    burst: 0,
    steps: [
      { afterMs: 0, finds: "ok", excess: 0 },
      { afterMs: 60_000, finds: "busy", excess: 40 },
      { afterMs: 2500, finds: "ok", excess: 0 },
    ],
  },
  {
    name: "less than a thousandth is lost",
    rate: 1 / 60,
    burst: 5,
    steps: [
      { afterMs: 0, finds: "ok", excess: 0 },
      { afterMs: 62, finds: "ok", excess: 1000 },
      { afterMs: 62, finds: "ok", excess: 2000 },
      { afterMs: 63, finds: "ok", excess: 2999 },
    ],
  },
  {
    name: "a clock that runs back a little stands still",
    rate: 1000,
    burst: 3,
    steps: [
      { afterMs: 0, finds: "ok", excess: 0 },
      { afterMs: -500, finds: "ok", excess: 1000 },
      { afterMs: 500, finds: "ok", excess: 2000 },
      { afterMs: 1, finds: "ok", excess: 2000 },
    ],
  },
  {
    name: "a clock that jumps back is taken as it is",
    rate: 1,
    burst: 9,
    steps: [
      { afterMs: 0, finds: "ok", excess: 0 },
      { afterMs: -60_001, finds: "ok", excess: 999 },
      { afterMs: 1000, finds: "ok", excess: 999 },
    ],
  },
];

describe("lookup", () => {
  for (const { name, rate, burst, steps } of CASES) {
    test(name, () => {
      const zone = zoneOf(rate);
      let now = NOW;
      for (const { afterMs, finds, excess } of steps) {
        now += afterMs;
        const found = zone.lookup("key", burst * 1000, true, now);
        expect({ afterMs, finds: found, excess: zone.excess }).toEqual({ afterMs, finds, excess });
      }
    });
  }

  test("a look without account changes nothing", () => {
    const zone = zoneOf(1);
    zone.lookup("key", 0, true, NOW);
    for (let i = 0; i < 5; i++) expect(zone.lookup("key", 1000, false, NOW)).toBe("again");
    expect(zone.excess).toBe(1000);
    zone.account("key", NOW);
    expect(zone.lookup("key", 1000, false, NOW)).toBe("busy");
    expect(zone.excess).toBe(2000);
  });

  test("a new key that is accounted later begins at nothing", () => {
    const zone = zoneOf(1);
    expect(zone.lookup("key", 0, false, NOW)).toBe("again");
    zone.account("key", NOW + 5);
    expect(zone.excess).toBe(0);
    expect(zone.lookup("key", 0, false, NOW + 5)).toBe("busy");
  });
});

describe("a full zone", () => {
  test("drops keys that have run empty", () => {
    const zone = zoneOf(1);
    const { table } = zone.zone;
    for (let i = 0; i < 100; i++) zone.lookup(`key ${i}`, 0, true, NOW);
    for (let i = 0; i < 10; i++) zone.lookup(`new ${i}`, 0, true, NOW + 60_000);
    expect(table.find("key 19")).toBe(0);
    expect(table.find("key 20")).not.toBe(0);
    expect(tableFaults(table)).toEqual([]);
  });

  test("keeps keys that are ahead of their rate or were used within a minute", () => {
    const zone = zoneOf(1 / 60);
    const { table } = zone.zone;
    for (let i = 0; i < 3; i++) zone.lookup("ahead", 9000, true, NOW);
    zone.lookup("late", 0, true, NOW + 10_000);
    zone.lookup("new", 0, true, NOW + 61_000);
    expect(table.find("ahead")).not.toBe(0);
    table.touch(table.find("ahead"));
    zone.lookup("newer", 0, true, NOW + 69_999);
    expect(table.find("late")).not.toBe(0);
    zone.lookup("newest", 0, true, NOW + 70_000);
    expect(table.find("late")).toBe(0);
  });

  test("drops the key that was not used for longest, whatever it is", () => {
    const zone = zoneOf(1 / 60);
    const { table } = zone.zone;
    let count = 0;
    while (table.find("key 0") !== 0 || count === 0) {
      expect(zone.lookup(`key ${count}`, 0, true, NOW)).toBe("ok");
      count++;
      if (count > 1) zone.lookup("key 1", 0, true, NOW);
      expect(count).toBeLessThan(1000);
    }
    expect(table.find("key 1")).not.toBe(0);
    expect(table.find(`key ${count - 1}`)).not.toBe(0);
    expect(tableFaults(table)).toEqual([]);
  });

  test("drops several keys for a long one", () => {
    const zone = zoneOf(1 / 60);
    for (let i = 0; i < 2000; i++) zone.lookup(`key ${i}`, 0, true, NOW);
    const key = "l".repeat(10_000);
    expect(zone.lookup(key, 0, true, NOW)).toBe("ok");
    expect(zone.lookup(key, 0, true, NOW)).toBe("busy");
    expect(tableFaults(zone.zone.table)).toEqual([]);
  });

  test("has no memory for a key larger than itself", () => {
    const zone = zoneOf(1);
    expect(zone.lookup("l".repeat(40_000), 0, true, NOW)).toBe("full");
    expect(tableFaults(zone.zone.table)).toEqual([]);
    expect(zone.lookup("short", 0, true, NOW)).toBe("ok");
  });
});

/** Counters over reloads and over the deaths of those who count. */
import { describe, expect, test } from "bun:test";
import { systemHosts } from "../config/host-lookup.ts";
import { LoadContext } from "../config/load-context.ts";
import { memorySource } from "../config/memory-source.ts";
import {
  ACCEPTED,
  ACTIVE,
  FIRST_ROW_AT,
  LOCATION_ROW,
  NOWHERE,
  PEER_ROW,
  type RowKind,
  TUNNELS_OPEN,
  TUNNELS_OPENED,
  TUNNELS_ROW,
  WAY_ROW,
} from "./cells.ts";
import { BLOCK_CELLS } from "./metrics-memory.ts";
import { MetricsRegistry } from "./metrics-registry.ts";
import { rows } from "./rows.ts";

/** A configuration that counts under these labels. */
function load(...labels: readonly string[]): LoadContext {
  return loadOf(WAY_ROW, labels);
}

/** Where its rows are. */
function placesOf(registry: MetricsRegistry, context: LoadContext): readonly number[] {
  return registry.place(context).present;
}

function loadOf(kind: RowKind, labels: readonly string[]): LoadContext {
  const context = new LoadContext("/", "/", memorySource({}), systemHosts);
  for (const label of labels) rows(context).declare(kind, [label]);
  return context;
}

test("the same labels keep their place, others get another", () => {
  const registry = new MetricsRegistry();
  const first = placesOf(registry, load("a", "b"));
  expect(new Set(first).size).toBe(2);
  expect(first.every((at) => at >= FIRST_ROW_AT)).toBe(true);
  const second = placesOf(registry, load("c", "b"));
  expect(second[1]).toBe(first[1]!);
  expect(first).not.toContain(second[0]!);
  expect(placesOf(registry, load("b", "a"))).toEqual([...first].reverse());
  registry.close();
});

test("rows of one kind do not take those of another with the same label", () => {
  const registry = new MetricsRegistry();
  const context = load("a");
  rows(context).declare(PEER_ROW, ["a"]);
  const [way, peer] = placesOf(registry, context);
  expect(Math.abs((peer ?? 0) - (way ?? 0))).toBeGreaterThanOrEqual(WAY_ROW.cells);
  registry.close();
});

describe("rows that a reload leaves behind", () => {
  const way = ["example.com", "/ws/", "app", "127.0.0.1:3000"];
  const withTunnels = new LoadContext("/", "/", memorySource({}), systemHosts);
  rows(withTunnels).declare(LOCATION_ROW, way.slice(0, 2));
  rows(withTunnels).declare(TUNNELS_ROW, way.slice(0, 2));
  rows(withTunnels).declare(WAY_ROW, way);
  rows(withTunnels).declare(PEER_ROW, way.slice(2));

  test("are told while something is open in them, with those of their location", () => {
    let now = 0;
    const registry = new MetricsRegistry(() => now);
    const [location = 0, tunnels = 0, at = 0, peer = 0] = placesOf(registry, withTunnels);
    registry.memory.enter(0, 1000);
    const { cells } = registry.memory.block(0);
    const former = () => registry.place(load("other")).former.map((row) => [row.kind, row.at]);
    // Requests that are under way may open tunnels yet.
    const all = [
      ["location", location],
      ["tunnels", tunnels],
      ["way", at],
      ["peer", peer],
    ];
    expect(former()).toEqual(all);
    expect(former()).toEqual(all);
    now += 180_000;
    expect(former()).toEqual([]);
    cells[at + TUNNELS_OPEN] = 1;
    expect(former()).toEqual(all.slice(0, 3));
    cells[at + TUNNELS_OPEN] = 0;
    expect(former()).toEqual([]);
    expect(registry.place(withTunnels).present).toEqual([location, tunnels, at, peer]);
    registry.close();
  });
});

describe("an ended worker", () => {
  const registry = new MetricsRegistry();
  const { memory } = registry;
  const [at = 0] = placesOf(registry, load("a"));
  for (const slot of [0, 1]) {
    memory.enter(slot, 1000 + slot);
    const { cells } = memory.block(slot);
    cells[ACCEPTED] = 10;
    cells[ACTIVE] = 3;
    cells[at + TUNNELS_OPENED] = 5;
    cells[at + TUNNELS_OPEN] = 2;
  }
  const sums = (): number[] => {
    const total = memory.sum(at + WAY_ROW.cells);
    return [ACCEPTED, ACTIVE, at + TUNNELS_OPENED, at + TUNNELS_OPEN].map((cell) => total[cell]!);
  };

  test("before", () => {
    expect(memory.present()).toEqual([
      { slot: 0, pid: 1000 },
      { slot: 1, pid: 1001 },
    ]);
    expect(sums()).toEqual([20, 6, 10, 4]);
    expect(memory.sumOf(ACCEPTED)).toBe(20);
  });

  test("leaves what it counted and takes what it had", () => {
    registry.releaseWorker(1);
    expect(memory.present()).toEqual([{ slot: 0, pid: 1000 }]);
    expect(sums()).toEqual([20, 3, 10, 2]);
    registry.releaseWorker(0);
    expect(sums()).toEqual([20, 0, 10, 0]);
  });

  test("has a successor that begins with nothing", () => {
    memory.enter(1, 2001);
    expect(memory.block(1).cells[ACCEPTED]).toBe(0);
    expect(sums()).toEqual([20, 0, 10, 0]);
  });

  test("and its text is gone", () => {
    memory.block(1).page.fill(7);
    registry.releaseWorker(1);
    expect(memory.block(1).page.every((byte) => byte === 0)).toBe(true);
  });
});

test("full: rows that no configuration has make room, unless tunnels count in them", () => {
  const registry = new MetricsRegistry();
  const { memory } = registry;
  // Large rows, of which there are few: a number that counts up, one that is open.
  const kind: RowKind = { name: "large", cells: 100_000, gauges: [1], open: [1] };
  const room = Math.floor((BLOCK_CELLS - FIRST_ROW_AT) / kind.cells);
  const names = Array.from({ length: room }, (_, i) => `${i}`);
  const first = placesOf(registry, loadOf(kind, names));
  expect(new Set(first).size).toBe(room);
  expect(placesOf(registry, loadOf(kind, [...names, "more"]))[room]).toBe(NOWHERE);

  memory.enter(0, 1000);
  memory.block(0).cells[first[0]! + 1] = 1;
  memory.block(0).cells[first[1]!] = 9;
  const [another, none] = placesOf(registry, loadOf(kind, ["another", "none", ...names.slice(2)]));
  expect(another).toBe(first[1]!);
  expect(none).toBe(NOWHERE);
  expect(memory.sumOf(another!)).toBe(0);
  registry.close();
});

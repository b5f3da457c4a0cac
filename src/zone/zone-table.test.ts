import { describe, expect, test } from "bun:test";
import { keyHash } from "./key-hash.ts";
import { tableFaults } from "./table-faults.ts";
import { HELD_LAYOUT, keyOf, LAYOUT, tableOf } from "./zone-fixture.ts";
import { dropHolder, hold, totalHeld, unhold } from "./zone-holders.ts";
import { ZoneTable } from "./zone-table.ts";

describe("keys", () => {
  const head = tableOf(32_768).headKeyBytes;
  const more = tableOf(32_768).moreKeyBytes;
  const lengths = [0, 1, head - 1, head, head + 1, head + more, head + more + 1, head + 3 * more, 255, 9000];
  for (const length of lengths) {
    test(`of ${length} bytes are found, and not taken for others`, () => {
      const table = tableOf(65_536);
      const key = "\xff".repeat(length);
      const cell = table.insert(key);
      expect(table.find(key)).toBe(cell);
      expect(table.find(`${key}a`)).toBe(0);
      if (length > 0) expect(table.find(key.slice(1))).toBe(0);
      if (length > 0) expect(table.find(`${key.slice(1)}\x00`)).toBe(0);
      expect(tableFaults(table)).toEqual([]);
      table.remove(cell);
      expect(table.find(key)).toBe(0);
      expect(tableFaults(table)).toEqual([]);
    });
  }
});

test("values do not run into keys or holders", () => {
  const table = tableOf(32_768);
  const key = "x".repeat(200);
  const cell = table.insert(key);
  const at = table.values(cell);
  for (let slot = 0; slot < 40; slot++) expect(hold(table, cell, slot)).toBe(true);
  for (let i = 0; i < LAYOUT.values; i++) table.doubles[at + i] = Number.NEGATIVE_INFINITY;
  expect(table.find(key)).toBe(cell);
  expect(totalHeld(table, cell)).toBe(40);
  expect(table.doubles.subarray(at, at + LAYOUT.values).every((value) => value === Number.NEGATIVE_INFINITY)).toBe(
    true,
  );
});

test("a full table refuses, and takes again when something goes", () => {
  const table = tableOf(32_768);
  let count = 0;
  while (table.insert(keyOf(count)) !== 0) count++;
  expect(count).toBeGreaterThan(100);
  expect(tableFaults(table)).toEqual([]);
  expect(table.oldest).toBe(table.find(keyOf(0)));
  for (let i = 0; i < 10; i++) table.remove(table.oldest);
  expect(table.find(keyOf(9))).toBe(0);
  expect(table.insert("short")).not.toBe(0);
  expect(tableFaults(table)).toEqual([]);
});

test("a second view of the same memory sees the same entries", () => {
  const memory = new Uint8Array(32_768);
  const first = new ZoneTable(memory, LAYOUT, 1);
  const cell = first.insert("a key");
  expect(new ZoneTable(memory, LAYOUT, 2).find("a key")).toBe(cell);
});

test("an entry is not taken for the one that was in its cell before", () => {
  const table = tableOf(32_768);
  const cell = table.insert("a");
  const serial = table.serial(cell);
  expect(table.is(cell, serial)).toBe(true);
  table.remove(cell);
  expect(table.is(cell, serial)).toBe(false);
  expect(table.insert("a")).toBe(cell);
  expect(table.is(cell, serial)).toBe(false);
});

describe("holders", () => {
  test("an entry goes with its last holder where the layout says so", () => {
    const table = tableOf(32_768, HELD_LAYOUT);
    const cell = table.insert("a");
    hold(table, cell, 0);
    hold(table, cell, 7);
    hold(table, cell, 7);
    unhold(table, cell, 0);
    unhold(table, cell, 7);
    expect(totalHeld(table, cell)).toBe(1);
    unhold(table, cell, 7);
    expect(table.find("a")).toBe(0);
    expect(tableFaults(table)).toEqual([]);
  });

  test("what a worker does not hold it cannot give back", () => {
    const table = tableOf(32_768);
    const cell = table.insert("a");
    hold(table, cell, 1);
    unhold(table, cell, 2);
    expect(totalHeld(table, cell)).toBe(1);
  });

  test("what a worker held goes as a whole", () => {
    const table = tableOf(65_536, HELD_LAYOUT);
    for (let i = 0; i < 50; i++) {
      const cell = table.insert(keyOf(i));
      for (let slot = 0; slot < i % 30; slot++) hold(table, cell, slot);
      hold(table, cell, 1022);
    }
    dropHolder(table, 1022);
    expect(table.find(keyOf(0))).toBe(0);
    expect(totalHeld(table, table.find(keyOf(29)))).toBe(29);
    for (let slot = 0; slot < 30; slot++) dropHolder(table, slot);
    expect(table.count).toBe(0);
    expect(tableFaults(table)).toEqual([]);
  });
});

test("fuzz: a table does what a Map and an array of uses do", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  console.log(`zone-table seed ${seed}`);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const table = tableOf(32_768);
  const model = new Map<string, { value: number; held: number }>();
  for (let step = 0; step < 20_000; step++) {
    const key = keyOf(random(300));
    const cell = table.find(key);
    const known = model.get(key);
    expect(cell !== 0).toBe(known !== undefined);
    if (known === undefined) {
      const made = table.insert(key);
      if (made === 0) {
        const oldest = [...model.keys()][0]!;
        expect(table.oldest).toBe(table.find(oldest));
        table.remove(table.oldest);
        model.delete(oldest);
        continue;
      }
      table.doubles[table.values(made)] = step;
      model.set(key, { value: step, held: 0 });
      continue;
    }
    expect(table.doubles[table.values(cell)]).toBe(known.value);
    expect(totalHeld(table, cell)).toBe(known.held);
    switch (random(4)) {
      case 0:
        table.remove(cell);
        model.delete(key);
        break;
      case 1:
        table.touch(cell);
        model.delete(key);
        model.set(key, known);
        break;
      case 2:
        if (hold(table, cell, random(20))) known.held++;
        break;
      default: {
        const before = totalHeld(table, cell);
        unhold(table, cell, random(20));
        known.held -= before - totalHeld(table, cell);
      }
    }
    if (step % 500 === 0) expect(tableFaults(table)).toEqual([]);
  }
  expect(tableFaults(table)).toEqual([]);
});

describe("hash", () => {
  test("lengths and single bytes make a difference", () => {
    const keys = ["", "\0", "\0\0", "\0\0\0", "\0\0\0\0", "\0\0\0\0\0", "a", "b", "ab", "ba", "abcd", "abce", "abcde"];
    expect(new Set(keys.map((key) => keyHash(key, 1, 2))).size).toBe(keys.length);
  });

  test("another secret gives other hashes", () => {
    expect(keyHash("key", 1, 2)).not.toBe(keyHash("key", 3, 2));
    expect(keyHash("key", 1, 2)).not.toBe(keyHash("key", 1, 3));
  });

  test("low bits are spread evenly", () => {
    const buckets = new Array<number>(64).fill(0);
    for (let i = 0; i < 64_000; i++) buckets[keyHash(`10.0.${i >> 8}.${i & 255}`, 5, 6) & 63]!++;
    expect(Math.min(...buckets)).toBeGreaterThan(800);
    expect(Math.max(...buckets)).toBeLessThan(1200);
  });
});

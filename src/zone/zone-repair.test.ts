/** A process may die between any two writes: whatever it was doing, the table is in order for the next owner of the lock. */
import { describe, expect, test } from "bun:test";
import { tableFaults } from "./table-faults.ts";
import type { TableLayout } from "./table-shape.ts";
import { HELD_LAYOUT, keyOf, LAYOUT } from "./zone-fixture.ts";
import { dropHolder, hold, totalHeld, unhold } from "./zone-holders.ts";
import { ZoneTable } from "./zone-table.ts";

const BYTES = 32_768;
/** No system gives such numbers to processes. */
const DEAD_PID = 2 ** 22 + 1;
const OTHER_DEAD_PID = DEAD_PID + 1;
const KEYS = 12;

class Death extends Error {}

/** What a life has left; it ends at the write for which nothing is left. */
class Life {
  private left: number;

  constructor(writes: number) {
    this.left = writes;
  }

  spend(): void {
    if (this.left-- === 0) throw new Death();
  }
}

/** The same memory; every word or byte that is written to it costs life. */
function costly<Memory extends Int32Array | Uint8Array>(memory: Memory, life: Life): Memory {
  const fill = (value: number, from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      life.spend();
      memory[i] = value;
    }
  };
  return new Proxy(memory, {
    get: (target, name) => (name === "fill" ? fill : Reflect.get(target, name, target)),
    set: (target, name, value) => {
      life.spend();
      return Reflect.set(target, name, value, target);
    },
  });
}

/** A process whose life ends at its `writes`-th write to the zone. The lock is no part of that: it is one write. */
function mortal(memory: Uint8Array<ArrayBuffer>, layout: TableLayout, pid: number, writes: number): ZoneTable {
  const table = new ZoneTable(memory, layout, pid);
  const life = new Life(writes);
  Object.defineProperty(table, "words", { value: costly(table.words, life) });
  Object.defineProperty(table, "bytes", { value: costly(table.bytes, life) });
  return table;
}

/** True when it died of it. */
function dies(work: () => void): boolean {
  try {
    work();
    return false;
  } catch (error) {
    if (!(error instanceof Death)) throw error;
    return true;
  }
}

interface Change {
  readonly name: string;
  readonly layout: TableLayout;
  /** The key that may be there or not afterwards. */
  readonly key: string;
  /** Of very many writes only some. */
  readonly every?: number;
  change(table: ZoneTable): void;
}

const CHANGES: readonly Change[] = [
  { name: "insert", layout: LAYOUT, key: "new", change: (t) => void t.insert("new") },
  { name: "insert a long key", layout: LAYOUT, key: "l".repeat(500), change: (t) => void t.insert("l".repeat(500)) },
  { name: "remove", layout: LAYOUT, key: keyOf(5), change: (t) => t.remove(t.find(keyOf(5))) },
  { name: "remove the oldest", layout: LAYOUT, key: keyOf(0), change: (t) => t.remove(t.oldest) },
  { name: "touch", layout: LAYOUT, key: "", change: (t) => t.touch(t.find(keyOf(3))) },
  { name: "hold", layout: LAYOUT, key: "", change: (t) => void hold(t, t.find(keyOf(3)), 1) },
  { name: "hold, with a new cell", layout: LAYOUT, key: "", change: (t) => void hold(t, t.find(keyOf(3)), 1000) },
  { name: "a worker's end", layout: HELD_LAYOUT, key: keyOf(1), change: (t) => dropHolder(t, 1) },
  {
    name: "insert a key that does not fit",
    layout: LAYOUT,
    every: 499,
    key: "l".repeat(BYTES),
    change: (t) => expect(t.insert("l".repeat(BYTES))).toBe(0),
  },
  { name: "the last to let go", layout: HELD_LAYOUT, key: keyOf(1), change: (t) => unhold(t, t.find(keyOf(1)), 1) },
  {
    name: "insert and hold",
    layout: HELD_LAYOUT,
    key: "new",
    change: (t) => void hold(t, t.insert("new"), 3),
  },
];

/** Entries with values; the i-th is held by as many workers as its number says. */
function filled(memory: Uint8Array<ArrayBuffer>, layout: TableLayout): void {
  const table = new ZoneTable(memory, layout, process.pid);
  table.insert("goes");
  for (let i = 0; i < KEYS; i++) {
    const cell = table.insert(keyOf(i));
    table.doubles[table.values(cell)] = i;
    for (let slot = 0; slot < Math.max(i, 1); slot++) hold(table, cell, slot === 0 ? 1 : slot + 1);
  }
  table.remove(table.find("goes"));
}

/** Whoever comes next finds all in order, and room as before. */
function expectWhole(memory: Uint8Array<ArrayBuffer>, { name, layout, key }: Change): void {
  const next = new ZoneTable(memory, layout, process.pid);
  next.acquire();
  expect(tableFaults(next)).toEqual([]);
  for (let i = 0; i < KEYS; i++) {
    if (keyOf(i) === key) continue;
    const cell = next.find(keyOf(i));
    if (name === "a worker's end" && i < 2) continue;
    expect(next.doubles[next.values(cell)]).toBe(i);
    const held = totalHeld(next, cell) - Math.max(i, 1);
    const [least, most] = name === "a worker's end" ? [-1, 0] : [0, name.startsWith("hold") && i === 3 ? 1 : 0];
    expect(held >= least && held <= most).toBe(true);
  }
  let added = 0;
  while (next.insert(`more ${added}`) !== 0) added++;
  expect(added).toBeGreaterThan(100);
  expect(tableFaults(next)).toEqual([]);
  next.release();
}

describe("a death in the middle of", () => {
  for (const one of CHANGES) {
    test(one.name, () => {
      let died = true;
      for (let writes = 0; died; writes += one.every ?? 1) {
        const memory = new Uint8Array(BYTES);
        filled(memory, one.layout);
        died = dies(() => {
          const table = mortal(memory, one.layout, DEAD_PID, writes);
          table.acquire();
          one.change(table);
        });
        expectWhole(memory, one);
        expect(writes).toBeLessThan(2 * BYTES);
      }
    });
  }

  for (const one of CHANGES.filter(({ every }) => every === undefined)) {
    test(`a repair after ${one.name}`, () => {
      let died = true;
      // Not after every write, but after every write of the repair.
      for (let writes = 1; died; writes += 7) {
        let repaired = false;
        for (let repairs = 0; !repaired; repairs += 11) {
          const memory = new Uint8Array(BYTES);
          filled(memory, one.layout);
          died = dies(() => {
            const table = mortal(memory, one.layout, DEAD_PID, writes);
            table.acquire();
            one.change(table);
          });
          repaired = !dies(() => mortal(memory, one.layout, OTHER_DEAD_PID, repairs).acquire());
          expectWhole(memory, one);
        }
      }
    });
  }
});

test("the order of use outlives a death", () => {
  const memory = new Uint8Array(BYTES);
  filled(memory, LAYOUT);
  mortal(memory, LAYOUT, DEAD_PID, 0).acquire();
  const next = new ZoneTable(memory, LAYOUT, process.pid);
  next.acquire();
  for (let i = 0; i < KEYS; i++) {
    expect(next.oldest).toBe(next.find(keyOf(i)));
    next.remove(next.oldest);
  }
});

test("a lock that an exception left is taken over by its own process", () => {
  const table = new ZoneTable(new Uint8Array(BYTES), LAYOUT, process.pid);
  table.acquire();
  table.acquire();
  table.release();
  expect(tableFaults(table)).toEqual([]);
});

/** A process may die between any two writes: whatever it was doing, the table is in order for the next owner of the lock. */
import { describe, expect, test } from "bun:test";
import { tableFaults } from "./table-faults.ts";
import { HELD_LAYOUT, keyOf, LAYOUT } from "./zone-fixture.ts";
import { hold, totalHeld, unhold } from "./zone-holders.ts";
import { type TableLayout, ZoneTable } from "./zone-table.ts";

const BYTES = 32_768;
const DEAD_PID = 2 ** 22 + 1;
const KEYS = 12;

class Death extends Error {}

/** A process whose life ends at its `writes`-th write to the zone. */
function mortal(memory: Uint8Array<ArrayBuffer>, layout: TableLayout, writes: number): ZoneTable {
  const table = new ZoneTable(memory, layout, DEAD_PID);
  table.acquire();
  let left = writes;
  const words = new Proxy(table.words, {
    get: (target, name) => {
      if (name !== "fill") return Reflect.get(target, name, target);
      return (value: number, from: number, to: number) => target.fill(value, from, to);
    },
    set: (target, name, value) => {
      if (left-- === 0) throw new Death();
      return Reflect.set(target, name, value, target);
    },
  });
  Object.defineProperty(table, "words", { value: words });
  return table;
}

interface Change {
  readonly name: string;
  readonly layout: TableLayout;
  /** The key that may be there or not afterwards. */
  readonly key: string;
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

describe("a death in the middle of a change", () => {
  for (const { name, layout, key, change } of CHANGES) {
    test(name, () => {
      let survived = false;
      for (let writes = 0; !survived; writes++) {
        const memory = new Uint8Array(BYTES);
        filled(memory, layout);
        try {
          change(mortal(memory, layout, writes));
          survived = true;
        } catch (error) {
          if (!(error instanceof Death)) throw error;
        }
        const next = new ZoneTable(memory, layout, process.pid);
        next.acquire();
        expect(tableFaults(next)).toEqual([]);
        for (let i = 0; i < KEYS; i++) {
          if (keyOf(i) === key) continue;
          const cell = next.find(keyOf(i));
          expect(next.doubles[next.values(cell)]).toBe(i);
          const held = totalHeld(next, cell) - Math.max(i, 1);
          expect(held >= 0 && held <= (name.startsWith("hold") && i === 3 ? 1 : 0)).toBe(true);
        }
        // It works as before: room is not lost either.
        let added = 0;
        while (next.insert(`more ${added}`) !== 0) added++;
        expect(added).toBeGreaterThan(100);
        expect(tableFaults(next)).toEqual([]);
        next.release();
        expect(writes).toBeLessThan(500);
      }
    });
  }
});

test("the order of use outlives a death", () => {
  const memory = new Uint8Array(BYTES);
  filled(memory, LAYOUT);
  mortal(memory, LAYOUT, 0);
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

/** Whatever stands in a zone's memory, nobody works on it for ever, and what has been made anew is in order. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { fuzzSeed, seededRandom } from "../http/fuzz-input.ts";
import { setFaults } from "../net/event-loop.ts";
import { CONTINUATION, FOLLOWING, HEADER_WORDS, MORE_HOLDERS, MORE_KEY, NEXT_IN_BUCKET } from "./cell-words.ts";
import { tableFaults } from "./table-faults.ts";
import type { TableLayout } from "./table-shape.ts";
import { HELD_LAYOUT, keyOf, LAYOUT, tableOf } from "./zone-fixture.ts";
import { dropHolder, hold, unhold } from "./zone-holders.ts";
import type { ZoneTable } from "./zone-table.ts";

const BYTES = 32_768;
const KEYS = 40;

let faults = 0;
beforeEach(() => {
  faults = 0;
  setFaults({ onFault: () => faults++ });
});
afterEach(() => setFaults({ onFault: () => {} }));

function filled(layout: TableLayout): ZoneTable {
  const table = tableOf(BYTES, layout);
  table.acquire();
  for (let i = 0; i < KEYS; i++) {
    const cell = table.insert(keyOf(i));
    for (let slot = 0; slot < i % 7; slot++) hold(table, cell, slot);
  }
  return table;
}

/** `keyOf(35)` is longer than a head, held by none; `keyOf(34)` has more holders than fit there. */
const breaks: readonly { readonly name: string; readonly first: string; harm(table: ZoneTable): void }[] = [
  {
    name: "a bucket that comes back to itself, and a key that is not in it",
    first: "not there",
    harm(table) {
      const cell = table.find(keyOf(35));
      for (let bucket = 0; bucket <= table.bucketMask; bucket++) table.words[table.bucketAt(bucket)] = cell;
      table.words[table.at(cell) + NEXT_IN_BUCKET] = cell;
    },
  },
  {
    name: "an entry that is in no bucket",
    first: keyOf(35),
    harm: (table) => table.words.fill(0, HEADER_WORDS, HEADER_WORDS + table.bucketMask + 1),
  },
  {
    name: "a key that comes back to itself",
    first: keyOf(35),
    harm(table) {
      const more = table.words[table.at(table.find(keyOf(35))) + MORE_KEY]!;
      table.words[table.at(more) + FOLLOWING] = more;
    },
  },
  {
    name: "a key that goes on in an entry",
    first: keyOf(35),
    harm(table) {
      table.words[table.at(table.find(keyOf(35))) + MORE_KEY] = table.find(keyOf(3));
    },
  },
  {
    name: "holders that come back to themselves",
    first: keyOf(34),
    harm(table) {
      const more = table.words[table.at(table.find(keyOf(34))) + MORE_HOLDERS]!;
      table.words[table.at(more) + FOLLOWING] = more;
    },
  },
  {
    name: "holders outside the zone",
    first: keyOf(34),
    harm(table) {
      table.words[table.at(table.find(keyOf(34))) + MORE_HOLDERS] = 2 ** 30;
    },
  },
];

describe("is found and mended:", () => {
  for (const { name, first, harm } of breaks) {
    test(name, () => {
      const table = filled(LAYOUT);
      const cell = table.find(first);
      harm(table);
      if (cell === 0) expect(table.find(first)).toBe(0);
      else if (first === keyOf(34)) unhold(table, cell, 900);
      else table.remove(cell);
      expect(faults).toBe(1);
      expect(tableFaults(table)).toEqual([]);
      for (let i = 0; i < KEYS; i++) if (keyOf(i) !== first) expect(table.find(keyOf(i))).not.toBe(0);
    });
  }
});

/** One change, chosen at random. */
function changeAny(table: ZoneTable, random: (n: number) => number): void {
  const key = keyOf(random(KEYS * 2));
  const cell = table.find(key);
  if (cell === 0) {
    table.insert(key);
    return;
  }
  switch (random(6)) {
    case 0:
      table.remove(cell);
      return;
    case 1:
      table.touch(cell);
      return;
    case 2:
      hold(table, cell, random(20));
      return;
    case 3:
      unhold(table, cell, random(20));
      return;
    case 4:
      dropHolder(table, random(20));
      return;
    default:
      if (table.oldest !== 0) table.remove(table.oldest);
  }
}

test("fuzz: words that mean anything", () => {
  const seed = fuzzSeed();
  const random = seededRandom(seed);
  for (let round = 0; round < 1500; round++) {
    const layout = round % 2 === 0 ? LAYOUT : HELD_LAYOUT;
    const table = filled(layout);
    const { words } = table;
    for (let n = 1 + random(4); n > 0; n--) {
      const at = random(3) === 0 ? random(HEADER_WORDS) : random(words.length);
      words[at] = [random(table.cells + 2), CONTINUATION, 0, random(2 ** 31), -random(2 ** 31)][random(5)]!;
    }
    for (let n = 0; n < 60; n++) changeAny(table, random);
    table.mend();
    expect(`FUZZ_SEED=${seed} round ${round} ${tableFaults(table).join()}`).toBe(`FUZZ_SEED=${seed} round ${round} `);
  }
}, 60_000);

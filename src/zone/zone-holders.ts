/**
 * Counts of an entry, one for each worker that holds it, so that what a dead worker held can be taken back. All functions
 * want the table's lock held, and a layout with holders.
 */
import { CONTENT, CONTINUATION, FIRST_HOLDER, FOLLOWING, KIND, MORE_HOLDERS, TOTAL, USED_AT } from "./cell-words.ts";
import type { ZoneTable } from "./zone-table.ts";

/** A holder is one word: the worker's slot plus one, and its count. */
const SLOT_SHIFT = 22;
const COUNT_MASK = (1 << SLOT_SHIFT) - 1;
/** Workers have slots from 0 to MAX_SLOTS - 1: what is left of a word for them. */
export const MAX_SLOTS = 1023;

/** What all workers hold of an entry. */
export function totalHeld(table: ZoneTable, cell: number): number {
  return table.words[table.at(cell) + TOTAL]!;
}

/** Counts one more for a worker; false where there is no room to note it. */
export function hold(table: ZoneTable, cell: number, slot: number): boolean {
  const { words } = table;
  let holder = holderAt(table, cell, slot + 1);
  if (holder < 0) {
    holder = holderAt(table, cell, 0);
    if (holder < 0) holder = addHolders(table, cell);
    if (holder < 0) return false;
    words[holder] = (slot + 1) << SLOT_SHIFT;
  }
  words[holder]!++;
  words[table.at(cell) + TOTAL]!++;
  return true;
}

/** Counts one less for a worker that holds the entry. One that nobody holds is removed where the layout says so. */
export function unhold(table: ZoneTable, cell: number, slot: number): void {
  const { words } = table;
  const holder = holderAt(table, cell, slot + 1);
  if (holder < 0) return;
  const left = words[holder]! - 1;
  words[holder] = (left & COUNT_MASK) === 0 ? 0 : left;
  lessHeld(table, cell, 1);
}

/** Forgets all that a worker holds. Walks the whole table. */
export function dropHolder(table: ZoneTable, slot: number): void {
  if (table.layout.holders === 0) return;
  const { words } = table;
  const used = Math.min(words[USED_AT]!, table.cells);
  for (let cell = 1; cell <= used; cell++) {
    if (words[table.at(cell) + KIND]! <= 0) continue;
    const holder = holderAt(table, cell, slot + 1);
    const held = holder < 0 ? 0 : words[holder]! & COUNT_MASK;
    if (holder >= 0) words[holder] = 0;
    lessHeld(table, cell, held);
  }
}

/** Sums an entry's holders anew, and gives the sum. */
export function recount(table: ZoneTable, cell: number): number {
  const { words, layout } = table;
  const at = table.at(cell);
  let total = 0;
  for (let i = at + FIRST_HOLDER; i < at + FIRST_HOLDER + layout.holders; i++) total += words[i]! & COUNT_MASK;
  for (let more = words[at + MORE_HOLDERS]!; more !== 0; more = words[table.at(more) + FOLLOWING]!) {
    const from = table.at(more);
    for (let i = from + CONTENT; i < from + layout.cellWords; i++) total += words[i]! & COUNT_MASK;
  }
  words[at + TOTAL] = total;
  return total;
}

function lessHeld(table: ZoneTable, cell: number, by: number): void {
  const total = table.at(cell) + TOTAL;
  table.words[total]! -= by;
  if (table.words[total] === 0 && table.layout.dropsUnheld) table.remove(cell);
}

/** The word of the holder with this slot plus one, or with 0 the first empty one; -1 for none. */
function holderAt(table: ZoneTable, cell: number, slotPlusOne: number): number {
  const { words, layout } = table;
  const at = table.at(cell);
  for (let i = at + FIRST_HOLDER; i < at + FIRST_HOLDER + layout.holders; i++) {
    if (words[i]! >>> SLOT_SHIFT === slotPlusOne) return i;
  }
  let left = table.cells;
  for (let more = words[at + MORE_HOLDERS]!; more !== 0; more = words[table.at(more) + FOLLOWING]!) {
    const from = table.at(more);
    if (left-- === 0 || words[from + KIND] !== CONTINUATION) {
      table.mend();
      return -1;
    }
    for (let i = from + CONTENT; i < from + layout.cellWords; i++) {
      if (words[i]! >>> SLOT_SHIFT === slotPlusOne) return i;
    }
  }
  return -1;
}

/** The first word of a new cell of holders. */
function addHolders(table: ZoneTable, cell: number): number {
  const { words } = table;
  const more = table.takeCell();
  if (more === 0) return -1;
  const from = table.at(more);
  const at = table.at(cell);
  words.fill(0, from, from + table.layout.cellWords);
  words[from + FOLLOWING] = words[at + MORE_HOLDERS]!;
  words[from + KIND] = CONTINUATION;
  words[at + MORE_HOLDERS] = more;
  return from + CONTENT;
}

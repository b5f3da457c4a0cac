/**
 * Puts a zone's table in order after a process died while it changed it: whole heads and their cells stay, everything
 * else is made anew. Takes 50 ms in a full zone of 10 MB, and happens only then. May itself be interrupted by a
 * death and begun again.
 */
import {
  CONTINUATION,
  COUNT_AT,
  FOLLOWING,
  FREE_AT,
  KIND,
  MORE_HOLDERS,
  MORE_KEY,
  NEWEST_AT,
  OLDER,
  OLDEST_AT,
  USED_AT,
} from "./cell-words.ts";
import { recount } from "./zone-holders.ts";
import type { ZoneTable } from "./zone-table.ts";

/** Rebuilds buckets, order of use, free list and totals. The lock is held. */
export function repairTable(table: ZoneTable): void {
  const { words } = table;
  const used = Math.min(Math.max(words[USED_AT]!, 0), table.cells);
  words[USED_AT] = used;
  const claimed = new Uint8Array(used + 1);
  const heads = wholeHeads(table, used, claimed);
  const order = orderOfUse(table, used, heads);

  const buckets = table.bucketAt(0);
  words.fill(0, buckets, buckets + table.bucketMask + 1);
  words[NEWEST_AT] = 0;
  words[OLDEST_AT] = 0;
  words[FREE_AT] = 0;
  words[COUNT_AT] = order.length;
  for (let cell = used; cell > 0; cell--) if (claimed[cell] === 0) table.freeCell(cell);
  for (const cell of order) {
    const at = table.at(cell);
    table.linkBucket(at, cell);
    table.linkNewest(at, cell);
  }
  if (table.layout.holders === 0) return;
  for (const cell of order) if (recount(table, cell) === 0 && table.layout.dropsUnheld) table.remove(cell);
}

/** Marks the cells of every entry that is whole, and gives their heads. */
export function wholeHeads(table: ZoneTable, used: number, claimed: Uint8Array): readonly number[] {
  const { words } = table;
  const heads: number[] = [];
  for (let cell = 1; cell <= used; cell++) {
    const at = table.at(cell);
    const kind = words[at + KIND]!;
    if (kind <= 0) continue;
    const rest = kind - 1 - table.headKeyBytes;
    const keyCells = rest <= 0 ? 0 : Math.ceil(rest / table.moreKeyBytes);
    const chain = chainFrom(table, used, words[at + MORE_KEY]!, claimed);
    if (chain === undefined || chain.length !== keyCells) continue;
    const holders = table.layout.holders === 0 ? [] : chainFrom(table, used, words[at + MORE_HOLDERS]!, claimed);
    if (holders === undefined) continue;
    claimed[cell] = 1;
    for (const part of chain) claimed[part] = 1;
    for (const part of holders) claimed[part] = 1;
    heads.push(cell);
  }
  return heads;
}

const NO_CELLS: readonly number[] = [];

/** The continuation cells of a chain; undefined where it is broken. */
function chainFrom(table: ZoneTable, used: number, first: number, claimed: Uint8Array): readonly number[] | undefined {
  if (first === 0) return NO_CELLS;
  const { words } = table;
  const chain: number[] = [];
  for (let cell = first; cell !== 0; cell = words[table.at(cell) + FOLLOWING]!) {
    if (cell < 0 || cell > used || claimed[cell] !== 0 || chain.length > used) return undefined;
    if (words[table.at(cell) + KIND] !== CONTINUATION) return undefined;
    chain.push(cell);
  }
  return chain;
}

/** The heads, the one used last at the end, as far as the links still tell; what they do not tell counts as old. */
export function orderOfUse(table: ZoneTable, used: number, heads: readonly number[]): readonly number[] {
  const { words } = table;
  const left = new Uint8Array(used + 1);
  for (const head of heads) left[head] = 1;
  const order: number[] = [];
  let cell = words[NEWEST_AT]!;
  while (cell > 0 && cell <= used && left[cell] === 1) {
    left[cell] = 0;
    order.push(cell);
    cell = words[table.at(cell) + OLDER]!;
  }
  for (const head of heads) if (left[head] === 1) order.push(head);
  return order.reverse();
}

/** The keys of entries: one byte per char, at the end of the head cell, and what does not fit there in a chain of cells. */
import { CONTENT, CONTINUATION, FOLLOWING, KIND, MORE_KEY } from "./cell-words.ts";
import type { ZoneTable } from "./zone-table.ts";

/** Whether the head that begins at `at` has this key. Hot. */
export function hasKey(table: ZoneTable, at: number, key: string): boolean {
  const { words, bytes } = table;
  const { length } = key;
  if (words[at + KIND] !== length + 1) return false;
  const inHead = Math.min(length, table.headKeyBytes);
  const from = (at + table.layout.cellWords) * 4 - table.headKeyBytes;
  for (let i = 0; i < inHead; i++) if (bytes[from + i] !== key.charCodeAt(i)) return false;
  return inHead === length || hasRest(table, words[at + MORE_KEY]!, key, inHead);
}

function hasRest(table: ZoneTable, first: number, key: string, done: number): boolean {
  const { words, bytes, moreKeyBytes } = table;
  let more = first;
  for (let begin = done; begin < key.length; begin += moreKeyBytes) {
    if (more === 0) return false;
    const at = table.at(more);
    const from = (at + CONTENT) * 4;
    const end = Math.min(key.length, begin + moreKeyBytes);
    for (let i = begin; i < end; i++) if (bytes[from + i - begin] !== key.charCodeAt(i)) return false;
    more = words[at + FOLLOWING]!;
  }
  return true;
}

/** Writes a key into the head that begins at `at`; false where there are not cells enough, with those taken in the chain. */
export function writeKey(table: ZoneTable, at: number, key: string): boolean {
  const { words, bytes, moreKeyBytes } = table;
  const inHead = Math.min(key.length, table.headKeyBytes);
  const from = (at + table.layout.cellWords) * 4 - table.headKeyBytes;
  for (let i = 0; i < inHead; i++) bytes[from + i] = key.charCodeAt(i);
  let link = at + MORE_KEY;
  for (let begin = inHead; begin < key.length; begin += moreKeyBytes) {
    const more = table.takeCell();
    if (more === 0) return false;
    const moreAt = table.at(more);
    words[moreAt + FOLLOWING] = 0;
    words[moreAt + KIND] = CONTINUATION;
    words[link] = more;
    const to = (moreAt + CONTENT) * 4;
    const end = Math.min(key.length, begin + moreKeyBytes);
    for (let i = begin; i < end; i++) bytes[to + i - begin] = key.charCodeAt(i);
    link = moreAt + FOLLOWING;
  }
  return true;
}

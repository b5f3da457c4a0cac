/** For tests: checks what has to hold of a zone's table whenever its lock is free. */
import { COUNT_AT, FOLLOWING, FREE_AT, HASH, KIND, NEXT_IN_BUCKET, USED_AT } from "./cell-words.ts";
import { orderOfUse, wholeHeads } from "./zone-repair.ts";
import type { ZoneTable } from "./zone-table.ts";

/** What is wrong with the table, if anything is. The lock is held. */
export function tableFaults(table: ZoneTable): readonly string[] {
  const { words } = table;
  const faults: string[] = [];
  const used = words[USED_AT]!;
  const claimed = new Uint8Array(used + 1);
  const heads = wholeHeads(table, used, claimed);
  let valid = 0;
  for (let c = 1; c <= used; c++) if (words[table.at(c) + KIND]! > 0) valid++;
  if (valid !== heads.length) faults.push(`${valid - heads.length} broken entries`);
  if (heads.length !== words[COUNT_AT]) faults.push(`${heads.length} entries are counted as ${words[COUNT_AT]}`);
  if (orderOfUse(table, used, heads).length !== heads.length) faults.push("the order of use has other entries");
  let free = 0;
  for (let c = words[FREE_AT]!; c !== 0; c = words[table.at(c) + FOLLOWING]!) free++;
  let unclaimed = 0;
  for (let c = 1; c <= used; c++) if (claimed[c] === 0) unclaimed++;
  if (free !== unclaimed) faults.push(`${unclaimed} unused cells, ${free} of them free`);
  const linked = new Set<number>();
  for (let bucket = 0; bucket <= table.bucketMask; bucket++) {
    for (let c = words[table.bucketAt(bucket)]!; c !== 0; c = words[table.at(c) + NEXT_IN_BUCKET]!) {
      if ((words[table.at(c) + HASH]! & table.bucketMask) !== bucket) faults.push(`entry ${c} is in a wrong bucket`);
      linked.add(c);
    }
  }
  if (linked.size !== heads.length) faults.push(`${linked.size} of ${heads.length} entries are in buckets`);
  return faults;
}

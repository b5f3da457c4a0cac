/** For tests: a zone's table in memory of this process, and a process that works on a shared one (see the `do*` modes). */

import type { TableLayout } from "./table-shape.ts";
import { hold } from "./zone-holders.ts";
import { AttachedZones, type ZoneHandover } from "./zone-registry.ts";
import { ZoneTable } from "./zone-table.ts";
import type { ZoneKind } from "./zones.ts";

/** Small cells with two values and two holders, so that keys and holders go beyond the head soon. */
export const LAYOUT: TableLayout = { cellWords: 20, values: 2, holders: 2, dropsUnheld: false };
export const HELD_LAYOUT: TableLayout = { ...LAYOUT, dropsUnheld: true };

export const FIXTURE_KIND: ZoneKind = {
  owner: "fixture",
  layout: LAYOUT,
  keyFault: (zone, key, before) => `${zone}: ${key}, previously ${before}`,
};

/** A table of its own of so many bytes. */
export function tableOf(bytes: number, layout: TableLayout = LAYOUT): ZoneTable {
  return new ZoneTable(new Uint8Array(bytes), layout, process.pid);
}

/** What the other process does; it prints a line when it has come to its point. */
export type Work = "count" | "lock and stay" | "hold and stay" | "work until killed";

/** Adds 1 to the first value of `key`'s entry, which is made if it is missing. */
export function countUp(table: ZoneTable, key: string): void {
  table.acquire();
  try {
    const found = table.find(key);
    const cell = found === 0 ? table.insert(key) : found;
    table.doubles[table.values(cell)]! += 1;
    table.touch(cell);
  } finally {
    table.release();
  }
}

/** Keys of several lengths: in the head, and in one or more cells behind it. */
export function keyOf(i: number): string {
  return `${i}:${"k".repeat((i * 37) % 150)}`;
}

function work(table: ZoneTable, slot: number, what: Work, times: number): void {
  switch (what) {
    case "count":
      for (let i = 0; i < times; i++) countUp(table, keyOf(i % 100));
      process.stdout.write("done\n");
      return;
    case "lock and stay":
      table.acquire();
      process.stdout.write("there\n");
      for (;;) Bun.sleepSync(1000);
    case "hold and stay":
      for (let i = 0; i < times; i++) {
        table.acquire();
        const found = table.find(keyOf(i % 10));
        hold(table, found === 0 ? table.insert(keyOf(i % 10)) : found, slot);
        table.release();
      }
      process.stdout.write("there\n");
      for (;;) Bun.sleepSync(1000);
    case "work until killed":
      process.stdout.write("there\n");
      for (let i = 0; ; i++) {
        table.acquire();
        const key = `own ${slot} ${keyOf(i % 50)}`;
        const found = table.find(key);
        if (found === 0) table.insert(key);
        else table.remove(found);
        table.release();
      }
  }
}

if (import.meta.main) {
  const [handover = "", what = "", times = ""] = process.argv.slice(2);
  const { fd, slot, grants } = JSON.parse(handover) as ZoneHandover;
  const table = new AttachedZones(fd).table(grants[0]!, LAYOUT);
  work(table, slot, what as Work, Number(times));
}

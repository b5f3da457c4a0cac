/**
 * The leaky buckets of limit_req: for each key, how many thousandths of a request it is ahead of its rate, and since when
 * that is known. nginx's arithmetic, in whole milliseconds and thousandths of a request.
 */
import { perLoad } from "../config/load-context.ts";
import { constantTemplate, type Template } from "../template/template.ts";
import type { ZoneTable } from "../zone/zone-table.ts";
import type { DeclaredZone, ZoneKind } from "../zone/zones.ts";

// The values of an entry, in this order.
/** When it changed last, in whole ms on the clock that all workers share; 0 when it is new and not accounted yet. */
const LAST = 0;
const EXCESS = 1;

export const RATE_ZONE: ZoneKind = {
  owner: "http_limit_req",
  layout: { cellWords: 16, values: 2, holders: 0, dropsUnheld: false },
  keyFault: (zone, key, before) =>
    `limit_req "${zone}" uses the "${key}" key while previously it used the "${before}" key`,
};

/** A clock that ran back so far was set anew, or jumped. */
const CLOCK_JUMP_MS = -60_000;
/** An entry that has not been used for so long goes when it is not ahead of its rate. */
const IDLE_MS = 60_000;

/** What a look at the limit says: within it and accounted, within it so far, beyond it, or no memory. */
export type Lookup = "ok" | "again" | "busy" | "full";

/** A zone of one configuration, with the rate that this one gives it. */
export class RateZone {
  readonly zone: DeclaredZone;
  key: Template = constantTemplate("");
  /** Thousandths of a request per second. */
  milliRate = 1000;
  /** What the last `lookup` or `account` found: thousandths of a request beyond the rate. */
  excess = 0;

  constructor(zone: DeclaredZone) {
    this.zone = zone;
  }

  /**
   * Looks whether one more request of `key` is within `burst` thousandths of a request beyond the rate, and with
   * `account` counts it if it is (ngx_http_limit_req_lookup). `now`: `sharedNowMs()`.
   */
  lookup(key: string, burst: number, account: boolean, now: number): Lookup {
    const { table } = this.zone;
    table.acquire();
    try {
      let cell = table.find(key);
      if (cell !== 0) {
        table.touch(cell);
        const excess = this.excessNow(table, cell, now);
        this.excess = excess;
        if (excess > burst) return "busy";
        if (!account) return "again";
        this.store(table, cell, excess, now);
        return "ok";
      }
      this.excess = 0;
      cell = this.newEntry(table, key, now);
      if (cell === 0) return "full";
      if (!account) return "again";
      table.doubles[table.values(cell) + LAST] = now;
      return "ok";
    } finally {
      table.release();
    }
  }

  /** Counts a request that has passed `lookup`, when the zones after this one let it pass too. */
  account(key: string, now: number): void {
    const { table } = this.zone;
    table.acquire();
    try {
      let cell = table.find(key);
      if (cell === 0) cell = this.newEntry(table, key, now);
      if (cell === 0) return;
      this.excess = this.excessNow(table, cell, now);
      this.store(table, cell, this.excess, now);
    } finally {
      table.release();
    }
  }

  /** How far ahead of its rate the entry is with one more request. */
  private excessNow(table: ZoneTable, cell: number, now: number): number {
    const at = table.values(cell);
    const ms = elapsedMs(now, table.doubles[at + LAST]!);
    const excess = table.doubles[at + EXCESS]! - Math.floor((this.milliRate * ms) / 1000) + 1000;
    return Math.max(excess, 0);
  }

  private store(table: ZoneTable, cell: number, excess: number, now: number): void {
    const at = table.values(cell);
    table.doubles[at + EXCESS] = excess;
    if (elapsedMs(now, table.doubles[at + LAST]!) !== 0) table.doubles[at + LAST] = now;
  }

  /** Makes room as nginx does: one or two entries that have run empty, or else the oldest. */
  private newEntry(table: ZoneTable, key: string, now: number): number {
    this.expire(table, now, false);
    let cell = table.insert(key);
    // A long key may need the room of several entries.
    while (cell === 0 && table.oldest !== 0) {
      this.expire(table, now, true);
      cell = table.insert(key);
    }
    return cell;
  }

  private expire(table: ZoneTable, now: number, byForce: boolean): void {
    for (let n = byForce ? 0 : 1; n < 3; n++) {
      const cell = table.oldest;
      if (cell === 0) return;
      if (n > 0) {
        const at = table.values(cell);
        const ms = Math.abs(now - table.doubles[at + LAST]!);
        if (ms < IDLE_MS) return;
        if (table.doubles[at + EXCESS]! - Math.floor((this.milliRate * ms) / 1000) > 0) return;
      }
      table.remove(cell);
    }
  }
}

function elapsedMs(now: number, last: number): number {
  const ms = now - last;
  if (ms < CLOCK_JUMP_MS) return 1;
  return Math.max(ms, 0);
}

/** One `limit_req`. */
export interface RateLimit {
  readonly zone: RateZone;
  /** Thousandths of a request. */
  readonly burst: number;
  /** Thousandths of a request that may be ahead of the rate without being delayed. */
  readonly delay: number;
}

class RateZones {
  private readonly zones = new Map<DeclaredZone, RateZone>();
  /** A level limits requests. */
  used = false;

  of(declared: DeclaredZone): RateZone {
    let zone = this.zones.get(declared);
    if (zone === undefined) {
      zone = new RateZone(declared);
      this.zones.set(declared, zone);
    }
    return zone;
  }
}

/** The zones of limit_req in a load. */
export const rateZones = perLoad(() => new RateZones());

/** The address ranges of a `geo` block with `ranges` (ngx_http_geo_add_range, ngx_http_geo_delete_range). */

/** Both ends inclusive, the lower 16 bits of addresses. */
interface Range<V> {
  start: number;
  end: number;
  value: V;
}

/** What adding a range met. */
export type RangeOutcome<V> =
  | { readonly kind: "added" }
  | { readonly kind: "replaced"; readonly old: V }
  | { readonly kind: "overlap"; readonly start: number; readonly end: number };

const ADDED = { kind: "added" } as const;

/** Calls `each` for the part of a range that lies in each block of 65536 addresses; stops where it returns false. */
function inBlocks(start: number, end: number, each: (block: number, first: number, last: number) => boolean): void {
  const lastBlock = Math.floor(end / 0x10000);
  for (let block = Math.floor(start / 0x10000); block <= lastBlock; block++) {
    const first = block === Math.floor(start / 0x10000) ? start % 0x10000 : 0;
    const last = block === lastBlock ? end % 0x10000 : 0xffff;
    if (!each(block, first, last)) return;
  }
}

/** Values by range of IPv4 addresses. A range may stand inside another, but may not cross its end. */
export class AddressRanges<V> {
  /** By the upper 16 bits of the address, sorted; as nginx keeps them, since what counts as crossing depends on it. */
  private readonly blocks = new Map<number, Range<V>[]>();

  add(start: number, end: number, value: V): RangeOutcome<V> {
    let outcome: RangeOutcome<V> = ADDED;
    inBlocks(start, end, (block, first, last) => {
      let ranges = this.blocks.get(block);
      if (ranges === undefined) {
        ranges = [];
        this.blocks.set(block, ranges);
      }
      const here = insert(ranges, { start: first, end: last, value });
      if (here.kind === "overlap") {
        outcome = { kind: "overlap", start: block * 0x10000 + here.start, end: block * 0x10000 + here.end };
        return false;
      }
      if (here.kind === "replaced") outcome = here;
      return true;
    });
    return outcome;
  }

  /** False where a part of the range was not there with just these ends. */
  delete(start: number, end: number): boolean {
    let found = true;
    inBlocks(start, end, (block, first, last) => {
      const ranges = this.blocks.get(block);
      const at = ranges?.findIndex((range) => range.start === first && range.end === last) ?? -1;
      if (at < 0) found = false;
      else ranges?.splice(at, 1);
      return true;
    });
    return found;
  }

  find(address: number): V | undefined {
    const ranges = this.blocks.get(address >>> 16);
    if (ranges === undefined) return undefined;
    const low = address & 0xffff;
    for (const range of ranges) {
      if (low >= range.start && low <= range.end) return range.value;
    }
    return undefined;
  }
}

/** Puts a range into a sorted list, splitting the one it stands in. */
function insert<V>(ranges: Range<V>[], added: Range<V>): RangeOutcome<V> {
  const { start, end, value } = added;
  for (let i = ranges.length - 1; i >= 0; i--) {
    const range = ranges[i]!;
    if (end < range.start) continue;
    if (start > range.end) {
      ranges.splice(i + 1, 0, added);
      return ADDED;
    }
    if (start === range.start && end === range.end) {
      const old = range.value;
      range.value = value;
      return { kind: "replaced", old };
    }
    if (start < range.start || end > range.end) return { kind: "overlap", start: range.start, end: range.end };
    const pieces = [added];
    if (start > range.start) pieces.unshift({ start: range.start, end: start - 1, value: range.value });
    if (end < range.end) pieces.push({ start: end + 1, end: range.end, value: range.value });
    ranges.splice(i, 1, ...pieces);
    return ADDED;
  }
  ranges.unshift(added);
  return ADDED;
}

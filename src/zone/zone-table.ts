/**
 * A hash table in a zone's memory: keys of any length stored whole, cells of one size, an order of use, and counts that
 * know which worker holds them. All processes that map the zone change it under its lock.
 *
 * An entry is a head cell, and continuation cells where its key or its holders do not fit there. A head becomes valid
 * with the last word written and invalid with the first one cleared, so that everything else (buckets, order, free
 * list, totals) can be made anew from the heads after a process died in the middle of a change: see zone-repair.ts.
 */
import { reportFault } from "../net/event-loop.ts";
import {
  CONTINUATION,
  COUNT_AT,
  FOLLOWING,
  FREE_AT,
  HASH,
  HEADER_WORDS,
  KIND,
  LOCK_AT,
  MAGIC_AT,
  MORE_HOLDERS,
  MORE_KEY,
  NEWER,
  NEWEST_AT,
  NEXT_IN_BUCKET,
  OLDER,
  OLDEST_AT,
  SECRET_AT,
  SERIAL,
  SERIAL_AT,
  USED_AT,
} from "./cell-words.ts";
import { keyHash } from "./key-hash.ts";
import { type TableLayout, tableShape } from "./table-shape.ts";
import { dropHolder } from "./zone-holders.ts";
import { hasKey, writeKey } from "./zone-keys.ts";
import { ZoneLock } from "./zone-lock.ts";
import { repairTable } from "./zone-repair.ts";

const MAGIC = 0x68777a31;

export class ZoneTable {
  readonly layout: TableLayout;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly bytes: Uint8Array;
  // See TableShape.
  readonly bucketMask: number;
  private readonly cellsAt: number;
  readonly cells: number;
  private readonly valuesAt: number;
  readonly headKeyBytes: number;
  readonly moreKeyBytes: number;
  private readonly lock: ZoneLock;
  private readonly secret0: number;
  private readonly secret1: number;

  /**
   * The table in a zone's memory, made there if the memory is new (all zeros): whoever owns the memory does that before
   * others see it.
   */
  constructor(memory: Uint8Array<ArrayBuffer>, layout: TableLayout, pid: number) {
    const { buffer, byteOffset, length } = memory;
    this.layout = layout;
    this.bytes = memory;
    this.words = new Int32Array(buffer, byteOffset, length >> 2);
    this.doubles = new Float64Array(buffer, byteOffset, length >> 3);
    const shape = tableShape(length, layout);
    this.bucketMask = shape.bucketMask;
    this.cellsAt = shape.cellsAt;
    this.cells = shape.cells;
    this.valuesAt = shape.valuesAt;
    this.headKeyBytes = shape.headKeyBytes;
    this.moreKeyBytes = shape.moreKeyBytes;
    this.lock = new ZoneLock(this.words, LOCK_AT, pid, () => repairTable(this));
    if (this.words[MAGIC_AT] === 0) this.format();
    this.secret0 = this.words[SECRET_AT]!;
    this.secret1 = this.words[SECRET_AT + 1]!;
  }

  private format(): void {
    crypto.getRandomValues(this.words.subarray(SECRET_AT, SECRET_AT + 2));
    this.words[MAGIC_AT] = MAGIC;
  }

  /** Waits for the zone's lock; everything below wants it held. */
  acquire(): void {
    this.lock.acquire();
  }

  release(): void {
    this.lock.release();
  }

  /** How many entries there are. */
  get count(): number {
    return this.words[COUNT_AT]!;
  }

  /** The entry of a key (one byte per char), or 0. Hot. */
  find(key: string): number {
    const { words } = this;
    const hash = keyHash(key, this.secret0, this.secret1) | 0;
    let cell = words[this.bucketAt(hash)]!;
    for (let left = this.cells; cell !== 0; left--) {
      if (left === 0) {
        this.mend();
        return this.find(key);
      }
      const at = this.at(cell);
      if (words[at + HASH] === hash && hasKey(this, at, key)) return cell;
      cell = words[at + NEXT_IN_BUCKET]!;
    }
    return 0;
  }

  /** A new entry for a key that has none, values 0, as the one used last; 0 where there is no room for it. */
  insert(key: string): number {
    const { words } = this;
    const cell = this.takeCell();
    if (cell === 0) return 0;
    const at = this.at(cell);
    words.fill(0, at, at + this.layout.cellWords);
    if (!writeKey(this, at, key)) {
      this.freeChain(words[at + MORE_KEY]!);
      this.freeCell(cell);
      return 0;
    }
    const serial = (words[SERIAL_AT]! + 1) | 0;
    words[SERIAL_AT] = serial;
    words[at + SERIAL] = serial;
    words[at + HASH] = keyHash(key, this.secret0, this.secret1) | 0;
    words[at + KIND] = key.length + 1;
    words[COUNT_AT]!++;
    this.linkBucket(at, cell);
    this.linkNewest(at, cell);
    return cell;
  }

  /** Removes an entry with all that belongs to it. */
  remove(cell: number): void {
    const { words } = this;
    const at = this.at(cell);
    words[at + KIND] = CONTINUATION;
    words[COUNT_AT]!--;
    if (!this.unlinkBucket(at, cell)) {
      this.mend();
      return;
    }
    this.unlinkUse(at);
    const whole =
      this.freeChain(words[at + MORE_KEY]!) && (this.layout.holders === 0 || this.freeChain(words[at + MORE_HOLDERS]!));
    if (whole) this.freeCell(cell);
    else this.mend();
  }

  /** Makes an entry the one used last. */
  touch(cell: number): void {
    if (this.words[NEWEST_AT] === cell) return;
    const at = this.at(cell);
    this.unlinkUse(at);
    this.linkNewest(at, cell);
  }

  /** The entry not used for longest, or 0. */
  get oldest(): number {
    return this.words[OLDEST_AT]!;
  }

  /** The entry used next after this one, or 0. */
  newerThan(cell: number): number {
    return this.words[this.at(cell) + NEWER]!;
  }

  /** Index into `doubles` of an entry's first value. */
  values(cell: number): number {
    return (this.at(cell) + this.valuesAt) >> 1;
  }

  /** Tells whether a remembered entry is still the same: see `is`. */
  serial(cell: number): number {
    return this.words[this.at(cell) + SERIAL]!;
  }

  /** Whether `cell` still is the entry that had this serial. */
  is(cell: number, serial: number): boolean {
    const at = this.at(cell);
    return this.words[at + KIND]! > 0 && this.words[at + SERIAL] === serial;
  }

  /** A worker is gone: frees the lock if it had it, and what it held. Takes the lock itself. */
  releaseWorker(slot: number, pid: number): void {
    this.lock.breakFor(pid);
    this.acquire();
    try {
      dropHolder(this, slot);
    } finally {
      this.release();
    }
  }

  // Cells and links

  /** The first word of a cell. */
  at(cell: number): number {
    return this.cellsAt + cell * this.layout.cellWords;
  }

  /** The word of the bucket of a hash. */
  bucketAt(hash: number): number {
    return HEADER_WORDS + (hash & this.bucketMask);
  }

  /** A cell with undefined contents, or 0 where all are in use. */
  takeCell(): number {
    const { words } = this;
    const free = words[FREE_AT]!;
    if (free !== 0) {
      words[FREE_AT] = words[this.at(free) + FOLLOWING]!;
      return free;
    }
    const used = words[USED_AT]!;
    if (used >= this.cells) return 0;
    words[USED_AT] = used + 1;
    return used + 1;
  }

  /** Gives a cell back. */
  freeCell(cell: number): void {
    const { words } = this;
    const at = this.at(cell);
    words[at + KIND] = 0;
    words[at + FOLLOWING] = words[FREE_AT]!;
    words[FREE_AT] = cell;
  }

  /** False where the chain is broken; one that comes back to itself meets a cell that is free by then. */
  private freeChain(first: number): boolean {
    const { words } = this;
    let cell = first;
    while (cell !== 0) {
      const at = this.at(cell);
      if (words[at + KIND] !== CONTINUATION) return false;
      const following = words[at + FOLLOWING]!;
      this.freeCell(cell);
      cell = following;
    }
    return true;
  }

  /**
   * Puts a table in order whose links turn out to be broken, which only a bug, here or in another process, can have done:
   * to follow them would hold up the worker for ever.
   */
  mend(): void {
    reportFault(new Error("the table of a shared zone was broken and has been made anew"));
    repairTable(this);
  }

  /** Makes an entry, whose first word is at `at`, one that `find` finds. */
  linkBucket(at: number, cell: number): void {
    const { words } = this;
    const bucket = this.bucketAt(words[at + HASH]!);
    words[at + NEXT_IN_BUCKET] = words[bucket]!;
    words[bucket] = cell;
  }

  /** False where it is not in its bucket. */
  private unlinkBucket(at: number, cell: number): boolean {
    const { words } = this;
    let link = this.bucketAt(words[at + HASH]!);
    for (let left = this.cells; words[link] !== cell; left--) {
      if (words[link] === 0 || left === 0) return false;
      link = this.at(words[link]!) + NEXT_IN_BUCKET;
    }
    words[link] = words[at + NEXT_IN_BUCKET]!;
    return true;
  }

  /** Makes an entry that is not in the order of use the last one used. */
  linkNewest(at: number, cell: number): void {
    const { words } = this;
    const before = words[NEWEST_AT]!;
    words[at + NEWER] = 0;
    words[at + OLDER] = before;
    if (before === 0) words[OLDEST_AT] = cell;
    else words[this.at(before) + NEWER] = cell;
    words[NEWEST_AT] = cell;
  }

  private unlinkUse(at: number): void {
    const { words } = this;
    const newer = words[at + NEWER]!;
    const older = words[at + OLDER]!;
    if (newer === 0) words[NEWEST_AT] = older;
    else words[this.at(newer) + OLDER] = older;
    if (older === 0) words[OLDEST_AT] = newer;
    else words[this.at(older) + NEWER] = newer;
  }
}

/**
 * A hash table in a zone's memory: keys of any length stored whole, cells of one size, an order of use, and counts that
 * know which worker holds them. All processes that map the zone change it under its lock.
 *
 * An entry is a head cell, and continuation cells where its key or its holders do not fit there. A head becomes valid
 * with the last word written and invalid with the first one cleared, so that everything else (buckets, order, free
 * list, totals) can be made anew from the heads after a process died in the middle of a change: see zone-repair.ts.
 */
import {
  AFTER_LINKS,
  CONTENT,
  CONTINUATION,
  COUNT_AT,
  FIRST_HOLDER,
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
import { dropHolder } from "./zone-holders.ts";
import { ZoneLock } from "./zone-lock.ts";
import { repairTable } from "./zone-repair.ts";

/** How the entries of a kind of zone are laid out. */
export interface TableLayout {
  /** 32-bit words of a cell; a multiple of 4. */
  readonly cellWords: number;
  /** Doubles that each entry keeps. */
  readonly values: number;
  /** Holders that fit into the head cell; 0: entries have no holders. */
  readonly holders: number;
  /** Entries that nobody holds are removed. */
  readonly dropsUnheld: boolean;
}

const MAGIC = 0x68777a31;
const MIN_BUCKETS = 8;

export class ZoneTable {
  readonly layout: TableLayout;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  private readonly bytes: Uint8Array;
  readonly bucketMask: number;
  /** Word at which the cells begin, less one cell: cells are numbered from 1. */
  private readonly cellsAt: number;
  /** How many cells there are. */
  readonly cells: number;
  private readonly valuesAt: number;
  /** Bytes of key in a head, and in a continuation cell. */
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
    const { cellWords } = layout;
    const buckets = bucketCount(this.words.length, cellWords);
    this.bucketMask = buckets - 1;
    const firstCell = Math.ceil((HEADER_WORDS + buckets) / cellWords) * cellWords;
    this.cellsAt = firstCell - cellWords;
    this.cells = Math.floor((this.words.length - firstCell) / cellWords);
    const afterHolders = layout.holders === 0 ? AFTER_LINKS : FIRST_HOLDER + layout.holders;
    // Doubles stand at even words.
    this.valuesAt = layout.values === 0 ? afterHolders : afterHolders + (afterHolders & 1);
    this.headKeyBytes = (cellWords - this.valuesAt - layout.values * 2) * 4;
    this.moreKeyBytes = (cellWords - CONTENT) * 4;
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
    while (cell !== 0) {
      const at = this.at(cell);
      if (words[at + HASH] === hash && this.hasKey(at, key)) return cell;
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
    if (!this.writeKey(at, key)) {
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
    this.unlinkBucket(at, cell);
    this.unlinkUse(at);
    if (words[at + MORE_KEY] !== 0) this.freeChain(words[at + MORE_KEY]!);
    if (this.layout.holders > 0 && words[at + MORE_HOLDERS] !== 0) this.freeChain(words[at + MORE_HOLDERS]!);
    this.freeCell(cell);
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

  // Keys

  private hasKey(at: number, key: string): boolean {
    const { words, bytes } = this;
    const { length } = key;
    if (words[at + KIND] !== length + 1) return false;
    const inHead = Math.min(length, this.headKeyBytes);
    const from = (at + this.layout.cellWords) * 4 - this.headKeyBytes;
    for (let i = 0; i < inHead; i++) if (bytes[from + i] !== key.charCodeAt(i)) return false;
    return inHead === length || this.hasRest(words[at + MORE_KEY]!, key, inHead);
  }

  private hasRest(first: number, key: string, done: number): boolean {
    const { words, bytes } = this;
    let more = first;
    for (let begin = done; begin < key.length; begin += this.moreKeyBytes) {
      if (more === 0) return false;
      const at = this.at(more);
      const from = (at + CONTENT) * 4;
      const end = Math.min(key.length, begin + this.moreKeyBytes);
      for (let i = begin; i < end; i++) if (bytes[from + i - begin] !== key.charCodeAt(i)) return false;
      more = words[at + FOLLOWING]!;
    }
    return true;
  }

  private writeKey(at: number, key: string): boolean {
    const { words, bytes } = this;
    const inHead = Math.min(key.length, this.headKeyBytes);
    const from = (at + this.layout.cellWords) * 4 - this.headKeyBytes;
    for (let i = 0; i < inHead; i++) bytes[from + i] = key.charCodeAt(i);
    let link = at + MORE_KEY;
    for (let begin = inHead; begin < key.length; begin += this.moreKeyBytes) {
      const more = this.takeCell();
      if (more === 0) return false;
      const moreAt = this.at(more);
      words[moreAt + FOLLOWING] = 0;
      words[moreAt + KIND] = CONTINUATION;
      words[link] = more;
      const to = (moreAt + CONTENT) * 4;
      const end = Math.min(key.length, begin + this.moreKeyBytes);
      for (let i = begin; i < end; i++) bytes[to + i - begin] = key.charCodeAt(i);
      link = moreAt + FOLLOWING;
    }
    return true;
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

  private freeChain(first: number): void {
    let cell = first;
    while (cell !== 0) {
      const following = this.words[this.at(cell) + FOLLOWING]!;
      this.freeCell(cell);
      cell = following;
    }
  }

  /** Makes an entry, whose first word is at `at`, one that `find` finds. */
  linkBucket(at: number, cell: number): void {
    const { words } = this;
    const bucket = this.bucketAt(words[at + HASH]!);
    words[at + NEXT_IN_BUCKET] = words[bucket]!;
    words[bucket] = cell;
  }

  private unlinkBucket(at: number, cell: number): void {
    const { words } = this;
    let link = this.bucketAt(words[at + HASH]!);
    while (words[link] !== cell) link = this.at(words[link]!) + NEXT_IN_BUCKET;
    words[link] = words[at + NEXT_IN_BUCKET]!;
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

/** A power of two, between one bucket per cell and one for two. */
function bucketCount(words: number, cellWords: number): number {
  let buckets = MIN_BUCKETS;
  while (buckets * 2 <= words / cellWords) buckets *= 2;
  return buckets;
}

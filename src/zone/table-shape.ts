/** Where the parts of a zone's table stand, and how much goes into it: worked out from its size and layout. */
import { AFTER_LINKS, CONTENT, FIRST_HOLDER, HEADER_WORDS } from "./cell-words.ts";

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

/** The parts of a table. */
export interface TableShape {
  /** A power of two, less one. */
  readonly bucketMask: number;
  /** Word at which the cells begin, less one cell: cells are numbered from 1. */
  readonly cellsAt: number;
  /** How many cells there are. */
  readonly cells: number;
  /** Word of a head at which its values begin. */
  readonly valuesAt: number;
  /** Bytes of key in a head, and in a continuation cell. */
  readonly headKeyBytes: number;
  readonly moreKeyBytes: number;
}

const MIN_BUCKETS = 8;

/** The shape of a table in a zone of so many bytes. */
export function tableShape(bytes: number, { cellWords, values, holders }: TableLayout): TableShape {
  const words = bytes >> 2;
  const buckets = bucketCount(words, cellWords);
  const firstCell = Math.ceil((HEADER_WORDS + buckets) / cellWords) * cellWords;
  const afterHolders = holders === 0 ? AFTER_LINKS : FIRST_HOLDER + holders;
  // Doubles stand at even words.
  const valuesAt = values === 0 ? afterHolders : afterHolders + (afterHolders & 1);
  return {
    bucketMask: buckets - 1,
    cellsAt: firstCell - cellWords,
    cells: Math.floor((words - firstCell) / cellWords),
    valuesAt,
    headKeyBytes: (cellWords - valuesAt - values * 2) * 4,
    moreKeyBytes: (cellWords - CONTENT) * 4,
  };
}

/** The cells that an entry with a key of so many bytes takes, without those for more holders. */
export function cellsOfEntry({ headKeyBytes, moreKeyBytes }: TableShape, keyBytes: number): number {
  return 1 + Math.max(0, Math.ceil((keyBytes - headKeyBytes) / moreKeyBytes));
}

/** A power of two, between one bucket per cell and one for two. */
function bucketCount(words: number, cellWords: number): number {
  let buckets = MIN_BUCKETS;
  while (buckets * 2 <= words / cellWords) buckets *= 2;
  return buckets;
}

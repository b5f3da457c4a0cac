/** Where things stand in a zone's memory, in 32-bit words: the header of the zone, and its cells. */

// The zone's header. Buckets follow it, then the cells.
export const MAGIC_AT = 0;
export const LOCK_AT = 1;
/** First cell of the free list. */
export const FREE_AT = 2;
/** Cells that have ever been used: those above are zero. */
export const USED_AT = 3;
export const NEWEST_AT = 4;
export const OLDEST_AT = 5;
export const COUNT_AT = 6;
export const SERIAL_AT = 7;
/** Two words, the secret of the hash. */
export const SECRET_AT = 8;
export const HEADER_WORDS = 16;

/** Length of the key plus one in a head; CONTINUATION; 0 in a free cell. */
export const KIND = 0;
export const CONTINUATION = -1;
/** In continuation and free cells: the next one, 0 for none. */
export const FOLLOWING = 1;
/** Where the contents of a continuation cell begin. */
export const CONTENT = 2;

/** In a head: tells it from what was in the same cell before. */
export const SERIAL = 1;
export const HASH = 2;
export const NEXT_IN_BUCKET = 3;
export const NEWER = 4;
export const OLDER = 5;
/** First cell of the rest of the key. */
export const MORE_KEY = 6;
/** What follows in the head of a table without holders: its values, then the key. */
export const AFTER_LINKS = 7;
/** Sum of the holders' counts. */
export const TOTAL = 7;
/** First cell of more holders. */
export const MORE_HOLDERS = 8;
export const FIRST_HOLDER = 9;

/** Sets of bytes, for the character classes of regular expressions, and how they are written in JavaScript. */

/** A set of byte values: `set[byte]` is true for members. */
export type ByteSet = readonly boolean[];

const BYTES = 256;

/** The bytes for which `test` holds. */
export function bytesWhere(test: (byte: number) => boolean): ByteSet {
  return Array.from({ length: BYTES }, (_, byte) => test(byte));
}

/** The bytes of a string. */
export function bytesOf(text: string): ByteSet {
  return bytesWhere((byte) => text.includes(String.fromCharCode(byte)));
}

/** All bytes that `set` lacks. */
export function complement(set: ByteSet): ByteSet {
  return set.map((member) => !member);
}

/** The set with the other case of its ASCII letters. PCRE's built-in tables fold no others. */
export function caselessSet(set: ByteSet): ByteSet {
  return bytesWhere((byte) => set[byte] === true || set[otherCase(byte)] === true);
}

function otherCase(byte: number): number {
  const letter = byte | 32;
  return letter >= 97 && letter <= 122 ? byte ^ 32 : byte;
}

const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57;
const isUpper = (byte: number): boolean => byte >= 65 && byte <= 90;
const isLower = (byte: number): boolean => byte >= 97 && byte <= 122;
const isLetter = (byte: number): boolean => isUpper(byte) || isLower(byte);
const isWord = (byte: number): boolean => isDigit(byte) || isLetter(byte) || byte === 95;
const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);
const isVisible = (byte: number): boolean => byte > 32 && byte < 127;

const DIGITS = bytesWhere(isDigit);
const SPACES = bytesWhere(isSpace);
const WORD = bytesWhere(isWord);
const HORIZONTAL = bytesOf("\t \xa0");
const VERTICAL = bytesOf("\n\x0b\f\r\x85");

/** `\d`, `\D`, `\h` and their like by letter. Only ASCII counts for d, s and w, as without PCRE2_UCP. */
export const CLASS_ESCAPES: ReadonlyMap<string, ByteSet> = new Map([
  ["d", DIGITS],
  ["D", complement(DIGITS)],
  ["s", SPACES],
  ["S", complement(SPACES)],
  ["w", WORD],
  ["W", complement(WORD)],
  ["h", HORIZONTAL],
  ["H", complement(HORIZONTAL)],
  ["v", VERTICAL],
  ["V", complement(VERTICAL)],
]);

/** `[:alpha:]` and its like by name. */
export const POSIX_CLASSES: ReadonlyMap<string, ByteSet> = new Map([
  ["alnum", bytesWhere((byte) => isDigit(byte) || isLetter(byte))],
  ["alpha", bytesWhere(isLetter)],
  ["ascii", bytesWhere((byte) => byte < 128)],
  ["blank", bytesOf(" \t")],
  ["cntrl", bytesWhere((byte) => byte < 32 || byte === 127)],
  ["digit", DIGITS],
  ["graph", bytesWhere(isVisible)],
  ["lower", bytesWhere(isLower)],
  ["print", bytesWhere((byte) => isVisible(byte) || byte === 32)],
  ["punct", bytesWhere((byte) => isVisible(byte) && !isDigit(byte) && !isLetter(byte))],
  ["space", SPACES],
  ["upper", bytesWhere(isUpper)],
  ["word", WORD],
  ["xdigit", bytesWhere((byte) => isDigit(byte) || ((byte | 32) >= 97 && (byte | 32) <= 102))],
]);

/** One byte in the source of a JavaScript regular expression. */
export function byteSource(byte: number): string {
  return isWord(byte) ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
}

/** A set as one atom of a JavaScript regular expression. */
export function setSource(set: ByteSet): string {
  const members = set.reduce((count, member) => count + (member ? 1 : 0), 0);
  if (members === 1) return byteSource(set.indexOf(true));
  if (members > BYTES / 2) return `[^${rangesSource(complement(set))}]`;
  return `[${rangesSource(set)}]`;
}

function rangesSource(set: ByteSet): string {
  let out = "";
  for (let first = 0; first < BYTES; first++) {
    if (!set[first]) continue;
    let last = first;
    while (set[last + 1]) last++;
    out += byteSource(first);
    if (last > first) out += (last > first + 1 ? "-" : "") + byteSource(last);
    first = last;
  }
  return out;
}

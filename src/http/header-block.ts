/**
 * The header lines of a message, from after its first line to the empty line: the part that request and response heads
 * share. A resumable byte state machine with ngx_http_parse_header_line's rules.
 *
 * Hot. Only offsets are noted while bytes pass; strings are cut once, from one string of the whole head, at the end.
 */
import { fieldValueAt, type HeaderList, internHeaderNameAt } from "./header-list.ts";

const LINE_START = 0;
const NAME = 1;
const SPACE_BEFORE_VALUE = 2;
const VALUE = 3;
const LINE_ALMOST_DONE = 4;
const BLOCK_ALMOST_DONE = 5;
const IGNORED_LINE = 6;

const NUL = 0;
const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const UNDERSCORE = 95;
const SLASH = 47;
/** The bytes "HTTP". */
const HTTP = 0x48545450;

/** More bytes are needed. */
export const BLOCK_INCOMPLETE = -1;
/** A byte that no header line may hold. */
export const BLOCK_INVALID = -2;
/** More lines than allowed. */
export const BLOCK_TOO_MANY = -3;

/** What a byte is inside a field name. */
const PLAIN = 0;
const ODD = 1;
const UNDER = 2;
const BREAKING = 3;
const nameClass = new Uint8Array(256).fill(ODD);
for (let c = 0; c <= SPACE; c++) nameClass[c] = BREAKING;
nameClass[0x7f] = BREAKING;
nameClass[COLON] = BREAKING;
nameClass[UNDERSCORE] = UNDER;
for (const c of Buffer.from("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) nameClass[c] = PLAIN;

/** Offsets per noted line: start and end of the name, start and end of the value, the line's end. */
const MARKS_PER_LINE = 5;
/** Room for so many more lines in a head that waits for bytes. */
const SPARE_LINES = 16;
/** Used by whoever is parsing just now; a head that must wait for bytes takes its marks with it. */
let sharedMarks = new Int32Array(MARKS_PER_LINE * 128);

/** A line that was left out because of its name (`ignore_invalid_headers`). */
export interface DroppedLine {
  /** Lines of the same head that were noted before it. */
  readonly before: number;
  readonly text: string;
}

/** Position and notes of one header block. Offsets are counted from the first byte of the head. */
export class HeaderBlock {
  allowUnderscores = false;
  /** Lines with odd names are dropped (`ignore_invalid_headers on`). */
  skipInvalid = false;
  /** Some servers repeat their status line among the headers: nginx skips it in responses. */
  skipStatusLines = false;
  maxLines = Number.POSITIVE_INFINITY;

  /** Lines noted. */
  lines = 0;
  /** Offset of the line being read; -1 before the first. */
  lineStart = -1;
  /** Lines with odd names that were dropped, four numbers each: lines noted before it, its start, value's start and end. */
  dropped: number[] | undefined;
  /**
   * After BLOCK_TOO_MANY: offset just past the line. After BLOCK_INVALID: offset at which the line broke; the byte there is
   * the culprit (trailing spaces not yet cut).
   */
  brokenAt = 0;

  private state = LINE_START;
  private odd = false;
  private nameEnd = 0;
  private valueStart = 0;
  private valueEnd = 0;
  private ownMarks: Int32Array | undefined;
  /** The first four bytes of a name that came in pieces. */
  private prefix = 0;

  reset(): void {
    this.lines = 0;
    this.lineStart = -1;
    this.dropped = undefined;
    this.state = LINE_START;
    this.odd = false;
    this.ownMarks = undefined;
    this.prefix = 0;
  }

  /** True between two lines. */
  get atLineStart(): boolean {
    return this.state === LINE_START;
  }

  /**
   * Reads buf[p..end); `delta` turns an index of `buf` into an offset of the head. Returns the index after the empty
   * line, or one of the codes above.
   */
  scan(buf: Buffer, p: number, end: number, delta: number): number {
    let state = this.state;
    let odd = this.odd;
    let i = p;
    while (i < end) {
      switch (state) {
        case LINE_START: {
          const c = buf[i]!;
          this.lineStart = i + delta;
          this.prefix = 0;
          odd = false;
          if (c === CR) {
            state = BLOCK_ALMOST_DONE;
            i++;
            break;
          }
          if (c === LF) {
            this.state = LINE_START;
            return i + 1;
          }
          if (nameClass[c] === BREAKING) return this.broken(i + delta);
          state = NAME;
          break;
        }
        case NAME: {
          let c = 0;
          for (; i < end; i++) {
            c = buf[i]!;
            const kind = nameClass[c]!;
            if (kind === PLAIN) continue;
            if (kind === BREAKING) break;
            if (kind === ODD) {
              if (c === SLASH && this.skipStatusLines && this.followsHttp(buf, p, i, delta)) {
                state = IGNORED_LINE;
                break;
              }
              odd = true;
            } else if (!this.allowUnderscores) odd = true;
          }
          if (i === end) break;
          if (state === IGNORED_LINE) break;
          const at = i + delta;
          if (c === COLON) state = SPACE_BEFORE_VALUE;
          else if (c === CR) state = LINE_ALMOST_DONE;
          else if (c === LF) state = LINE_START;
          else return this.broken(at);
          this.nameEnd = at;
          this.valueStart = at;
          this.valueEnd = at;
          i++;
          if (state === LINE_START && !this.note(odd, i + delta)) return BLOCK_TOO_MANY;
          break;
        }
        case SPACE_BEFORE_VALUE:
          while (i < end && buf[i] === SPACE) i++;
          if (i === end) break;
          this.valueStart = i + delta;
          state = VALUE;
          break;
        case VALUE: {
          let c = buf[i]!;
          while ((c > CR || (c !== CR && c !== LF && c !== NUL)) && ++i < end) c = buf[i]!;
          if (i === end) break;
          if (c === NUL) return this.broken(i + delta);
          this.valueEnd = i + delta;
          i++;
          if (c === CR) {
            state = LINE_ALMOST_DONE;
            break;
          }
          state = LINE_START;
          if (!this.note(odd, i + delta)) return BLOCK_TOO_MANY;
          break;
        }
        case LINE_ALMOST_DONE: {
          const c = buf[i]!;
          if (c === CR) {
            i++;
            break;
          }
          if (c !== LF) return this.broken(this.valueEnd);
          i++;
          state = LINE_START;
          if (!this.note(odd, i + delta)) return BLOCK_TOO_MANY;
          break;
        }
        case BLOCK_ALMOST_DONE:
          if (buf[i] !== LF) return this.broken(this.lineStart);
          this.state = LINE_START;
          return i + 1;
        default:
          while (i < end && buf[i] !== LF) i++;
          if (i === end) break;
          i++;
          state = LINE_START;
      }
    }
    this.state = state;
    this.odd = odd;
    if (state === NAME && this.skipStatusLines) this.keepPrefix(buf, p, end, delta);
    return BLOCK_INCOMPLETE;
  }

  /** To be called when the head must wait for bytes: another head may use the shared marks meanwhile. */
  keepMarks(): void {
    if (this.lines === 0 || this.ownMarks !== undefined) return;
    this.ownMarks = sharedMarks.slice(0, (this.lines + SPARE_LINES) * MARKS_PER_LINE);
  }

  /** Adds the noted lines to `headers`; `text` is the head from its first byte. */
  collect(text: string, headers: HeaderList): void {
    const marks = this.ownMarks ?? sharedMarks;
    const end = this.lines * MARKS_PER_LINE;
    for (let m = 0; m < end; m += MARKS_PER_LINE) {
      const valueStart = marks[m + 2]!;
      let valueEnd = marks[m + 3]!;
      while (valueEnd > valueStart && text.charCodeAt(valueEnd - 1) === SPACE) valueEnd--;
      const entry = internHeaderNameAt(text, marks[m]!, marks[m + 1]!);
      headers.addInterned(entry.name, entry.key, fieldValueAt(entry, text, valueStart, valueEnd));
    }
  }

  /** Offset just past the noted line `i`. Only until another head is read. */
  endOfLine(i: number): number {
    return (this.ownMarks ?? sharedMarks)[i * MARKS_PER_LINE + 4]!;
  }

  /** The dropped lines; `text` is the head from its first byte. */
  collectDropped(text: string): DroppedLine[] | undefined {
    const { dropped } = this;
    if (dropped === undefined) return undefined;
    const lines: DroppedLine[] = [];
    for (let i = 0; i < dropped.length; i += 4) {
      const valueStart = dropped[i + 2]!;
      let end = dropped[i + 3]!;
      while (end > valueStart && text.charCodeAt(end - 1) === SPACE) end--;
      lines.push({ before: dropped[i]!, text: text.substring(dropped[i + 1]!, end) });
    }
    return lines;
  }

  /** The broken line for the error log: `"name: va\x00..."`. */
  describeBroken(text: string): string {
    let end = this.brokenAt;
    // nginx names the first of the spaces before a bare CR.
    if (text.charCodeAt(end) === CR) while (end > this.lineStart && text.charCodeAt(end - 1) === SPACE) end--;
    const culprit = text.charCodeAt(end).toString(16).padStart(2, "0");
    return `"${text.substring(this.lineStart, end)}\\x${culprit}..."`;
  }

  private followsHttp(buf: Buffer, p: number, i: number, delta: number): boolean {
    if (i + delta - this.lineStart !== 4) return false;
    let prefix = this.prefix;
    for (let j = Math.max(p, i - 4); j < i; j++) prefix = (prefix << 8) | buf[j]!;
    return prefix === HTTP;
  }

  private keepPrefix(buf: Buffer, p: number, end: number, delta: number): void {
    const start = this.lineStart - delta;
    for (let j = Math.max(p, start); j < end && j < start + 4; j++) this.prefix = (this.prefix << 8) | buf[j]!;
  }

  private broken(at: number): number {
    this.brokenAt = at;
    return BLOCK_INVALID;
  }

  private note(odd: boolean, end: number): boolean {
    if (odd && this.skipInvalid) {
      this.dropped ??= [];
      this.dropped.push(this.lines, this.lineStart, this.valueStart, this.valueEnd);
      return true;
    }
    if (this.lines >= this.maxLines) {
      this.brokenAt = end;
      return false;
    }
    const m = this.lines * MARKS_PER_LINE;
    let marks = this.ownMarks ?? sharedMarks;
    if (m + MARKS_PER_LINE > marks.length) {
      const larger = new Int32Array(marks.length * 2);
      larger.set(marks);
      if (this.ownMarks === undefined) sharedMarks = larger;
      else this.ownMarks = larger;
      marks = larger;
    }
    marks[m] = this.lineStart;
    marks[m + 1] = this.nameEnd;
    marks[m + 2] = this.valueStart;
    marks[m + 3] = this.valueEnd;
    marks[m + 4] = end;
    this.lines++;
    return true;
  }
}

/**
 * The chunked transfer coding (RFC 9112, 7.1): a resumable decoder that points at the body bytes where they lie, with
 * ngx_http_parse_chunked's rules, and the head of a chunk for encoding. Hot: body bytes are never touched.
 */
import { BLOCK_INCOMPLETE, HeaderBlock } from "./header-block.ts";
import { HeaderList } from "./header-list.ts";
import { HeldBytes } from "./held-bytes.ts";
import { hexValue } from "./uri.ts";

const CHUNK_START = 0;
const CHUNK_SIZE = 1;
const EXTENSION = 2;
const SIZE_ALMOST_DONE = 3;
const DATA = 4;
const AFTER_DATA = 5;
const AFTER_DATA_ALMOST_DONE = 6;
const TRAILERS = 7;
const DONE = 8;
const FAILED = 9;

/** What the decoder expects next. */
export type ChunkedState =
  | "chunk-start"
  | "chunk-size"
  | "extension"
  | "size-line-end"
  | "data"
  | "after-data"
  | "data-line-end"
  | "trailers"
  | "done"
  | "error";

const stateNames: readonly ChunkedState[] = [
  "chunk-start",
  "chunk-size",
  "extension",
  "size-line-end",
  "data",
  "after-data",
  "data-line-end",
  "trailers",
  "done",
  "error",
];

const LF = 10;
const CR = 13;
const SPACE = 32;
const TAB = 9;
const SEMICOLON = 59;

/** A chunk's size line beyond its digits: nobody needs extensions, and each costs work that brings no body byte. */
const MAX_EXTENSION_BYTES = 4096;
/** The trailer section, as a large header buffer twice over. */
const MAX_TRAILER_BYTES = 16384;
/** Sizes stay exact integers. */
const MAX_SIZE_BEFORE_DIGIT = Math.floor(Number.MAX_SAFE_INTEGER / 16);
const MAX_LEADING_ZEROS = 64;

/** Decodes one chunked body after another. */
export class ChunkedDecoder {
  /** The run of body bytes that the last `next` found: chunk[dataStart..dataEnd). */
  dataStart = 0;
  dataEnd = 0;
  /** The trailer fields, if they are collected and there were any, when `done`. */
  trailers: HeaderList | undefined;

  private phase = CHUNK_START;
  private readonly collectTrailers: boolean;
  /** Of the chunk being read: its size so far, then the bytes that are still to come. */
  private size = 0;
  /** Bytes of the size line's digits or extension, or of the trailers. */
  private counted = 0;
  private block: HeaderBlock | undefined;
  private readonly held = new HeldBytes();

  constructor(collectTrailers: boolean) {
    this.collectTrailers = collectTrailers;
  }

  reset(): void {
    this.dataStart = 0;
    this.dataEnd = 0;
    this.trailers = undefined;
    this.phase = CHUNK_START;
    this.size = 0;
    this.counted = 0;
    this.block = undefined;
    this.held.reset();
  }

  get state(): ChunkedState {
    return stateNames[this.phase]!;
  }

  /** Bytes of the current chunk that come after the run of the last `next`. */
  get chunkLeft(): number {
    return this.size;
  }

  get done(): boolean {
    return this.phase === DONE;
  }

  get failed(): boolean {
    return this.phase === FAILED;
  }

  /**
   * Decodes from chunk[from..] up to the end of the next run of body bytes (`dataStart`, `dataEnd`; equal where none was
   * found), the end of the body, an error, or the end of the chunk. Returns the index after what was consumed: to be
   * called again from there while bytes are left and it is neither `done` nor `failed`.
   */
  next(chunk: Buffer, from: number): number {
    const length = chunk.length;
    let phase = this.phase;
    let i = from;
    this.dataStart = from;
    this.dataEnd = from;
    while (i < length) {
      const c = chunk[i]!;
      switch (phase) {
        case CHUNK_START: {
          const digit = hexValue(c);
          if (digit < 0) return this.end(FAILED, i);
          this.size = digit;
          this.counted = 1;
          phase = CHUNK_SIZE;
          i++;
          break;
        }
        case CHUNK_SIZE: {
          i++;
          const digit = hexValue(c);
          if (digit >= 0) {
            if (this.size > MAX_SIZE_BEFORE_DIGIT || ++this.counted > MAX_LEADING_ZEROS) return this.end(FAILED, i);
            this.size = this.size * 16 + digit;
          } else if (c === CR) phase = SIZE_ALMOST_DONE;
          else if (c === LF) phase = this.size === 0 ? TRAILERS : DATA;
          else if (c === SEMICOLON || c === SPACE || c === TAB) phase = EXTENSION;
          else return this.end(FAILED, i);
          if (phase !== CHUNK_SIZE) this.counted = 0;
          break;
        }
        case EXTENSION:
          i++;
          if (c === CR) {
            this.counted = 0;
            phase = SIZE_ALMOST_DONE;
          } else if (c === LF || ++this.counted > MAX_EXTENSION_BYTES) {
            // A bare LF may end an extension for one parser and not for the next: that smuggles requests.
            return this.end(FAILED, i);
          }
          break;
        case SIZE_ALMOST_DONE:
          i++;
          if (c !== LF) return this.end(FAILED, i);
          phase = this.size === 0 ? TRAILERS : DATA;
          break;
        case DATA: {
          const run = Math.min(this.size, length - i);
          this.dataStart = i;
          this.dataEnd = i + run;
          this.size -= run;
          this.phase = this.size === 0 ? AFTER_DATA : DATA;
          return i + run;
        }
        case AFTER_DATA:
          i++;
          if (c === CR) phase = AFTER_DATA_ALMOST_DONE;
          else if (c === LF) phase = CHUNK_START;
          else return this.end(FAILED, i);
          break;
        case AFTER_DATA_ALMOST_DONE:
          i++;
          if (c !== LF) return this.end(FAILED, i);
          phase = CHUNK_START;
          break;
        case TRAILERS:
          return this.readTrailers(chunk, i);
        default:
          return this.end(phase, i);
      }
    }
    return this.end(phase, i);
  }

  private end(phase: number, at: number): number {
    this.phase = phase;
    this.dataStart = at;
    this.dataEnd = at;
    return at;
  }

  private readTrailers(chunk: Buffer, from: number): number {
    if (this.block === undefined) {
      this.block = new HeaderBlock();
      this.block.allowUnderscores = true;
    }
    const block = this.block;
    const before = this.counted;
    const limit = Math.min(chunk.length, from + MAX_TRAILER_BYTES - before);
    const next = block.scan(chunk, from, limit, before - from);
    if (next >= 0) {
      if (this.collectTrailers && block.lines > 0) {
        this.trailers = new HeaderList();
        block.collect(this.held.textWith(chunk, from, next), this.trailers);
      }
      this.block = undefined;
      this.held.reset();
      return this.end(DONE, next);
    }
    this.counted = before + limit - from;
    if (next !== BLOCK_INCOMPLETE || this.counted >= MAX_TRAILER_BYTES) return this.end(FAILED, limit);
    if (this.collectTrailers) this.held.append(chunk, from, limit);
    block.keepMarks();
    return this.end(TRAILERS, limit);
  }
}

/** What goes before a chunk of `size` bytes; after it comes CRLF. */
export function chunkHead(size: number): string {
  return `${size.toString(16)}\r\n`;
}

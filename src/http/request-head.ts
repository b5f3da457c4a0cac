/**
 * The head of a request: request line and header lines, fed in pieces of any size. Says no where nginx says no, in its
 * words and with its codes.
 *
 * Hot. A head that comes in one piece is read where it lies: one string of it is made, all others are parts of that.
 */
import { BLOCK_INCOMPLETE, BLOCK_INVALID, BLOCK_TOO_MANY, type DroppedLine, HeaderBlock } from "./header-block.ts";
import { HeaderList } from "./header-list.ts";
import { HeldBytes } from "./held-bytes.ts";
import { validateHost } from "./host.ts";
import {
  LINE_INCOMPLETE,
  LINE_INVALID_09_METHOD,
  LINE_INVALID_METHOD,
  LINE_INVALID_VERSION,
  RequestLine,
} from "./request-line.ts";
import { parseComplexUri } from "./uri.ts";

/** What bounds a request head. */
export interface RequestHeadLimits {
  /** `client_header_buffer_size`. */
  clientHeaderBufferBytes: number;
  /** `large_client_header_buffers`, the number. */
  largeBufferCount: number;
  /** `large_client_header_buffers`, the size. */
  largeBufferBytes: number;
  /** `merge_slashes`. */
  mergeSlashes: boolean;
  /** `ignore_invalid_headers`. */
  ignoreInvalidHeaders: boolean;
  /** `underscores_in_headers`. */
  underscoresInHeaders: boolean;
  /** `max_headers`. */
  maxHeaders: number;
}

/** Why a request is refused. */
export interface HeadError {
  /** 400, 414, 494, 505 ... */
  status: number;
  /** nginx's error-log words, e.g. "client sent invalid method", without the "while ..." part. */
  message: string;
  /** Index of the header line at which it was found; undefined where it is not about one line. */
  line?: number;
}

/** nginx's defaults. */
const DEFAULT_LIMITS: RequestHeadLimits = {
  clientHeaderBufferBytes: 1024,
  largeBufferCount: 4,
  largeBufferBytes: 8192,
  mergeSlashes: true,
  ignoreInvalidHeaders: true,
  underscoresInHeaders: false,
  maxHeaders: 1000,
};

const CR = 13;
const LF = 10;

/** nginx's NGX_MAX_ERROR_STR less 300: a longer line is cut in the error log. */
const MAX_LOGGED_LINE = 1748;

const IDLE = 0;
const IN_LINE = 1;
const IN_HEADERS = 2;
const FINISHED = 3;

const invalidRequest: HeadError = { status: 400, message: "client sent invalid request" };

/** Methods of which every request gets the same string. */
const COMMON_METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"];

/** The method text[0..end). */
function methodAt(text: string, end: number): string {
  for (let i = 0; i < COMMON_METHODS.length; i++) {
    const common = COMMON_METHODS[i]!;
    if (common.length === end && text.startsWith(common)) return common;
  }
  return text.substring(0, end);
}

const nothing = Buffer.alloc(0);

/** Reads one request head after another; the fields hold the last one until `reset`. */
export class RequestHeadParser {
  /** May be changed between requests. */
  limits: RequestHeadLimits = DEFAULT_LIMITS;
  method = "";
  /** `$request`: on an error what came of the line. */
  requestLine = "";
  /** `$request_uri`. */
  unparsedUri = "";
  /** `$uri`: decoded and normalised. */
  uri = "";
  /** `$args`; undefined where there is no `?`. */
  args: string | undefined;
  /** 9, 1000, 1001: major * 1000 + minor; 1000 for a line that cannot be read, so that the answer has a head. */
  httpVersion = 1000;
  /** Of an absolute-form target, as sent. */
  schema: string | undefined;
  /** Of an absolute-form target, without port, as sent. */
  hostFromLine: string | undefined;
  headers: HeaderList = new HeaderList();
  /** Bytes of the lines that could be read, for `$request_length`: on an error that of the lines before it. */
  headBytes = 0;
  /** Header lines that `ignore_invalid_headers` left out. */
  dropped: readonly DroppedLine[] | undefined;
  error: HeadError | undefined;

  private readonly line = new RequestLine();
  private readonly block = new HeaderBlock();
  private stage = IDLE;
  /** The bytes of an incomplete head, from its first byte. */
  private readonly held = new HeldBytes();
  /** Offset of the head at which the buffer would be full that nginx had. */
  private bufferEnd = 0;
  private largeBuffers = 0;
  private lineTaken = false;

  /** Begins a new request which will own `headers`. */
  reset(headers: HeaderList): void {
    this.method = "";
    this.requestLine = "";
    this.unparsedUri = "";
    this.uri = "";
    this.args = undefined;
    this.httpVersion = 1000;
    this.schema = undefined;
    this.hostFromLine = undefined;
    this.headers = headers;
    this.headBytes = 0;
    this.dropped = undefined;
    this.error = undefined;
    this.stage = IDLE;
    this.held.reset();
    this.lineTaken = false;
  }

  /** Any byte of the request was seen; the line ends that some clients send between requests don't count. */
  get started(): boolean {
    return this.stage !== IDLE;
  }

  /**
   * Feeds chunk[from..]; returns the index just past the head when it is complete, -1 when more bytes are needed, -2 on an
   * error (see `error`). What is incomplete is copied, within the limits; the chunk is not kept.
   */
  feed(chunk: Buffer, from: number): number {
    let p = from;
    const length = chunk.length;
    if (this.stage === IDLE) {
      while (p < length && (chunk[p] === CR || chunk[p] === LF)) p++;
      if (p === length) return -1;
      this.begin();
    }
    const first = p;
    const delta = this.held.length - first;
    while (p < length) {
      const end = Math.min(length, this.bufferEnd - delta);
      if (this.stage === IN_LINE) {
        const next = this.line.scan(chunk, p, end, delta);
        if (next >= 0) {
          if (!this.lineDone(chunk, first, next)) return -2;
          p = next;
          // An HTTP/0.9 request has no header lines.
          if (this.line.httpVersion < 1000) return this.complete(chunk, first, p);
        } else if (next !== LINE_INCOMPLETE) return this.lineError(chunk, first, next);
        else p = end;
      } else {
        const next = this.block.scan(chunk, p, end, delta);
        if (next >= 0) return this.complete(chunk, first, next);
        if (next !== BLOCK_INCOMPLETE) return this.blockError(chunk, first, end, next);
        p = end;
      }
      if (p + delta === this.bufferEnd && !this.takeLargeBuffer(chunk, first, p)) return -2;
    }
    this.held.append(chunk, first, length);
    this.block.keepMarks();
    return -1;
  }

  private begin(): void {
    const limits = this.limits;
    this.stage = IN_LINE;
    this.bufferEnd = limits.clientHeaderBufferBytes;
    this.largeBuffers = 0;
    this.line.reset();
    const block = this.block;
    block.reset();
    block.allowUnderscores = limits.underscoresInHeaders;
    block.skipInvalid = limits.ignoreInvalidHeaders;
    block.maxLines = limits.maxHeaders;
  }

  /** The request line has been read: false where its target is refused. */
  private lineDone(chunk: Buffer, first: number, next: number): boolean {
    this.headBytes = this.held.length + next - first;
    this.stage = IN_HEADERS;
    if (!this.line.complex && this.line.hostStart < 0) return true;
    this.takeLine(this.held.textWith(chunk, first, next));
    if (this.error === undefined) return true;
    this.stage = IN_LINE;
    return false;
  }

  /** Cuts the request line's parts from `text`, the head from its first byte; sets `error` where the target is refused. */
  private takeLine(text: string): void {
    const line = this.line;
    this.lineTaken = true;
    this.requestLine = text.substring(0, line.end);
    this.method = methodAt(text, line.methodEnd);
    this.httpVersion = line.httpVersion;
    const target = text.substring(line.uriStart, line.uriEnd);
    this.unparsedUri = target;
    if (line.complex) {
      const parsed = parseComplexUri(target, this.limits.mergeSlashes);
      if (parsed === undefined) {
        this.error = invalidRequest;
        return;
      }
      this.uri = parsed.uri;
      this.args = parsed.args;
    } else if (line.argsStart >= 0) {
      this.uri = text.substring(line.uriStart, line.argsStart - 1);
      this.args = text.substring(line.argsStart, line.uriEnd);
    } else this.uri = target;
    if (line.hostStart < 0) return;
    if (line.schemaEnd >= 0) this.schema = text.substring(line.schemaStart, line.schemaEnd);
    const host = text.substring(line.hostStart, line.hostEnd);
    if (validateHost(host) === undefined)
      this.error = { status: 400, message: "client sent invalid host in request line" };
    else this.hostFromLine = host;
  }

  /** The request line has been read. */
  get inHeaders(): boolean {
    return this.stage === IN_HEADERS;
  }

  /** The client left or fell silent in the middle of the head: what is there of it is taken, for the logs. */
  abandon(): void {
    // What came of a request line counts as the line.
    if (this.stage === IN_LINE) this.requestLine = this.held.textWith(nothing, 0, 0).replace(/\r$/, "");
    if (this.stage !== IN_HEADERS) return;
    const { block } = this;
    if (block.lineStart >= 0) this.headBytes = block.atLineStart ? this.held.length : block.lineStart;
    this.salvage(this.held.textWith(nothing, 0, 0));
  }

  /**
   * Header line `i` is refused: nobody looks at what follows it, nor at itself where it is one of a name too many. To be
   * called at once after `feed`.
   */
  endAt(i: number): void {
    const { keys } = this.headers;
    this.headBytes = this.block.endOfLine(i);
    this.headers.truncate(keys.indexOf(keys[i]!) < i ? i : i + 1);
  }

  private complete(chunk: Buffer, first: number, next: number): number {
    const text = this.held.textWith(chunk, first, next);
    this.stage = FINISHED;
    this.headBytes = text.length;
    if (!this.lineTaken) this.takeLine(text);
    this.block.collect(text, this.headers);
    this.dropped = this.block.collectDropped(text);
    this.held.reset();
    return next;
  }

  private lineError(chunk: Buffer, first: number, code: number): number {
    const end = Math.min(chunk.length, first + this.limits.clientHeaderBufferBytes - this.held.length);
    const text = this.held.textWith(chunk, first, Math.max(end, first));
    let lineEnd = 0;
    while (lineEnd < text.length && text.charCodeAt(lineEnd) !== CR && text.charCodeAt(lineEnd) !== LF) lineEnd++;
    this.requestLine = text.substring(0, lineEnd);
    if (code === LINE_INVALID_VERSION) return this.fail(505, "client sent invalid version");
    if (code === LINE_INVALID_METHOD) return this.fail(400, "client sent invalid method");
    if (code === LINE_INVALID_09_METHOD) {
      this.httpVersion = 9;
      return this.fail(400, "client sent invalid method in HTTP/0.9 request");
    }
    return this.fail(400, "client sent invalid request");
  }

  private blockError(chunk: Buffer, first: number, end: number, code: number): number {
    const text = this.held.textWith(chunk, first, end);
    this.headBytes = code === BLOCK_TOO_MANY ? this.block.brokenAt : this.block.lineStart;
    this.salvage(text);
    if (code === BLOCK_TOO_MANY) return this.fail(494, "client sent too many header lines");
    if (code === BLOCK_INVALID) {
      return this.fail(400, `client sent invalid header line: ${this.block.describeBroken(text)}`);
    }
    return this.fail(400, "client sent invalid request");
  }

  /** Accounts for one more of `large_client_header_buffers`, as ngx_http_alloc_large_header_buffer; false when refused. */
  private takeLargeBuffer(chunk: Buffer, first: number, p: number): boolean {
    const { largeBufferBytes, largeBufferCount } = this.limits;
    const at = this.held.length + p - first;
    if (this.stage === IN_LINE) {
      if (at >= largeBufferBytes || this.largeBuffers >= largeBufferCount) {
        this.requestLine = this.held.textWith(chunk, first, p);
        this.fail(414, "client sent too long URI");
        return false;
      }
      this.bufferEnd = largeBufferBytes;
    } else {
      const block = this.block;
      const lineStart = block.atLineStart ? at : block.lineStart;
      if (at - lineStart >= largeBufferBytes || this.largeBuffers >= largeBufferCount) {
        const text = this.held.textWith(chunk, first, p);
        this.headBytes = lineStart;
        this.salvage(text);
        if (block.lineStart < 0) this.fail(494, "client sent too large request");
        else {
          const shown = text.substring(block.lineStart, block.lineStart + MAX_LOGGED_LINE);
          this.fail(494, `client sent too long header line: "${shown}..."`);
        }
        return false;
      }
      this.bufferEnd = lineStart + largeBufferBytes;
    }
    this.largeBuffers++;
    return true;
  }

  /** Fills the fields with what came before an error among the headers: the access log shows it. */
  private salvage(text: string): void {
    if (!this.lineTaken) this.takeLine(text);
    this.block.collect(text, this.headers);
    this.dropped = this.block.collectDropped(text);
  }

  private fail(status: number, message: string): number {
    this.error = { status, message };
    this.held.reset();
    return -2;
  }
}

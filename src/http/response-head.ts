/**
 * The head of an upstream's response: status line and header lines, fed in pieces of any size, with the rules of
 * ngx_http_parse_status_line, or as CGI has it (RFC 3875, 6.3); and how its body is delimited (RFC 9112, 6.3). Hot: see
 * header-block.ts.
 */
import { BLOCK_INCOMPLETE, HeaderBlock } from "./header-block.ts";
import { HeaderList } from "./header-list.ts";
import { HeldBytes } from "./held-bytes.ts";
import { parseContentLength } from "./request-headers.ts";

const PROTOCOL_NAME = 0;
const FIRST_MAJOR_DIGIT = 1;
const MAJOR_DIGIT = 2;
const FIRST_MINOR_DIGIT = 3;
const MINOR_DIGIT = 4;
const STATUS = 5;
const SPACE_AFTER_STATUS = 6;
const STATUS_TEXT = 7;
const LINE_ALMOST_DONE = 8;
const HEADERS = 9;

const LF = 10;
const CR = 13;
const SPACE = 32;
const DOT = 46;

const PROTOCOL = Buffer.from("HTTP/");

const LINE_INCOMPLETE = -1;
const LINE_INVALID = -2;

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

/** Reads one response head after another; the fields hold the last one until `reset`. */
export class ResponseHeadParser {
  /** 1000, 1001: major * 1000 + minor. */
  httpVersion = 0;
  status = 0;
  /** The text after the status; "" where there is none. */
  reason = "";
  headers: HeaderList = new HeaderList();
  headBytes = 0;
  /** nginx's words, without the "while ..." part. */
  error: string | undefined;

  private readonly block = new HeaderBlock();
  private state = PROTOCOL_NAME;
  private maxBytes = 0;
  private matched = 0;
  private major = 0;
  private minor = 0;
  private digits = 0;
  private code = 0;
  private reasonStart = -1;
  private lineEnd = 0;
  private readonly held = new HeldBytes();

  /** A head may begin without a status line: its fields tell the status then, as in CGI. */
  private readonly cgi: boolean;

  constructor(form: "http" | "cgi" = "http") {
    this.cgi = form === "cgi";
    this.block.allowUnderscores = true;
    this.block.skipStatusLines = true;
  }

  /** Begins a new response which will own `headers`; its head may take `maxBytes` (`proxy_buffer_size`). */
  reset(headers: HeaderList, maxBytes: number): void {
    this.httpVersion = 0;
    this.status = 0;
    this.reason = "";
    this.headers = headers;
    this.headBytes = 0;
    this.error = undefined;
    this.block.reset();
    this.state = PROTOCOL_NAME;
    this.maxBytes = maxBytes;
    this.matched = 0;
    this.major = 0;
    this.minor = 0;
    this.digits = 0;
    this.code = 0;
    this.reasonStart = -1;
    this.held.reset();
  }

  /**
   * Feeds chunk[from..]; returns the index just past the head when it is complete, -1 when more bytes are needed, -2 on an
   * error (see `error`). What is incomplete is copied, up to `maxBytes`; the chunk is not kept.
   */
  feed(chunk: Buffer, from: number): number {
    const delta = this.held.length - from;
    const end = Math.min(chunk.length, this.maxBytes - delta);
    let p = from;
    if (this.state !== HEADERS) {
      p = this.scanStatusLine(chunk, from, end, delta);
      if (p === LINE_INVALID) {
        if (!this.cgi) return this.fail("upstream sent no valid HTTP/1.0 header");
        p = this.startWithFields(from);
      }
    }
    if (p !== LINE_INCOMPLETE) {
      const next = this.block.scan(chunk, p, end, delta);
      if (next >= 0) return this.complete(chunk, from, next);
      if (next !== BLOCK_INCOMPLETE) {
        return this.fail(
          `upstream sent invalid header: ${this.block.describeBroken(this.held.textWith(chunk, from, end))}`,
        );
      }
    }
    if (end + delta >= this.maxBytes) return this.fail("upstream sent too big header");
    this.held.append(chunk, from, end);
    this.block.keepMarks();
    return -1;
  }

  private scanStatusLine(buf: Buffer, p: number, end: number, delta: number): number {
    let state = this.state;
    let i = p;
    for (; i < end; i++) {
      const c = buf[i]!;
      switch (state) {
        case PROTOCOL_NAME:
          if (c !== PROTOCOL[this.matched]) return LINE_INVALID;
          if (++this.matched === PROTOCOL.length) state = FIRST_MAJOR_DIGIT;
          break;
        case FIRST_MAJOR_DIGIT:
          if (!isDigit(c) || c === 0x30) return LINE_INVALID;
          this.major = c - 0x30;
          state = MAJOR_DIGIT;
          break;
        case MAJOR_DIGIT:
          if (c === DOT) state = FIRST_MINOR_DIGIT;
          else if (!isDigit(c) || this.major > 99) return LINE_INVALID;
          else this.major = this.major * 10 + c - 0x30;
          break;
        case FIRST_MINOR_DIGIT:
          if (!isDigit(c)) return LINE_INVALID;
          this.minor = c - 0x30;
          state = MINOR_DIGIT;
          break;
        case MINOR_DIGIT:
          if (c === SPACE) state = STATUS;
          else if (!isDigit(c) || this.minor > 99) return LINE_INVALID;
          else this.minor = this.minor * 10 + c - 0x30;
          break;
        case STATUS:
          if (c === SPACE) break;
          if (!isDigit(c)) return LINE_INVALID;
          this.code = this.code * 10 + c - 0x30;
          if (++this.digits === 3) state = SPACE_AFTER_STATUS;
          break;
        case SPACE_AFTER_STATUS:
          // "403.1" came from IIS; nginx takes the dot for the start of the text.
          if (c === SPACE || c === DOT) {
            this.reasonStart = i + delta + (c === SPACE ? 1 : 0);
            state = STATUS_TEXT;
          } else if (c === CR || c === LF) {
            this.lineEnd = i + delta;
            if (c === LF) return this.statusLineDone(i + 1);
            state = LINE_ALMOST_DONE;
          } else return LINE_INVALID;
          break;
        case STATUS_TEXT:
          if (c !== CR && c !== LF) break;
          this.lineEnd = i + delta;
          if (c === LF) return this.statusLineDone(i + 1);
          state = LINE_ALMOST_DONE;
          break;
        default:
          if (c !== LF) return LINE_INVALID;
          return this.statusLineDone(i + 1);
      }
    }
    this.state = state;
    return LINE_INCOMPLETE;
  }

  /** What was taken for a status line is the first field; what is held of it can't be all of it, or it would be one. */
  private startWithFields(from: number): number {
    this.state = HEADERS;
    this.reasonStart = -1;
    if (this.held.length > 0) this.block.scan(this.held.view(), 0, this.held.length, 0);
    return from;
  }

  private statusLineDone(next: number): number {
    this.state = HEADERS;
    this.httpVersion = this.major * 1000 + this.minor;
    this.status = this.code;
    return next;
  }

  private complete(chunk: Buffer, from: number, next: number): number {
    const text = this.held.textWith(chunk, from, next);
    this.headBytes = text.length;
    if (this.reasonStart >= 0) this.reason = text.substring(this.reasonStart, this.lineEnd);
    this.block.collect(text, this.headers);
    this.held.reset();
    return this.cgi && this.status === 0 ? this.statusFromFields(next) : next;
  }

  /** CGI without a status line: Status, else a redirect where there is a Location (ngx_http_uwsgi_process_header). */
  private statusFromFields(next: number): number {
    const value = this.headers.get("status");
    if (value === undefined) {
      const redirect = this.headers.has("location");
      this.status = redirect ? 302 : 200;
      this.reason = redirect ? "Moved Temporarily" : "OK";
      return next;
    }
    if (!/^[0-9]{3}/.test(value)) return this.fail(`upstream sent invalid status "${value}"`);
    this.status = Number(value.slice(0, 3));
    this.reason = value.slice(value[3] === " " ? 4 : 3);
    return next;
  }

  private fail(message: string): number {
    this.error = message;
    this.held.reset();
    return -2;
  }
}

/** How a response body ends. `length` counts with kind "length" only. */
export type ResponseFraming =
  | { readonly kind: "none" | "length" | "chunked" | "close"; readonly length: number }
  | { readonly error: string };

const NO_BODY: ResponseFraming = { kind: "none", length: 0 };
const CHUNKED: ResponseFraming = { kind: "chunked", length: -1 };
const UNTIL_CLOSE: ResponseFraming = { kind: "close", length: -1 };

/** As `responseFraming`, for answers of uwsgi and SCGI servers: there is no transfer coding to take off. */
export function cgiFraming(
  head: { readonly status: number; readonly headers: HeaderList },
  requestMethod: string,
): ResponseFraming {
  const framing = responseFraming(head, requestMethod);
  return framing === CHUNKED ? UNTIL_CLOSE : framing;
}

/**
 * How the body that follows `head` is delimited (RFC 9112, 6.3), or nginx's words for what makes the response
 * untrustworthy: repeated or malformed lengths, a length beside a transfer coding, an unknown coding.
 */
export function responseFraming(
  head: { readonly status: number; readonly headers: HeaderList },
  requestMethod: string,
): ResponseFraming {
  const { keys, names, values, count } = head.headers;
  let lengthAt = -1;
  let codingAt = -1;
  let length = -1;
  for (let i = 0; i < count; i++) {
    const key = keys[i]!;
    const isLength = key === "content-length";
    if (!isLength && key !== "transfer-encoding") continue;
    const previous = isLength ? lengthAt : codingAt;
    if (previous >= 0) {
      const line = `${names[i]}: ${values[i]}`;
      const before = `${names[previous]}: ${values[previous]}`;
      return { error: `upstream sent duplicate header line: "${line}", previous value: "${before}"` };
    }
    if ((isLength ? codingAt : lengthAt) >= 0) {
      return { error: 'upstream sent "Content-Length" and "Transfer-Encoding" headers at the same time' };
    }
    if (isLength) {
      lengthAt = i;
      length = parseContentLength(values[i]!);
      if (length < 0) {
        return { error: `upstream sent invalid "Content-Length" header: "${names[i]}: ${values[i]}"` };
      }
    } else {
      codingAt = i;
      if (values[i]!.toLowerCase() !== "chunked") {
        return { error: `upstream sent unknown "Transfer-Encoding": "${values[i]}"` };
      }
    }
  }
  const status = head.status;
  if (requestMethod === "HEAD" || status === 204 || status === 304 || (status >= 100 && status < 200)) return NO_BODY;
  if (codingAt >= 0) return CHUNKED;
  if (lengthAt < 0) return UNTIL_CLOSE;
  return length === 0 ? NO_BODY : { kind: "length", length };
}

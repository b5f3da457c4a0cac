/**
 * What the header fields of a request mean for the connection: Host, framing, keep-alive, upgrade. The checks, their
 * order and their words are those of nginx's header handlers and ngx_http_process_request_header (RFC 9112, 3.2 and 6).
 */
import type { HeaderList } from "./header-list.ts";
import { validateHost } from "./host.ts";
import type { HeadError } from "./request-head.ts";

/** The parts of a request head that are checked. */
export interface CheckedHead {
  readonly headers: HeaderList;
  readonly httpVersion: number;
  readonly method: string;
  readonly schema: string | undefined;
  readonly hostFromLine: string | undefined;
}

/** How a request's body is delimited and what its sender asks of the connection. */
export interface RequestFraming {
  /** `$host` as far as the request names one: lower case, no port, no final dot; "" where it names none. */
  host: string;
  /** Bytes; -1 where none is given. */
  contentLength: number;
  chunked: boolean;
  keepAlive: boolean;
  /** The value of the first Upgrade field. */
  upgrade: string | undefined;
  expectContinue: boolean;
}

const HTTP_11 = 1001;

/** nginx's off_t: a longer length is refused. */
const MAX_LENGTH = "9223372036854775807";

/** The number of bytes a Content-Length value gives; -1 for anything but digits, and for what no off_t holds. */
export function parseContentLength(value: string): number {
  const digits = value.length;
  if (digits === 0) return -1;
  let length = 0;
  for (let i = 0; i < digits; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    length = length * 10 + digit;
  }
  if (length <= Number.MAX_SAFE_INTEGER) return length;
  const significant = value.replace(/^0+/, "");
  if (significant.length > MAX_LENGTH.length) return -1;
  if (significant.length === MAX_LENGTH.length && significant > MAX_LENGTH) return -1;
  return Number(significant);
}

/** Whether `text` contains `token`, which is lower case, in any case. */
function mentions(text: string, token: string): boolean {
  return text.length >= token.length && (text.includes(token) || text.toLowerCase().includes(token));
}

function equalsIgnoringCase(text: string, lower: string): boolean {
  return text.length === lower.length && (text === lower || text.toLowerCase() === lower);
}

function duplicate(headers: HeaderList, what: string, i: number): HeadError {
  const first = headers.keys.indexOf(headers.keys[i]!);
  const now = `${headers.names[i]}: ${headers.values[i]}`;
  const before = `${headers.names[first]}: ${headers.values[first]}`;
  return { status: 400, message: `client sent duplicate ${what}: "${now}", previous value: "${before}"`, line: i };
}

/** Bits of the fields that may come once. */
const HOST = 1;
const CONTENT_LENGTH = 2;
const TRANSFER_ENCODING = 4;
const EXPECT = 8;
const IF_MODIFIED_SINCE = 16;
const IF_UNMODIFIED_SINCE = 32;
const IF_MATCH = 64;
const IF_NONE_MATCH = 128;
const CONTENT_RANGE = 256;
const IF_RANGE = 512;
const AUTHORIZATION = 1024;

const CONNECTION_CLOSE = 1;
const CONNECTION_KEEP_ALIVE = 2;

/** The bit of a field that may come once, 0 for others. By length first: almost every name is settled by that. */
function onceBit(key: string): number {
  switch (key.length) {
    case 4:
      return key === "host" ? HOST : 0;
    case 6:
      return key === "expect" ? EXPECT : 0;
    case 8:
      return key === "if-match" ? IF_MATCH : key === "if-range" ? IF_RANGE : 0;
    case 13:
      return key === "if-none-match"
        ? IF_NONE_MATCH
        : key === "content-range"
          ? CONTENT_RANGE
          : key === "authorization"
            ? AUTHORIZATION
            : 0;
    case 14:
      return key === "content-length" ? CONTENT_LENGTH : 0;
    case 17:
      return key === "transfer-encoding" ? TRANSFER_ENCODING : key === "if-modified-since" ? IF_MODIFIED_SINCE : 0;
    case 19:
      return key === "if-unmodified-since" ? IF_UNMODIFIED_SINCE : 0;
    default:
      return 0;
  }
}

/** What the lines said that is judged when all of them are there. */
const found = { seen: 0, connection: 0, contentLength: "", transferEncoding: "", expect: "" };

/**
 * Checks line after line of a head that may not be complete, as nginx does while it reads; fills `out.host` and
 * `out.upgrade`, the rest of `out` says nothing yet. Returns why the request is refused, with the line, or undefined.
 */
export function checkHeaderLines(p: CheckedHead, out: RequestFraming): HeadError | undefined {
  out.host = "";
  out.contentLength = -1;
  out.chunked = false;
  out.keepAlive = false;
  out.upgrade = undefined;
  out.expectContinue = false;
  if (p.hostFromLine !== undefined) {
    const host = validateHost(p.hostFromLine);
    if (host === undefined) return { status: 400, message: "client sent invalid host in request line" };
    out.host = host;
  }
  const headers = p.headers;
  const { keys, values, count } = headers;
  let seen = 0;
  let connection = 0;
  let contentLength = "";
  let transferEncoding = "";
  let expect = "";
  for (let i = 0; i < count; i++) {
    const key = keys[i]!;
    const bit = onceBit(key);
    if (bit !== 0) {
      if ((seen & bit) !== 0) return duplicate(headers, bit === HOST ? "host header" : "header line", i);
      seen |= bit;
      if (bit === HOST) {
        const host = validateHost(values[i]!);
        if (host === undefined) return { status: 400, message: "client sent invalid host header", line: i };
        if (p.hostFromLine === undefined) out.host = host;
      } else if (bit === CONTENT_LENGTH) contentLength = values[i]!;
      else if (bit === TRANSFER_ENCODING) transferEncoding = values[i]!;
      else if (bit === EXPECT) expect = values[i]!;
    } else if (key === "connection") {
      if (mentions(values[i]!, "close")) connection = CONNECTION_CLOSE;
      else if (mentions(values[i]!, "keep-alive")) connection = CONNECTION_KEEP_ALIVE;
    } else if (key === "upgrade" && out.upgrade === undefined) out.upgrade = values[i]!;
  }
  found.seen = seen;
  found.connection = connection;
  found.contentLength = contentLength;
  found.transferEncoding = transferEncoding;
  found.expect = expect;
  return undefined;
}

/**
 * Checks the fields of the complete head `p` and fills `out`; returns why the request is refused, or undefined. On a
 * refusal `out` holds what was found so far.
 */
export function checkRequestHeaders(p: CheckedHead, out: RequestFraming): HeadError | undefined {
  const refused = checkHeaderLines(p, out);
  if (refused !== undefined) return refused;
  const { seen, connection, contentLength, transferEncoding, expect } = found;
  const modern = p.httpVersion >= HTTP_11;
  out.keepAlive = connection === 0 ? modern : connection === CONNECTION_KEEP_ALIVE;
  if (modern && (seen & HOST) === 0) {
    return { status: 400, message: 'client sent HTTP/1.1 request without "Host" header' };
  }
  if ((seen & CONTENT_LENGTH) !== 0) {
    out.contentLength = parseContentLength(contentLength);
    if (out.contentLength < 0) return { status: 400, message: 'client sent invalid "Content-Length" header' };
  }
  if ((seen & TRANSFER_ENCODING) !== 0) {
    if (!modern) {
      return { status: 400, message: 'client sent HTTP/1.0 request with "Transfer-Encoding" header' };
    }
    if (!equalsIgnoringCase(transferEncoding, "chunked")) {
      return { status: 501, message: `client sent unknown "Transfer-Encoding": "${transferEncoding}"` };
    }
    if ((seen & CONTENT_LENGTH) !== 0) {
      return {
        status: 400,
        message: 'client sent "Content-Length" and "Transfer-Encoding" headers at the same time',
      };
    }
    out.chunked = true;
  }
  if (p.method === "CONNECT") return { status: 405, message: "client sent CONNECT method" };
  if (p.method === "TRACE") return { status: 405, message: "client sent TRACE method" };
  out.expectContinue = modern && equalsIgnoringCase(expect, "100-continue");
  return undefined;
}

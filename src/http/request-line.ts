/**
 * The request line: a resumable byte state machine with ngx_http_parse_request_line's rules (RFC 9112, 3). Hot: it notes
 * offsets from the first byte of the head; strings are cut by the owner.
 */

const METHOD = 0;
const SPACES_BEFORE_URI = 1;
const SCHEMA = 2;
const SCHEMA_SLASH = 3;
const SCHEMA_SLASH_SLASH = 4;
const HOST_START = 5;
const HOST = 6;
const HOST_END = 7;
const HOST_IP_LITERAL = 8;
const PORT = 9;
const AFTER_SLASH_IN_URI = 10;
const CHECK_URI = 11;
const URI = 12;
const HTTP_09 = 13;
const PROTOCOL_NAME = 14;
const FIRST_MAJOR_DIGIT = 15;
const MAJOR_DIGIT = 16;
const FIRST_MINOR_DIGIT = 17;
const MINOR_DIGIT = 18;
const SPACES_AFTER_DIGIT = 19;
const ALMOST_DONE = 20;

const LF = 10;
const CR = 13;
const SPACE = 32;
const HASH = 35;
const PERCENT = 37;
const DOT = 46;
const SLASH = 47;
const COLON = 58;
const QUESTION = 63;

/** More bytes are needed. */
export const LINE_INCOMPLETE = -1;
/** "client sent invalid method". */
export const LINE_INVALID_METHOD = -2;
/** "client sent invalid request". */
const LINE_INVALID_REQUEST = -3;
/** "client sent invalid version". */
export const LINE_INVALID_VERSION = -4;
/** "client sent invalid method in HTTP/0.9 request". */
export const LINE_INVALID_09_METHOD = -5;

/** Bytes that need a look inside a path: control bytes, space, `#`, `%`, `/`, `?`, DEL. */
const specialInPath = new Uint8Array(256).fill(1, 0, 0x21);
for (const c of [HASH, PERCENT, SLASH, QUESTION, 0x7f]) specialInPath[c] = 1;

/** Bytes of a method name. */
const methodByte = new Uint8Array(256);
for (const c of Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ_-")) methodByte[c] = 1;

/** Bytes of a host in a request line, without brackets. */
const hostByte = new Uint8Array(256);
for (const c of Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-")) hostByte[c] = 1;

/** Bytes between the brackets of an IP literal: RFC 3986's unreserved and sub-delims, and `:`. */
const literalByte = hostByte.slice();
for (const c of Buffer.from(":_~!$&'()*+,;=")) literalByte[c] = 1;

const PROTOCOL = Buffer.from("HTTP/");
const CONNECT = Buffer.from("CONNECT ");
const GET = Buffer.from("GET ");

function isLetter(c: number): boolean {
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

/** Position in a request line, and the offsets found so far, from the first byte of the method. */
export class RequestLine {
  methodEnd = 0;
  /** Offset of the scheme of an absolute-form target; -1 where there is none. */
  schemaStart = -1;
  schemaEnd = -1;
  /** Offsets of the host of an absolute-form or authority-form target, without port; -1 where there is none. */
  hostStart = -1;
  hostEnd = -1;
  uriStart = 0;
  uriEnd = 0;
  /** Offset after the first `?`, -1 where there is none. Not kept up for targets that are `complex`. */
  argsStart = -1;
  /** The path needs decoding or normalising. */
  complex = false;
  /** Absolute form without a path but with a query string. */
  emptyPath = false;
  /** Authority form: a CONNECT request. */
  authority = false;
  /** major * 1000 + minor; 9 for HTTP/0.9. */
  httpVersion = 9;
  /** Offset of the line end. */
  end = -1;

  private state = METHOD;
  private major = 0;
  private minor = 9;
  /** Bytes of PROTOCOL seen. */
  private matched = 0;
  /** Whether the method is so far a prefix of these. */
  private maybeConnect = true;
  private maybeGet = true;

  reset(): void {
    this.methodEnd = 0;
    this.schemaStart = -1;
    this.schemaEnd = -1;
    this.hostStart = -1;
    this.hostEnd = -1;
    this.uriStart = 0;
    this.uriEnd = 0;
    this.argsStart = -1;
    this.complex = false;
    this.emptyPath = false;
    this.authority = false;
    this.httpVersion = 9;
    this.end = -1;
    this.state = METHOD;
    this.major = 0;
    this.minor = 9;
    this.matched = 0;
    this.maybeConnect = true;
    this.maybeGet = true;
  }

  /**
   * Reads buf[p..end); `delta` turns an index of `buf` into an offset of the head. Returns the index after the line, or
   * one of the codes above.
   */
  scan(buf: Buffer, p: number, end: number, delta: number): number {
    let state = this.state;
    let i = p;
    while (i < end) {
      let c = buf[i]!;
      switch (state) {
        case METHOD: {
          while (methodByte[c] === 1) {
            if (this.maybeGet && GET[i + delta] !== c) this.maybeGet = false;
            if (this.maybeConnect && CONNECT[i + delta] !== c) this.maybeConnect = false;
            i++;
            if (i === end) break;
            c = buf[i]!;
          }
          if (i === end) break;
          const length = i + delta;
          if (c !== SPACE || length === 0) return LINE_INVALID_METHOD;
          this.methodEnd = length;
          if (length !== 3) this.maybeGet = false;
          if (length !== 7) this.maybeConnect = false;
          state = SPACES_BEFORE_URI;
          i++;
          break;
        }
        case SPACES_BEFORE_URI:
          if (c === SLASH) {
            this.uriStart = i + delta;
            state = AFTER_SLASH_IN_URI;
          } else if (this.maybeConnect && c !== SPACE) {
            this.authority = true;
            this.uriStart = i + delta;
            state = HOST_START;
            break;
          } else if (isLetter(c)) {
            this.schemaStart = i + delta;
            state = SCHEMA;
          } else if (c !== SPACE) return LINE_INVALID_REQUEST;
          i++;
          break;
        case SCHEMA:
          if (c === COLON) {
            this.schemaEnd = i + delta;
            state = SCHEMA_SLASH;
          } else if (!isLetter(c) && !isDigit(c) && c !== 0x2b && c !== 0x2d && c !== DOT) return LINE_INVALID_REQUEST;
          i++;
          break;
        case SCHEMA_SLASH:
          if (c !== SLASH) return LINE_INVALID_REQUEST;
          state = SCHEMA_SLASH_SLASH;
          i++;
          break;
        case SCHEMA_SLASH_SLASH:
          if (c !== SLASH) return LINE_INVALID_REQUEST;
          state = HOST_START;
          i++;
          break;
        case HOST_START:
          this.hostStart = i + delta;
          if (c === 0x5b) {
            state = HOST_IP_LITERAL;
            i++;
          } else state = HOST;
          break;
        case HOST:
          if (hostByte[c] === 1) i++;
          else state = HOST_END;
          break;
        case HOST_IP_LITERAL:
          if (c === 0x5d) state = HOST_END;
          else if (literalByte[c] !== 1) return LINE_INVALID_REQUEST;
          i++;
          break;
        case HOST_END:
          this.hostEnd = i + delta;
          if (c === COLON) {
            state = PORT;
            i++;
            break;
          }
          if (this.authority) return LINE_INVALID_REQUEST;
          state = this.afterAuthority(c, i + delta);
          if (state < 0) return state;
          i++;
          break;
        case PORT:
          if (isDigit(c)) {
            i++;
            break;
          }
          state = this.authority ? this.afterConnectTarget(c, i + delta) : this.afterAuthority(c, i + delta);
          if (state < 0) return state;
          i++;
          break;
        case AFTER_SLASH_IN_URI:
          // "/./", "/../" and "//" are what a path is normalised for.
          if (c === DOT || c === SLASH) {
            this.complex = true;
            state = URI;
            i++;
          } else state = CHECK_URI;
          break;
        case CHECK_URI:
          while (specialInPath[c] === 0 && ++i < end) c = buf[i]!;
          if (i === end) break;
          if (c === SLASH) state = AFTER_SLASH_IN_URI;
          else if (c === QUESTION) {
            this.argsStart = i + delta + 1;
            state = URI;
          } else if (c === PERCENT || c === HASH) {
            this.complex = true;
            state = URI;
          } else {
            state = this.afterUri(c, i + delta);
            if (state < 0) return state;
            if (state === METHOD) return this.finish(i, i + delta);
          }
          i++;
          break;
        case URI:
          while (c > SPACE && c !== HASH && c !== 0x7f && ++i < end) c = buf[i]!;
          if (i === end) break;
          if (c === HASH) this.complex = true;
          else {
            state = this.afterUri(c, i + delta);
            if (state < 0) return state;
            if (state === METHOD) return this.finish(i, i + delta);
          }
          i++;
          break;
        case HTTP_09:
          if (c === SPACE) {
            i++;
            break;
          }
          if (c === 0x48) {
            this.matched = 0;
            this.major = 1;
            this.minor = 0;
            state = PROTOCOL_NAME;
            break;
          }
          if (c === LF) return this.finish(i, i + delta);
          if (c !== CR) return LINE_INVALID_REQUEST;
          this.end = i + delta;
          state = ALMOST_DONE;
          i++;
          break;
        case PROTOCOL_NAME:
          if (c !== PROTOCOL[this.matched]) return LINE_INVALID_REQUEST;
          if (++this.matched === PROTOCOL.length) state = FIRST_MAJOR_DIGIT;
          i++;
          break;
        case FIRST_MAJOR_DIGIT:
          if (!isDigit(c) || c === 0x30) return LINE_INVALID_REQUEST;
          if (c > 0x31) return LINE_INVALID_VERSION;
          state = MAJOR_DIGIT;
          i++;
          break;
        case MAJOR_DIGIT:
          if (c === DOT) state = FIRST_MINOR_DIGIT;
          else return isDigit(c) ? LINE_INVALID_VERSION : LINE_INVALID_REQUEST;
          i++;
          break;
        case FIRST_MINOR_DIGIT:
          if (!isDigit(c)) return LINE_INVALID_REQUEST;
          this.minor = c - 0x30;
          state = MINOR_DIGIT;
          i++;
          break;
        case MINOR_DIGIT:
          if (isDigit(c)) {
            if (this.minor > 99) return LINE_INVALID_REQUEST;
            this.minor = this.minor * 10 + c - 0x30;
            i++;
            break;
          }
          state = SPACES_AFTER_DIGIT;
          break;
        case SPACES_AFTER_DIGIT:
          if (c === LF) return this.finish(i, i + delta);
          if (c === CR) {
            this.end = i + delta;
            state = ALMOST_DONE;
          } else if (c !== SPACE) return LINE_INVALID_REQUEST;
          i++;
          break;
        default:
          if (c !== LF) return LINE_INVALID_REQUEST;
          return this.finish(i, this.end);
      }
    }
    this.state = state;
    return LINE_INCOMPLETE;
  }

  /** What follows the authority of an absolute-form target. */
  private afterAuthority(c: number, at: number): number {
    if (c === SLASH) {
      this.uriStart = at;
      return AFTER_SLASH_IN_URI;
    }
    if (c === QUESTION) {
      this.uriStart = at;
      this.argsStart = at + 1;
      this.emptyPath = true;
      this.complex = true;
      return URI;
    }
    if (c !== SPACE) return LINE_INVALID_REQUEST;
    // nginx takes the first slash of "://" for the missing path.
    this.uriStart = this.schemaEnd + 1;
    this.uriEnd = this.schemaEnd + 2;
    return HTTP_09;
  }

  private afterConnectTarget(c: number, at: number): number {
    if (c !== SPACE || at === this.hostEnd + 1) return LINE_INVALID_REQUEST;
    this.uriEnd = at;
    return HTTP_09;
  }

  /** What ends a path or query string; METHOD stands for the end of an HTTP/0.9 line. */
  private afterUri(c: number, at: number): number {
    this.uriEnd = at;
    if (c === SPACE) return HTTP_09;
    if (c === LF) return METHOD;
    if (c !== CR) return LINE_INVALID_REQUEST;
    this.end = at;
    return ALMOST_DONE;
  }

  private finish(lf: number, end: number): number {
    this.end = end;
    this.httpVersion = this.major * 1000 + this.minor;
    if (this.httpVersion === 9 && !this.maybeGet) return LINE_INVALID_09_METHOD;
    return lf + 1;
  }
}

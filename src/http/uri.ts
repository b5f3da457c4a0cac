/** Request targets: nginx's decoding and normalising (ngx_http_parse_complex_uri) and its escaping tables. */

const USUAL = 0;
const AFTER_SLASH = 1;
const DOT = 2;
const DOT_DOT = 3;
const QUOTED = 4;
const QUOTED_SECOND = 5;

/** A normalised path and the query string as sent; `args` is undefined where there is no `?`. */
export interface ParsedUri {
  readonly uri: string;
  readonly args: string | undefined;
}

/** Value of a hexadecimal digit, -1 for anything else. */
export function hexValue(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Index after the last `/` that precedes the segment before `/..`; -1 above the root. `length` counts the `/..`. */
function parentEnd(out: Uint8Array, length: number): number {
  let u = length - 4;
  while (u >= 0 && out[u] !== 0x2f) u--;
  return u < 0 ? -1 : u + 1;
}

/** The result being built; grows with the longest target seen, which the header buffers bound. */
let scratch = Buffer.allocUnsafeSlow(1024);

/**
 * Decodes `%XX`, resolves `.` and `..`, merges slashes, drops the fragment and splits off the query string, as
 * ngx_http_parse_complex_uri. A target that begins with `?` has the path `/`. Returns undefined for a broken escape,
 * `%00`, or a path that climbs above the root.
 */
export function parseComplexUri(target: string, mergeSlashes: boolean): ParsedUri | undefined {
  const length = target.length;
  if (scratch.length < length + 1) scratch = Buffer.allocUnsafeSlow(length * 2);
  const out = scratch;
  let u = 0;
  let state = USUAL;
  let outerState = USUAL;
  let decoded = 0;
  let argsStart = -1;
  let i = 0;
  if (target.charCodeAt(0) === 0x3f) out[u++] = 0x2f;
  let c = length > 0 ? target.charCodeAt(0) : 0;
  scan: while (i < length) {
    switch (state) {
      case USUAL:
        if (c === 0x2f) {
          state = AFTER_SLASH;
          out[u++] = c;
        } else if (c === 0x25) {
          outerState = state;
          state = QUOTED;
        } else if (c === 0x3f) {
          argsStart = i + 1;
          break scan;
        } else if (c === 0x23) break scan;
        else out[u++] = c;
        break;
      case AFTER_SLASH:
        if (c === 0x2f) {
          if (!mergeSlashes) out[u++] = c;
        } else if (c === 0x2e) {
          state = DOT;
          out[u++] = c;
        } else if (c === 0x25) {
          outerState = state;
          state = QUOTED;
        } else if (c === 0x3f) {
          argsStart = i + 1;
          break scan;
        } else if (c === 0x23) break scan;
        else {
          state = USUAL;
          out[u++] = c;
        }
        break;
      case DOT:
        if (c === 0x2f) {
          state = AFTER_SLASH;
          u--;
        } else if (c === 0x2e) {
          state = DOT_DOT;
          out[u++] = c;
        } else if (c === 0x25) {
          outerState = state;
          state = QUOTED;
        } else if (c === 0x3f || c === 0x23) {
          u--;
          state = USUAL;
          if (c === 0x3f) argsStart = i + 1;
          break scan;
        } else {
          state = USUAL;
          out[u++] = c;
        }
        break;
      case DOT_DOT:
        if (c === 0x2f || c === 0x3f || c === 0x23) {
          u = parentEnd(out, u);
          if (u < 0) return undefined;
          state = AFTER_SLASH;
          if (c !== 0x2f) {
            if (c === 0x3f) argsStart = i + 1;
            break scan;
          }
        } else if (c === 0x25) {
          outerState = state;
          state = QUOTED;
        } else {
          state = USUAL;
          out[u++] = c;
        }
        break;
      case QUOTED:
        decoded = hexValue(c);
        if (decoded < 0) return undefined;
        state = QUOTED_SECOND;
        break;
      default: {
        const low = hexValue(c);
        if (low < 0) return undefined;
        c = (decoded << 4) | low;
        if (c === 0) return undefined;
        if (c === 0x25 || c === 0x23 || c === 0x3f) {
          state = USUAL;
          out[u++] = c;
          break;
        }
        // The decoded byte is looked at again in the state before the escape: %2e%2e and %2f count like . . and /.
        state = outerState;
        continue;
      }
    }
    i++;
    if (i < length) c = target.charCodeAt(i);
  }
  if (state === QUOTED || state === QUOTED_SECOND) return undefined;
  if (state === DOT) u--;
  else if (state === DOT_DOT) {
    u = parentEnd(out, u);
    if (u < 0) return undefined;
  }
  const uri = out.latin1Slice(0, u);
  if (argsStart < 0) return { uri, args: undefined };
  const fragment = target.indexOf("#", argsStart);
  return { uri, args: fragment < 0 ? target.substring(argsStart) : target.substring(argsStart, fragment) };
}

/** What a text is escaped for: nginx's NGX_ESCAPE_URI, _ARGS, _URI_COMPONENT, _HTML. */
export type EscapeKind = "uri" | "args" | "uri-component" | "html";

/** Marks the control bytes, the bytes from 0x7f on, what RFC 3986 allows nowhere, and every byte of `special`. */
function escapeTable(special: string): Uint8Array {
  const table = new Uint8Array(256).fill(1, 0, 0x20).fill(1, 0x7f);
  for (const c of Buffer.from(` "#%<>\\^\`{|}${special}`)) table[c] = 1;
  return table;
}

const escapeTables: Record<EscapeKind, Uint8Array> = {
  uri: escapeTable("?"),
  args: escapeTable("?&+;"),
  "uri-component": escapeTable("?&+;!$'()*,/:=@[]"),
  html: escapeTable("'"),
};
const hexDigits = "0123456789ABCDEF";

/** Percent-encodes, in upper-case hexadecimal, the bytes that nginx's ngx_escape_uri encodes for that kind. */
export function escapeUri(text: string, kind: EscapeKind): string {
  const table = escapeTables[kind];
  let from = 0;
  let escaped = "";
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (table[c] === 0) continue;
    escaped += `${text.substring(from, i)}%${hexDigits.charAt(c >> 4)}${hexDigits.charAt(c & 15)}`;
    from = i + 1;
  }
  return from === 0 ? text : escaped + text.substring(from);
}

/** Decodes `%XX`, as ngx_unescape_uri of type 0: a `%` with no hexadecimal digit after it is dropped, `%4` + other too. */
export function unescapeUri(text: string): string {
  let at = text.indexOf("%");
  if (at < 0) return text;
  let plain = "";
  let from = 0;
  while (at >= 0) {
    plain += text.substring(from, at);
    from = at + 1;
    const high = from < text.length ? hexValue(text.charCodeAt(from)) : -1;
    if (high >= 0) {
      from++;
      const low = from < text.length ? hexValue(text.charCodeAt(from)) : -1;
      if (low >= 0) plain += String.fromCharCode((high << 4) | low);
      // What follows a broken escape's first digit is swallowed with it.
      if (from < text.length) from++;
    } else if (from < text.length) {
      plain += text.charAt(from);
      from++;
    }
    at = text.indexOf("%", from);
  }
  return plain + text.substring(from);
}

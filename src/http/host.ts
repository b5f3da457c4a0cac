/** Host names as they come in a request line or a Host field: checked and reduced, as ngx_http_validate_host. */

const ALLOWED = 1;
const UPPER = 2;

/** Bytes of a reg-name (RFC 3986, 3.2.2): unreserved, sub-delims and `%`; `.` is looked at on its own. */
const regName = new Uint8Array(256);
for (const c of Buffer.from("abcdefghijklmnopqrstuvwxyz0123456789-_~!$&'()*+,;=%")) regName[c] = ALLOWED;
for (const c of Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) regName[c] = UPPER;

/** Bytes of an IP literal between its brackets. */
const literal = regName.slice();
literal[0x25] = 0;
literal[0x3a] = ALLOWED;

const DOT = 0x2e;

/**
 * The host of `host[:port]` in lower case, without port and without a final dot. Undefined for what names no host:
 * empty, two dots in a row, a byte outside RFC 3986's host, a port that is no number up to 65535.
 */
export function validateHost(host: string): string | undefined {
  const length = host.length;
  let i = 0;
  let upper = false;
  let lastDot = -2;
  const bracketed = host.charCodeAt(0) === 0x5b;
  const table = bracketed ? literal : regName;
  if (bracketed) i = 1;
  for (; i < length; i++) {
    const c = host.charCodeAt(i);
    const kind = table[c];
    if (kind === ALLOWED) continue;
    if (kind === UPPER) {
      upper = true;
      continue;
    }
    if (c !== DOT) break;
    if (lastDot === i - 1) return undefined;
    lastDot = i;
  }
  if (bracketed) {
    if (host.charCodeAt(i) !== 0x5d) return undefined;
    i++;
    lastDot = -2;
  }
  if (i < length && !isPort(host, i)) return undefined;
  const end = lastDot === i - 1 ? i - 1 : i;
  if (end === 0) return undefined;
  const name = end === length ? host : host.substring(0, end);
  return upper ? name.toLowerCase() : name;
}

/** Whether `:port` follows: a number up to 65535, or nothing after the colon (RFC 3986 allows an empty port). */
function isPort(host: string, colon: number): boolean {
  if (host.charCodeAt(colon) !== 0x3a) return false;
  let port = 0;
  for (let i = colon + 1; i < host.length; i++) {
    const digit = host.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return false;
    port = port * 10 + digit;
    if (port > 65535) return false;
  }
  return true;
}

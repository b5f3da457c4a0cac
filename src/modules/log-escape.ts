/** How access logs write values with awkward bytes (ngx_http_log_escape, ngx_escape_json). */

export type LogEscape = "default" | "json" | "none";

const HEX = "0123456789ABCDEF";

/** Quotes, backslashes, control bytes and everything above 0x7e as `\xHH`. Hot: plain values come back as they are. */
export function escapeLogValue(value: string): string {
  for (let i = 0; i < value.length; i++) {
    if (needsEscape(value.charCodeAt(i))) return escaped(value, i);
  }
  return value;
}

function needsEscape(c: number): boolean {
  return c < 0x20 || c > 0x7e || c === 0x22 || c === 0x5c;
}

function escaped(value: string, first: number): string {
  let out = value.slice(0, first);
  for (let i = first; i < value.length; i++) {
    const c = value.charCodeAt(i);
    out += needsEscape(c) ? `\\x${HEX.charAt(c >> 4)}${HEX.charAt(c & 15)}` : value.charAt(i);
  }
  return out;
}

const JSON_LETTERS: ReadonlyMap<number, string> = new Map([
  [0x08, "\\b"],
  [0x09, "\\t"],
  [0x0a, "\\n"],
  [0x0c, "\\f"],
  [0x0d, "\\r"],
  [0x22, '\\"'],
  [0x5c, "\\\\"],
]);

/** As inside a JSON string; bytes above 0x7f stay as they are. */
export function escapeJsonValue(value: string): string {
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c < 0x20 || c === 0x22 || c === 0x5c) return escapedJson(value, i);
  }
  return value;
}

function escapedJson(value: string, first: number): string {
  let out = value.slice(0, first);
  for (let i = first; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c >= 0x20 && c !== 0x22 && c !== 0x5c) out += value.charAt(i);
    else out += JSON_LETTERS.get(c) ?? `\\u00${HEX.charAt(c >> 4)}${HEX.charAt(c & 15)}`;
  }
  return out;
}

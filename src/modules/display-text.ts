/** Text from clients and configurations, made ready to be shown: they may hold any byte. */

import { decoded } from "../net/utf8.ts";

/** Longer texts are cut: what is shown of single clients is bounded. */
const MAX_CHARS = 120;

/** Bytes (one per char) as text of at most 120 characters, and without control characters. */
export function displayText(bytes: string | undefined): string {
  if (bytes === undefined) return "";
  // A character is four bytes at most.
  const text = decoded(bytes.slice(0, 4 * MAX_CHARS)).replace(/\p{C}/gu, "\ufffd");
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS - 1)}\u2026` : text;
}

/** JSON as UTF-8, one byte per char. */
export function jsonBytes(value: unknown): string {
  return Buffer.from(JSON.stringify(value), "utf8").latin1Slice();
}

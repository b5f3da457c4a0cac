/** Text from clients and configurations, made ready to be shown: they may hold any byte. */

/** Longer texts are cut: what is shown of single clients is bounded. */
const MAX_CHARS = 120;

/** Bytes (one per char) read as UTF-8; what is none of it becomes U+FFFD. */
export function decoded(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** As `decoded`, at most 120 characters, and without control characters. */
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

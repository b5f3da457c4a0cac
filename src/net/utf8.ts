/** Strings of bytes, one per char, that are shown to readers of UTF-8. What is none of it becomes U+FFFD. */

const NON_ASCII = /[\x80-\xff]/;

/** The text that the bytes are. */
export function decoded(bytes: string): string {
  return NON_ASCII.test(bytes) ? Buffer.from(bytes, "latin1").toString("utf8") : bytes;
}

/** The same text, as bytes again. */
export function validUtf8(bytes: string): string {
  return NON_ASCII.test(bytes) ? Buffer.from(decoded(bytes), "utf8").latin1Slice() : bytes;
}

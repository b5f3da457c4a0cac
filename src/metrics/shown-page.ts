/**
 * A text that one process shows to others in shared memory. The writer raises a number before and after it writes: who
 * reads while that happens, or after a writer that died of it, sees nothing.
 */

const VERSION_AT = 0;
const LENGTH_AT = 1;
const HEADER_WORDS = 2;
const HEADER_BYTES = HEADER_WORDS * Int32Array.BYTES_PER_ELEMENT;

function header(page: Uint8Array): Int32Array {
  return new Int32Array(page.buffer, page.byteOffset, HEADER_WORDS);
}

/** Shows a text, one byte per char, in place of the one before. False where it is too long: then nothing is shown. */
export function showText(page: Uint8Array, text: string): boolean {
  const words = header(page);
  const fits = text.length <= page.length - HEADER_BYTES;
  // Made odd whatever it was: the process that had the page before may have died while it wrote.
  const version = Atomics.load(words, VERSION_AT) | 1;
  Atomics.store(words, VERSION_AT, version);
  words[LENGTH_AT] = fits ? text.length : 0;
  if (fits) Buffer.from(page.buffer, page.byteOffset + HEADER_BYTES, text.length).latin1Write(text);
  Atomics.store(words, VERSION_AT, version + 1);
  return fits;
}

/** What is shown; "" where there is nothing, or it is just being changed. */
export function shownText(page: Uint8Array): string {
  const words = header(page);
  const version = Atomics.load(words, VERSION_AT);
  const length = words[LENGTH_AT]!;
  if ((version & 1) !== 0 || length < 0 || length > page.length - HEADER_BYTES) return "";
  const text = Buffer.from(page.buffer, page.byteOffset + HEADER_BYTES, length).latin1Slice();
  return Atomics.load(words, VERSION_AT) === version ? text : "";
}

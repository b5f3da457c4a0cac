/** Methods that Bun's Buffer has (as Node's) and bun-types leaves out: bytes to and from strings of one char per byte. */
interface Buffer {
  /** buf[start..end) as a string; a native copy, several times faster than `toString("latin1")` for short ones. */
  latin1Slice(start?: number, end?: number): string;
  /** Writes the chars as bytes from `offset` on; returns how many were written. */
  latin1Write(text: string, offset?: number, length?: number): number;
}

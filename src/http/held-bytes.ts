/** The bytes of a message head that came so far, where it came in pieces. Holds nothing for a head in one piece. */

const NOTHING = Buffer.alloc(0);
const FIRST_BYTES = 512;

export class HeldBytes {
  /** Bytes held. */
  length = 0;
  private bytes = NOTHING;

  /** Frees what is held. */
  reset(): void {
    this.length = 0;
    this.bytes = NOTHING;
  }

  /** Copies chunk[from..end) behind what is held. */
  append(chunk: Buffer, from: number, end: number): void {
    const total = this.length + end - from;
    if (total > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, total, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    chunk.copy(this.bytes, this.length, from, end);
    this.length = total;
  }

  /** What is held, until the next `append`. */
  view(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  /** What is held and chunk[from..end) behind it, as one string. */
  textWith(chunk: Buffer, from: number, end: number): string {
    if (this.length === 0) return chunk.latin1Slice(from, end);
    return this.bytes.latin1Slice(0, this.length) + chunk.latin1Slice(from, end);
  }
}

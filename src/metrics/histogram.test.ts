import { describe, expect, test } from "bun:test";
import { counted } from "./counters.ts";
import { BUSY, type Histogram, LATENCY, LIFETIME, MESSAGE_SIZE, observe, observeSize, sumCell } from "./histogram.ts";

/** Cells that no other test counts in. */
const AT = 2000;

/** The place in which a value was counted. */
function placeOf(histogram: Histogram, observeAt: (at: number) => void): number {
  const cells = Array.from({ length: histogram.bounds.length + 1 }, (_, i) => AT + i);
  const before = cells.map(counted);
  observeAt(AT);
  return cells.findIndex((cell, i) => counted(cell) > before[i]!);
}

for (const histogram of [LATENCY, LIFETIME, MESSAGE_SIZE, BUSY]) {
  test(`bounds ${histogram.bounds.join(" ")}`, () => {
    const { bounds } = histogram;
    expect(bounds).toEqual([...bounds].sort((a, b) => a - b));
    for (const [i, bound] of bounds.entries()) {
      expect(placeOf(histogram, (at) => observe(at, histogram, bound))).toBe(i);
      expect(placeOf(histogram, (at) => observe(at, histogram, bound + 0.001))).toBe(i + 1);
    }
  });
}

describe("sizes of messages are sorted without a search as with one", () => {
  const bytes = [0, 1, 2, 63, 64, 65, 255, 256, 257, 1023, 1024, 1025, 65_535, 65_536, 65_537];
  for (const size of [...bytes, 2 ** 24 - 1, 2 ** 24, 2 ** 24 + 1, 2 ** 31, 2 ** 32 + 5, 2 ** 40]) {
    test(`${size}`, () => {
      const sum = counted(AT + sumCell(MESSAGE_SIZE));
      const searched = placeOf(MESSAGE_SIZE, (at) => observe(at, MESSAGE_SIZE, size));
      expect(placeOf(MESSAGE_SIZE, (at) => observeSize(at, size))).toBe(searched);
      expect(counted(AT + sumCell(MESSAGE_SIZE))).toBe(sum + 2 * size);
    });
  }
});

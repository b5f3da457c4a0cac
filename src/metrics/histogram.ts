/** Numbers sorted into sizes: how many were at most so large, and what they add up to. */
import { add, count } from "./counters.ts";

/**
 * The upper ends of the sizes, ascending; whatever is larger has a last one of its own. In memory: the number of values
 * of each size, then their sum.
 */
export interface Histogram {
  readonly bounds: readonly number[];
  /** Of a bound, for people: ms are told as seconds. */
  readonly unit: "seconds" | "bytes";
}

/** How many cells a histogram takes. */
export function histogramCells({ bounds }: Histogram): number {
  return bounds.length + 2;
}

/** Where the sum is, counted from the histogram's first cell. */
export function sumCell({ bounds }: Histogram): number {
  return bounds.length + 1;
}

/** Counts a value. Most are small, so that the search is short. */
export function observe(at: number, { bounds }: Histogram, value: number): void {
  let i = 0;
  while (i < bounds.length && value > bounds[i]!) i++;
  count(at + i);
  add(at + bounds.length + 1, value);
}

/** Times of answers, in ms. */
export const LATENCY: Histogram = {
  bounds: [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000],
  unit: "seconds",
};

/** Lives of tunnels, in ms. Many end at 60 s, cut by a read timeout: those have a size to themselves. */
export const LIFETIME: Histogram = {
  bounds: [1, 5, 15, 30, 59, 61, 120, 300, 900, 3600, 14_400, 86_400].map((seconds) => seconds * 1000),
  unit: "seconds",
};

/** How long the event loop is busy at a time, in ms. */
export const BUSY: Histogram = { bounds: [2, 5, 10, 25, 50, 100, 250, 500, 1000], unit: "seconds" };

const LEAST_SIZE_BITS = 6;
const MOST_SIZE_BITS = 24;

/** Sizes of messages: 64 bytes to 16 MiB, in steps of four. */
export const MESSAGE_SIZE: Histogram = {
  bounds: Array.from({ length: (MOST_SIZE_BITS - LEAST_SIZE_BITS) / 2 + 1 }, (_, i) => 2 ** (LEAST_SIZE_BITS + 2 * i)),
  unit: "bytes",
};

/** As `observe` with MESSAGE_SIZE, without a search. Hot: once per message. */
export function observeSize(at: number, bytes: number): void {
  let i = MESSAGE_SIZE_BOUNDS;
  if (bytes <= 2 ** MOST_SIZE_BITS) {
    const bits = bytes <= 2 ** LEAST_SIZE_BITS ? LEAST_SIZE_BITS : 32 - Math.clz32(bytes - 1);
    i = (bits + 1 - LEAST_SIZE_BITS) >> 1;
  }
  count(at + i);
  add(at + MESSAGE_SIZE_BOUNDS + 1, bytes);
}

const MESSAGE_SIZE_BOUNDS = MESSAGE_SIZE.bounds.length;

import { describe, expect, test } from "bun:test";
import { parseRanges, type WantedRanges } from "./range.ts";

const MANY = Number.MAX_SAFE_INTEGER;

describe("Range fields for a body of 100 bytes", () => {
  const cases: [field: string, expected: WantedRanges | [number, number][], why: string][] = [
    ["bytes=0-0", [[0, 1]], "one byte"],
    ["bytes=10-", [[10, 100]], "from a position on"],
    ["bytes=-10", [[90, 100]], "the last bytes"],
    ["bytes=-200", [[0, 100]], "more than there are"],
    ["bytes=90-1000", [[90, 100]], "an end beyond the body"],
    [
      "bytes= 1 - 2 , 4-5 ",
      [
        [1, 3],
        [4, 6],
      ],
      "blanks where nginx skips them",
    ],
    ["bytes=1-2,200-300", [[1, 3]], "one range beyond the body is left out"],
    ["bytes=100-", "unsatisfiable", "begins behind the end"],
    ["bytes=200-300,400-", "unsatisfiable", "all ranges are beyond the body"],
    ["bytes=5-4", "unsatisfiable", "ends before it begins"],
    ["bytes=a-b", "unsatisfiable", "no numbers"],
    ["bytes=1", "unsatisfiable", "no dash"],
    ["bytes=-", "unsatisfiable", "neither start nor end"],
    ["bytes=- 5", "unsatisfiable", "a blank before a suffix"],
    ["bytes=1-2,", "unsatisfiable", "nothing after the comma"],
    ["bytes=1-2x", "unsatisfiable", "something after the end"],
    ["bytes=9223372036854775808-", "unsatisfiable", "larger than a file can be"],
    ["bytes=0-9223372036854775807", [[0, 100]], "the largest number"],
    ["bytes=00000000000000000000001-2", [[1, 3]], "leading zeros"],
    ["bytes=-0", "unsatisfiable", "the last zero bytes"],
    ["bytes=0-99,0-99", "ignore", "more bytes than the body has"],
    [
      "bytes=0-49,50-99",
      [
        [0, 50],
        [50, 100],
      ],
      "all of it in two parts",
    ],
  ];
  for (const [field, expected, why] of cases) {
    test(`${field}: ${why}`, () => {
      const wanted = typeof expected === "string" ? expected : expected.map(pair);
      expect(parseRanges(field, 100, MANY)).toEqual(wanted);
    });
  }
});

function pair(range: { start: number; end: number } | [number, number]): { start: number; end: number } {
  return Array.isArray(range) ? { start: range[0], end: range[1] } : range;
}

test("an empty body has no ranges: suffixes are ignored, positions refused", () => {
  expect(parseRanges("bytes=-5", 0, MANY)).toBe("ignore");
  expect(parseRanges("bytes=0-", 0, MANY)).toBe("ignore");
  expect(parseRanges("bytes=1-", 0, MANY)).toBe("unsatisfiable");
});

test("more than max_ranges are ignored", () => {
  expect(parseRanges("bytes=0-1,2-3", 100, 1)).toBe("ignore");
  expect(parseRanges("bytes=0-1", 100, 1)).toEqual([{ start: 0, end: 2 }]);
});

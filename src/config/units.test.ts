import { describe, expect, test } from "bun:test";
import { parseInteger, parseOffset, parseSeconds, parseSize, parseTime } from "./units.ts";

const HOUR = 3_600_000;

const CASES: readonly [parse: (text: string) => number | undefined, text: string, expected: number | undefined][] = [
  [parseInteger, "0", 0],
  [parseInteger, "0042", 42],
  [parseInteger, "", undefined],
  [parseInteger, "-1", undefined],
  [parseInteger, "1x", undefined],
  [parseInteger, "1\n", undefined],
  [parseInteger, "9223372036854775808000", undefined],
  [parseSize, "4096", 4096],
  [parseSize, "8k", 8192],
  [parseSize, "8K", 8192],
  [parseSize, "1m", 1_048_576],
  [parseSize, "1g", undefined],
  [parseSize, "k", undefined],
  [parseSize, "", undefined],
  [parseSize, "9223372036854775807k", undefined],
  [parseOffset, "2G", 2_147_483_648],
  [parseOffset, "0", 0],
  [parseTime, "0", 0],
  [parseTime, "60", 60_000],
  [parseTime, "60s", 60_000],
  [parseTime, "250ms", 250],
  [parseTime, "1m30s", 90_000],
  [parseTime, "1m 30s", 90_000],
  [parseTime, "1m30", 90_000],
  [parseTime, "1w1d1h", (8 * 24 + 1) * HOUR],
  [parseTime, "1s1ms", 1001],
  [parseTime, "5 ", 5000],
  [parseTime, "1M", undefined],
  [parseTime, "1y", undefined],
  [parseTime, "1s1m", undefined],
  [parseTime, "1ms1ms", undefined],
  [parseTime, "", undefined],
  [parseTime, "m", undefined],
  [parseTime, "1x", undefined],
  [parseTime, "-1", undefined],
  [parseSeconds, "1M", 2_592_000],
  [parseSeconds, "1y1M", 34_128_000],
  [parseSeconds, "1ms", undefined],
  [parseSeconds, "90", 90],
];

describe("units", () => {
  for (const [parse, text, expected] of CASES) {
    test(`${parse.name}("${text}")`, () => expect(parse(text)).toBe(expected));
  }
});

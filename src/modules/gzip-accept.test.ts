import { expect, test } from "bun:test";
import { acceptsGzip } from "./gzip-accept.ts";

const rows: readonly (readonly [field: string, accepted: boolean])[] = [
  ["gzip", true],
  ["GZip", true],
  ["gzip,", true],
  ["deflate, gzip, br", true],
  ["br;q=1.0, gzip;q=0.8, *;q=0.1", true],
  ["gzip;q=0.001", true],
  ["gzip ; q=1.000", true],
  ["gzip;", true],
  ["", false],
  ["gzi", false],
  ["*", false],
  ["x-gzip", false],
  ["gzipped", false],
  ["gzip;q=0", false],
  ["gzip;q=0.000", false],
  ["gzip;q=0.0001", false],
  ["gzip;q=1.1", false],
  ["gzip;q=2", false],
  ["gzip;q", false],
  ["gzip;level=1", false],
  // The first mention counts.
  ["gzip;q=0, gzip", false],
  // As nginx: after a word that only contains it, the next place counts as a start.
  ["xgzipgzip", true],
];

for (const [field, accepted] of rows) {
  test(`Accept-Encoding: ${field} is ${accepted ? "taken" : "not taken"}`, () => {
    expect(acceptsGzip(field)).toBe(accepted);
  });
}

import { expect, test } from "bun:test";
import { murmurHash2 } from "./split-clients.ts";

// Known values of MurmurHash2 with seed 0.
const rows: readonly (readonly [string, number])[] = [
  ["", 0],
  ["a", 0x92685f5e],
  ["aa", 0x175d9226],
  ["aaa", 0x225648c5],
  ["aaaa", 0x993ec4ec],
  ["\xff\xfe\xfd\xfc\xfb", 0xfae45ebc],
];
for (const [text, hash] of rows) test(`murmurHash2 of "${text}"`, () => expect(murmurHash2(text)).toBe(hash));

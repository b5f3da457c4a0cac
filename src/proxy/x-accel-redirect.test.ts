import { describe, expect, test } from "bun:test";
import { parseUnsafeUri } from "./x-accel-redirect.ts";

describe("parseUnsafeUri", () => {
  const cases: readonly (readonly [text: string, expected: string | undefined])[] = [
    ["/a/b", "/a/b -"],
    ["/a%20b?c=%20", "/a b c=%20"],
    ["/a?", "/a "],
    ["a/b", "a/b -"],
    ["/..a/b..", "/..a/b.. -"],
    ["", undefined],
    ["?x", undefined],
    ["..", undefined],
    ["../x", undefined],
    ["/a/../b", undefined],
    ["/a/..", undefined],
    ["/a/%2e%2e/b", undefined],
    ["/a%00", undefined],
  ];
  for (const [text, expected] of cases) {
    test(text, () => {
      const parsed = parseUnsafeUri(text);
      expect(parsed.unsafe ? undefined : `${parsed.uri} ${parsed.args ?? "-"}`).toBe(expected);
    });
  }
});

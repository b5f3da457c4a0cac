import { describe, expect, test } from "bun:test";
import { type Expires, parseExpires } from "./expires.ts";

describe("expires", () => {
  const cases: [value: string, modified: boolean, expected: Expires | string][] = [
    ["off", false, { kind: "off" }],
    ["epoch", false, { kind: "epoch" }],
    ["max", false, { kind: "max" }],
    ["24h", false, { kind: "access", seconds: 86_400 }],
    ["+1d", false, { kind: "access", seconds: 86_400 }],
    ["-1", false, { kind: "access", seconds: -1 }],
    ["0", false, { kind: "access", seconds: 0 }],
    ["1y", false, { kind: "access", seconds: 31_536_000 }],
    ["+24h", true, { kind: "modified", seconds: 86_400 }],
    ["@15h30m", false, { kind: "daily", seconds: 55_800 }],
    ["@24h", false, { kind: "daily", seconds: 86_400 }],
    ["@25h", false, "daily time value must be less than 24 hours"],
    ["@1h", true, 'daily time cannot be used with "modified" parameter'],
    ["epoch", true, "invalid value"],
    ["", false, "invalid value"],
    ["1x", false, "invalid value"],
    ["10ms", false, "invalid value"],
  ];
  for (const [value, modified, expected] of cases) {
    test(`${modified ? "modified " : ""}${value}`, () => expect(parseExpires(value, modified)).toEqual(expected));
  }
});

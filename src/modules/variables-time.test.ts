import { describe, expect, test } from "bun:test";
import { secondsText } from "./variables-time.ts";

const times: readonly (readonly [ms: number, text: string])[] = [
  [0, "0.000"],
  [-5, "0.000"],
  [7.9, "0.007"],
  [42, "0.042"],
  [999.99, "0.999"],
  [1000, "1.000"],
  [1_795_000_000_123, "1795000000.123"],
];

describe("secondsText", () => {
  for (const [ms, text] of times) test(text, () => expect(secondsText(ms)).toBe(text));
});

import { expect, test } from "bun:test";
import { printable, printableBytes } from "./printable.ts";

const CASES: readonly [text: string, wanted: string][] = [
  ["plain \u00e4\u20ac", "plain \u00e4\u20ac"],
  ["a\u001b[2Jb", "a\\x1b[2Jb"],
  ["a\u009bb\u007f\r", "a\\x9bb\\x7f\\x0d"],
  ["a\tb\nc", "a\tb\nc"],
];

for (const [text, wanted] of CASES) test(JSON.stringify(text), () => expect(printable(text)).toBe(wanted));

test("bytes of UTF-8", () => {
  const bytes = Buffer.from("\u2014 \u001b", "utf8").latin1Slice();
  expect(Buffer.from(printableBytes(bytes), "latin1").toString()).toBe("\u2014 \\x1b");
});

import { expect, test } from "bun:test";
import { decoded, validUtf8 } from "./utf8.ts";

const REPLACED = "\xef\xbf\xbd";

test.each([
  ["", "", ""],
  ["plain", "plain", "plain"],
  ["gr\xc3\xbc\xc3\x9fe", "gr\u00fc\u00dfe", "gr\xc3\xbc\xc3\x9fe"],
  ["\xf0\x9f\x99\x82", "\u{1f642}", "\xf0\x9f\x99\x82"],
  ["a\xff\xfeb", "a\ufffd\ufffdb", `a${REPLACED}${REPLACED}b`],
  ["cut\xc3", "cut\ufffd", `cut${REPLACED}`],
  // Surrogates, and a slash in two bytes.
  ["\xed\xa0\x80", "\ufffd\ufffd\ufffd", REPLACED.repeat(3)],
  ["\xc0\xaf", "\ufffd\ufffd", REPLACED.repeat(2)],
])("%j", (bytes, text, valid) => {
  expect(decoded(bytes)).toBe(text);
  expect(validUtf8(bytes)).toBe(valid);
});

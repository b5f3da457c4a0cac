import { describe, expect, test } from "bun:test";
import { escapeJsonValue, escapeLogValue } from "./log-escape.ts";

describe("escapes of log values", () => {
  const cases: [value: string, plain: string, json: string][] = [
    ["", "", ""],
    ["GET / HTTP/1.1", "GET / HTTP/1.1", "GET / HTTP/1.1"],
    ['a"b\\c', "a\\x22b\\x5Cc", 'a\\"b\\\\c'],
    ["\0\t\n\r\b\f\x1f", "\\x00\\x09\\x0A\\x0D\\x08\\x0C\\x1F", "\\u0000\\t\\n\\r\\b\\f\\u001F"],
    ["~\x7f\x80\xff", "~\\x7F\\x80\\xFF", "~\x7f\x80\xff"],
  ];
  for (const [value, plain, json] of cases) {
    test(JSON.stringify(value), () => {
      expect(escapeLogValue(value)).toBe(plain);
      expect(escapeJsonValue(value)).toBe(json);
    });
  }
});

import { describe, expect, test } from "bun:test";
import { argumentValue, cookieValue } from "./variables-headers.ts";

type Row = readonly [text: string, name: string, value: string | undefined];

const cookies: readonly Row[] = [
  ["a=1; b=2", "b", "2"],
  ["A=1", "a", "1"],
  ["a = 1 ;b=2", "a", "1 "],
  ["ab=1; a=2", "a", "2"],
  ["xa=1", "a", undefined],
  ["x=1,a=2", "a", "2"],
  ["a=1,2;b=3", "a", "1,2"],
  ["a=", "a", ""],
  ["a", "a", undefined],
  ["a;a=1", "a", undefined],
  ["a; b=1; a=2", "a", "2"],
  ["", "a", undefined],
];

describe("cookieValue", () => {
  for (const [text, name, value] of cookies) {
    test(`${name} of "${text}"`, () => expect(cookieValue(text, name)).toBe(value));
  }
});

const args: readonly Row[] = [
  ["a=1&b=2", "b", "2"],
  ["A=1", "a", "1"],
  ["xa=1&a=2", "a", "2"],
  ["a&a=2", "a", "2"],
  ["a=1&a=2", "a", "1"],
  ["a=", "a", ""],
  ["a", "a", undefined],
  ["ab=1", "a", undefined],
  ["&&a=1&", "a", "1"],
  ["b=a=1", "a", undefined],
  ["", "a", undefined],
];

describe("argumentValue", () => {
  for (const [text, name, value] of args) {
    test(`${name} of "${text}"`, () => expect(argumentValue(text, name)).toBe(value));
  }
});

import { describe, expect, test } from "bun:test";
import { listsEtag } from "./not-modified.ts";

describe("entity tags in conditions", () => {
  const cases: [list: string, etag: string | undefined, weak: boolean, expected: boolean][] = [
    ["*", undefined, false, true],
    ['"a"', undefined, true, false],
    ['"a"', '"a"', false, true],
    ['"b", "a"', '"a"', false, true],
    ['"b" ,\t"a" , "c"', '"a"', false, true],
    ['"ab"', '"a"', false, false],
    ['"a"x', '"a"', false, false],
    ['W/"a"', '"a"', false, false],
    ['W/"a"', '"a"', true, true],
    ['"a"', 'W/"a"', true, true],
    ['"a"', 'W/"a"', false, false],
    ['W/"a"', 'W/"a"', false, true],
    ['W/"b",W/"a"', '"a"', true, true],
    ["", '"a"', true, false],
    ['*, "a"', '"a"', true, true],
    ["**", '"a"', true, false],
  ];
  for (const [list, etag, weak, expected] of cases) {
    test(`${list} names ${etag}${weak ? ", weakly" : ""}: ${expected}`, () => {
      expect(listsEtag(list, etag, weak)).toBe(expected);
    });
  }
});

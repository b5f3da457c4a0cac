import { expect, test } from "bun:test";
import { shownText, showText } from "./shown-page.ts";

const page = (bytes = 64): Uint8Array => new Uint8Array(new ArrayBuffer(bytes));

test("what is shown is seen, and replaced", () => {
  const shown = page();
  expect(shownText(shown)).toBe("");
  for (const text of ["one", "", "\xe9\x00\xff", "x".repeat(56)]) {
    expect(showText(shown, text)).toBe(true);
    expect(shownText(shown)).toBe(text);
  }
});

test("what does not fit is not shown", () => {
  const shown = page();
  showText(shown, "before");
  expect(showText(shown, "x".repeat(57))).toBe(false);
  expect(shownText(shown)).toBe("");
});

test("a writer that died of it is not believed, until another writes", () => {
  const shown = page();
  showText(shown, "before");
  new Int32Array(shown.buffer)[0]! |= 1;
  expect(shownText(shown)).toBe("");
  showText(shown, "after");
  expect(shownText(shown)).toBe("after");
});

test("a length that cannot be is not believed", () => {
  const shown = page();
  for (const length of [-1, 57, 2 ** 31 - 1]) {
    new Int32Array(shown.buffer)[1] = length;
    expect(shownText(shown)).toBe("");
  }
});

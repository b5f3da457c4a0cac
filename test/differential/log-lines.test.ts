import { expect, test } from "bun:test";
import { linesOfCases } from "./log-lines.ts";

/** The two logs as they grow: text of the access log, of the error log, and marks where `"mark"` stands. */
function sorted(...written: readonly ("mark" | { access: string } | { errors: string })[]) {
  let access = "";
  let errors = "";
  const marks: { access: number; errors: number }[] = [];
  for (const step of written) {
    if (step === "mark") marks.push({ access: access.length, errors: errors.length });
    else if ("access" in step) access += step.access;
    else errors += step.errors;
  }
  return linesOfCases(access, errors, marks);
}

const said = (text: string): string => `2026/01/02 03:04:05 [info] 7#7: ${text}\n`;
const error = (text: string) => ({ errors: said(text) });

test("lines belong to the case during which they came", () => {
  expect(sorted("mark", { access: "*1: a\n" }, error("*1 a"), "mark", error("*2 b"), "mark")).toEqual([
    { access: "", errors: "" },
    { access: "a\n", errors: said("*1 a") },
    { access: "", errors: said("*2 b") },
  ]);
});

test("a late line belongs to the case whose connection it names", () => {
  const [, first, second] = sorted("mark", { access: "*1: a\n" }, "mark", error("*1 closed"), error("*3 b"), "mark");
  expect(first).toEqual({ access: "a\n", errors: said("*1 closed") });
  expect(second).toEqual({ access: "", errors: said("*3 b") });
});

test("a late line of the access log belongs to the case that the error log knows", () => {
  const [, first, second] = sorted("mark", error("*1 a"), "mark", { access: "*2: b\n*1: a\n" }, "mark");
  expect(first).toEqual({ access: "a\n", errors: said("*1 a") });
  expect(second).toEqual({ access: "b\n", errors: "" });
});

test("lines before the first and after the last case belong to none, unless a case's connection wrote them", () => {
  const [none, first] = sorted(error("started"), "mark", error("*1 a"), "mark", error("*1 cut"), error("stopped"));
  expect(none?.errors).toBe(said("started") + said("stopped"));
  expect(first?.errors).toBe(said("*1 a") + said("*1 cut"));
});

test("lines without a connection belong where they stand, and so does what goes on with a line", () => {
  const [, first, second] = sorted("mark", error("*1 a"), "mark", error("a\n  at b"), error("*1 c\n  at d"), "mark");
  expect(first?.errors).toBe(`${said("*1 a")}${said("*1 c\n  at d")}`);
  expect(second?.errors).toBe(said("a\n  at b"));
});

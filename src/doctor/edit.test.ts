import { describe, expect, test } from "bun:test";
import { memorySource } from "../config/memory-source.ts";
import { parseConfig } from "../config/parser.ts";
import type { Statement } from "../config/syntax.ts";
import { type Edit, editText } from "./edit.ts";

/** A change of the first statement of a name, anywhere in the text. */
type Change = (find: (name: string) => Statement) => Edit[];

function edited(text: string, change: Change): string {
  const { statements, spans } = parseConfig("/c", memorySource({ "/c": text }), "/");
  const all = (list: readonly Statement[]): Statement[] => list.flatMap((line) => [line, ...all(line.block ?? [])]);
  const find = (name: string): Statement => {
    const found = all(statements).find((statement) => statement.name === name);
    if (found === undefined) throw new Error(name);
    return found;
  };
  return editText(text, change(find), spans);
}

const after =
  (name: string, ...lines: readonly string[]): Change =>
  (find) => [{ kind: "after", statement: find(name), lines }];
const before =
  (name: string, ...lines: readonly string[]): Change =>
  (find) => [{ kind: "before", statement: find(name), lines }];
const open =
  (name: string, ...lines: readonly string[]): Change =>
  (find) => [{ kind: "open", statement: find(name), lines }];
const replace =
  (name: string, line: string): Change =>
  (find) => [{ kind: "replace", statement: find(name), line }];
const remove =
  (name: string): Change =>
  (find) => [{ kind: "remove", statement: find(name) }];

const CASES: readonly [what: string, text: string, change: Change, wanted: string][] = [
  ["after a line", "a {\n  b 1;\n  c;\n}\n", after("b", "x;", "y;"), "a {\n  b 1;\n  x;\n  y;\n  c;\n}\n"],
  ["after a line with a comment", "a {\n  b; # why\n}\n", after("b", "x;"), "a {\n  b; # why\n  x;\n}\n"],
  ["after the last line without its end", "b;", after("b", "x;"), "b;\nx;"],
  ["with tabs", "a {\n\tb;\n}\n", after("b", "x;"), "a {\n\tb;\n\tx;\n}\n"],
  ["with CRLF", "a {\r\n  b;\r\n}\r\n", after("b", "x;"), "a {\r\n  b;\r\n  x;\r\n}\r\n"],
  ["in a block of one line", "a { b; c; }\n", after("b", "x;", "y;"), "a { b; x; y; c; }\n"],
  ["after a block", "a {\n  b;\n}\nc;\n", after("a", "x;"), "a {\n  b;\n}\nx;\nc;\n"],
  [
    "before a block, with a block",
    "h {\n    a {\n    }\n}\n",
    before("a", "m {", "  x;", "}", ""),
    "h {\n    m {\n        x;\n    }\n\n    a {\n    }\n}\n",
  ],
  [
    "before the comments of a line",
    "h {\n  z;\n  # about a\n  # and more\n  a;\n}\n",
    before("a", "x;"),
    "h {\n  z;\n  x;\n  # about a\n  # and more\n  a;\n}\n",
  ],
  ["before a line of others", "h { a; }\n", before("a", "x;"), "h { \nx;\na; }\n"],
  ["first in a block", "a {\n    b;\n}\n", open("a", "x;"), "a {\n    x;\n    b;\n}\n"],
  ["first in a block of one line", "a { b; }\n", open("a", "x;"), "a { x; b; }\n"],
  ["first in an empty block", "a {\n}\n", open("a", "x;"), "a {\n    x;\n}\n"],
  ["in place of a line", 'a {\n  b "1"\n    2; # why\n}\n', replace("b", "b 3;"), "a {\n  b 3; # why\n}\n"],
  [
    "in place of a block's head",
    "location /x { # why\n  b;\n}\n",
    replace("location", "location ^~ /x {"),
    "location ^~ /x { # why\n  b;\n}\n",
  ],
  ["a line taken away", "a {\n  b;\n  c;\n}\n", remove("b"), "a {\n  c;\n}\n"],
  ["a line with a comment taken away", "a {\n  b; # why\n  c;\n}\n", remove("b"), "a {\n  # why\n  c;\n}\n"],
  ["a statement among others taken away", "a { b; c; }\n", remove("b"), "a { c; }\n"],
  ["a block taken away", "a {\n  b {\n    c;\n  }\n  d;\n}\n", remove("b"), "a {\n  d;\n}\n"],
  [
    "several at once",
    "a {\n  b;\n  c;\n}\n",
    (find) => [
      { kind: "after", statement: find("b"), lines: ["x;"] },
      { kind: "replace", statement: find("b"), line: "B;" },
      { kind: "after", statement: find("b"), lines: ["y;"] },
      { kind: "remove", statement: find("c") },
    ],
    "a {\n  B;\n  x;\n  y;\n}\n",
  ],
];

describe("changes of a configuration", () => {
  for (const [what, text, change, wanted] of CASES) {
    test(what, () => expect(edited(text, change)).toBe(wanted));
  }
});

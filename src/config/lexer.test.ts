import { describe, expect, test } from "bun:test";
import { Lexer } from "./lexer.ts";

/** All statements of a text as `word|word ending`, and the error with its line. */
function lex(text: string, isFile = true): string[] {
  const lexer = new Lexer(text, isFile);
  const out: string[] = [];
  for (;;) {
    const ending = lexer.next();
    if (ending === "end") return out;
    if (ending === "fault") return [...out, `${lexer.fault} @${lexer.line}`];
    out.push([...lexer.words, ending].join("|"));
  }
}

const WORDS: readonly [name: string, text: string, expected: string[]][] = [
  ["nothing", "", []],
  ["only space and a comment", " \t\r\n# a ; { }\n", []],
  ["a simple directive", "daemon off;", ["daemon|off|simple"]],
  ["a block", "http { }", ["http|block", "close"]],
  ["no space around braces", "events{}http{}", ["events|block", "close", "http|block", "close"]],
  ["words over several lines", "a\n  b # c\n  d;", ["a|b|d|simple"]],
  ["a sharp inside a word is no comment", "a b#c;", ["a|b#c|simple"]],
  ["double quotes", 'a "b ; { } # c" d;', ["a|b ; { } # c|d|simple"]],
  ["single quotes keep double ones", `a 'b "c" d';`, ['a|b "c" d|simple']],
  ["quotes inside a word are ordinary", `a b"c'd;`, [`a|b"c'd|simple`]],
  ["an empty word", "a \"\" '';", ["a|||simple"]],
  ["escaped quotes and backslash", String.raw`a "\"\'\\";`, [String.raw`a|"'\|simple`]],
  ["escaped control characters", String.raw`a \t\r\n;`, ["a|\t\r\n|simple"]],
  ["other backslashes stay", String.raw`a \.\d\ b;`, [String.raw`a|\.\d\ b|simple`]],
  ["an escaped semicolon", String.raw`a b\;c;`, [String.raw`a|b\;c|simple`]],
  ["a brace after a dollar belongs to the word", "a ${b}c $d{ }", ["a|${b}c|$d|block", "close"]],
  ["a closing brace inside a word", "a b};", ["a|b}|simple"]],
  ["an opening brace ends a word", "location /a{", ["location|/a|block"]],
  [
    "a regex quantifier ends the word",
    String.raw`location ~ ^/\d{3}$ {`,
    [String.raw`location|~|^/\d|block`, "3}$|block"],
  ],
  ["a parenthesis after a quote", 'if ($a = "b") {', ["if|($a|=|b|)|block"]],
  ["high bytes", "a \xff\x80;", ["a|\xff\x80|simple"]],
];

const FAULTS: readonly [name: string, text: string, expected: string[]][] = [
  ["a semicolon alone", "a;\n;", ["a|simple", 'unexpected ";" @2']],
  ["an opening brace alone", "\n{", ['unexpected "{" @2']],
  ["a closing brace after words", "a b }", ['unexpected "}" @1']],
  ["something after a quote", 'a "b"c;', ['unexpected "c" @1']],
  ["a closing brace after a quote", 'a "b"}', ['unexpected "}" @1']],
  ["the end inside a directive", "a b\n", ['unexpected end of file, expecting ";" or "}" @2']],
  ["the end inside a word", "a b", ['unexpected end of file, expecting ";" or "}" @1']],
  ["the end inside quotes", 'a "b;\n\n', ['unexpected end of file, expecting ";" or "}" @3']],
  ["a word that is too long", `a\n${"x".repeat(5000)};`, ['too long parameter "xxxxxxxxxx..." started @2']],
  [
    "a quote that is too long",
    `a\n"${"x\n".repeat(5000)}";`,
    ['too long parameter, probably missing terminating """ character @2'],
  ],
];

describe("words", () => {
  for (const [name, text, expected] of WORDS) test(name, () => expect(lex(text)).toEqual(expected));
});

describe("faults", () => {
  for (const [name, text, expected] of FAULTS) test(name, () => expect(lex(text)).toEqual(expected));
  test("the end of -g inside a directive", () =>
    expect(lex("daemon off", false)).toEqual(['unexpected end of parameter, expecting ";" @1']));
  test("a word of 4095 characters is taken", () =>
    expect(lex(`a ${"x".repeat(4095)};`)).toEqual([`a|${"x".repeat(4095)}|simple`]));
});

test("lines of the start and the end of a directive", () => {
  const lexer = new Lexer("\n# c\na\n b\n ;c;", true);
  lexer.next();
  expect([lexer.startLine, lexer.line]).toEqual([3, 5]);
  lexer.next();
  expect([lexer.startLine, lexer.line]).toEqual([5, 5]);
});

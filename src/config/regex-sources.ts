/** What PCRE's assertions and special escapes are in JavaScript's language, without flags. */
import { bytesOf, complement, setSource } from "./character-set.ts";

export const START = "^";
/** JavaScriptCore backtracks into a lookahead that holds `^` (Bun 1.4.5), so inside groups it is spelled differently. */
export const START_IN_GROUP = "(?<![^])";
/** The very end: `$` without flags is just that in JavaScript. */
const END = "$";
export const END_OR_FINAL_NEWLINE = "(?=\\n?$)";
/** `^` under `(?m)`: not after a newline that ends the subject. */
export const LINE_START = "(?:(?<![^])|(?<=\\n)(?!$))";
export const LINE_END = "(?=\\n|$)";
export const ANY_BYTE = "[^]";
export const NOT_NEWLINE = setSource(complement(bytesOf("\n")));
/** `\R` takes CR LF as a whole or not at all. */
const ANY_NEWLINE = "(?:\\r\\n|[\\n\\x0b\\f\\x85]|\\r(?!\\n))";

/** Escapes that match no character, by letter. */
export const ASSERTION_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["b", "\\b"],
  ["B", "\\B"],
  ["z", END],
  ["Z", END_OR_FINAL_NEWLINE],
]);

/** Escapes that match characters, by letter. */
export const ATOM_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["C", ANY_BYTE],
  ["N", NOT_NEWLINE],
  ["R", ANY_NEWLINE],
]);

/** Perl's words for the bounds of words, without their first bracket. */
export const WORD_BOUNDS: ReadonlyMap<string, string> = new Map([
  ["[:<:]]", "\\b(?=\\w)"],
  ["[:>:]]", "\\b(?<=\\w)"],
]);

/** The spelled-out forms of groups, `(*pla:` and its like, and what stands after `(?` for the same. */
export const ALPHABETIC_GROUPS: ReadonlyMap<string, string> = new Map([
  ["atomic", ">"],
  ["pla", "="],
  ["positive_lookahead", "="],
  ["nla", "!"],
  ["negative_lookahead", "!"],
  ["plb", "<="],
  ["positive_lookbehind", "<="],
  ["nlb", "<!"],
  ["negative_lookbehind", "<!"],
]);

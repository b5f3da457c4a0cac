/** PCRE's options inside patterns: `(?i)`, `(?i-s:...)`, `(?^)`. */
import { ERROR } from "./regex-errors.ts";
import { RegexFault } from "./regex-fault.ts";

/** What holds until the end of the group in which it was switched. */
export interface RegexOptions {
  caseless: boolean;
  dotAll: boolean;
  multiLine: boolean;
  extended: boolean;
  extendedMore: boolean;
  ungreedy: boolean;
  duplicateNames: boolean;
  noAutoCapture: boolean;
}

/** The options at the start of a pattern. */
export function initialOptions(caseless: boolean): RegexOptions {
  return {
    caseless,
    dotAll: false,
    multiLine: false,
    extended: false,
    extendedMore: false,
    ungreedy: false,
    duplicateNames: false,
    noAutoCapture: false,
  };
}

type Letter = "i" | "m" | "s" | "x" | "n" | "U" | "J";

const FIELD_BY_LETTER: Readonly<Record<Letter, keyof RegexOptions>> = {
  i: "caseless",
  m: "multiLine",
  s: "dotAll",
  x: "extended",
  n: "noAutoCapture",
  U: "ungreedy",
  J: "duplicateNames",
};
/** What `(?^` switches off. */
const RESET = ["i", "m", "s", "x", "n"] as const;

function isLetter(ch: string): ch is Letter {
  return ch in FIELD_BY_LETTER;
}

/**
 * Reads the letters after `(?` and switches `options`. Returns the index after the closing `)` or `:`, and which of the
 * two it was. Throws a RegexFault.
 */
export function readOptions(
  pattern: string,
  start: number,
  options: RegexOptions,
): { readonly end: number; readonly opensGroup: boolean } {
  let position = start;
  let on = true;
  if (pattern.charAt(position) === "^") {
    position++;
    for (const letter of RESET) options[FIELD_BY_LETTER[letter]] = false;
    options.extendedMore = false;
  }
  for (;;) {
    const ch = pattern.charAt(position++);
    if (ch === "") throw new RegexFault(ERROR.unclosed, pattern.length);
    if (ch === ")" || ch === ":") return { end: position, opensGroup: ch === ":" };
    if (ch === "-" && on) {
      on = false;
      continue;
    }
    if (!isLetter(ch)) throw new RegexFault(ch === "-" ? ERROR.badHyphen : ERROR.unknownGroup, position - 1);
    options[FIELD_BY_LETTER[ch]] = on;
    if (ch === "x") {
      const twice = pattern.charAt(position) === "x";
      options.extendedMore = on && twice;
      if (twice) position++;
    }
  }
}

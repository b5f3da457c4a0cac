/** PCRE's escapes that stand for one byte: `\n`, `\x41`, `\101`, `\.` */
import { ERROR } from "./regex-errors.ts";

/** A byte and the index after its escape, or the reason why there is none. */
export interface EscapedByte {
  readonly byte: number;
  readonly end: number;
  readonly reason: string | undefined;
}

const CONTROLS: ReadonlyMap<string, number> = new Map([
  ["a", 7],
  ["e", 27],
  ["f", 12],
  ["n", 10],
  ["r", 13],
  ["t", 9],
]);
const UNSUPPORTED = "FLlUu";

/** Reads the escape whose character after the backslash is at `position`. */
export function readEscapedByte(pattern: string, position: number): EscapedByte {
  const ch = pattern.charAt(position);
  const next = position + 1;
  const control = CONTROLS.get(ch);
  if (control !== undefined) return good(control, next);
  if (ch === "x") return hexEscape(pattern, next);
  if (ch === "o") return octalEscape(pattern, next);
  if (ch === "c") return controlEscape(pattern, next);
  const octal = /^(?:0[0-7]{0,2}|[1-7][0-7]{0,2})/.exec(pattern.slice(position))?.[0];
  if (octal !== undefined) {
    const value = Number.parseInt(octal, 8);
    const end = position + octal.length;
    return value > 255 ? bad("octal value is greater than \\377 in 8-bit non-UTF-8 mode", end) : good(value, end);
  }
  // PCRE takes \8 and \9, where they are no references, for the digit.
  if (ch === "8" || ch === "9") return good(ch.charCodeAt(0), next);
  if (UNSUPPORTED.includes(ch)) return bad(ERROR.unsupportedEscape, next);
  if (/[A-Za-z]/.test(ch)) return bad(ERROR.unknownEscape, position);
  return good(ch.charCodeAt(0), next);
}

function hexEscape(pattern: string, start: number): EscapedByte {
  const rest = pattern.slice(start);
  const braced = /^\{([0-9A-Fa-f]+)\}/.exec(rest);
  if (braced !== null) return limited(Number.parseInt(braced[1] ?? "", 16), start + braced[0].length);
  if (rest.startsWith("{")) {
    const digits = /^\{[0-9A-Fa-f]*/.exec(rest)?.[0].length ?? 0;
    return badDigits(ERROR.badHex, start + digits, pattern);
  }
  const digits = /^[0-9A-Fa-f]{0,2}/.exec(rest)?.[0] ?? "";
  return good(digits === "" ? 0 : Number.parseInt(digits, 16), start + digits.length);
}

function octalEscape(pattern: string, start: number): EscapedByte {
  const rest = pattern.slice(start);
  if (!rest.startsWith("{")) return bad(ERROR.octalWithoutBrace, start);
  const braced = /^\{([0-7]+)\}/.exec(rest);
  if (braced !== null) return limited(Number.parseInt(braced[1] ?? "", 8), start + braced[0].length);
  const digits = /^\{[0-7]*/.exec(rest)?.[0].length ?? 0;
  return badDigits(ERROR.badOctal, start + digits, pattern);
}

function controlEscape(pattern: string, start: number): EscapedByte {
  const ch = pattern.charAt(start).toUpperCase();
  if (ch === "") return bad(ERROR.controlAtEnd, start);
  const code = ch.charCodeAt(0);
  return code < 32 || code > 126 ? bad(ERROR.controlNotPrintable, start) : good(code ^ 64, start + 1);
}

/** `at` is the first character that is no digit. */
function badDigits(reason: string, at: number, pattern: string): EscapedByte {
  const none = pattern.charAt(at - 1) === "{";
  if (none && (at === pattern.length || pattern.charAt(at) === "}")) return bad(ERROR.digitsMissing, at);
  return bad(reason, Math.min(at, pattern.length - 1));
}

function limited(value: number, end: number): EscapedByte {
  return value > 255 ? bad(ERROR.codeTooLarge, end - 1) : good(value, end);
}

function good(byte: number, end: number): EscapedByte {
  return { byte, end, reason: undefined };
}

function bad(reason: string, end: number): EscapedByte {
  return { byte: 0, end, reason };
}

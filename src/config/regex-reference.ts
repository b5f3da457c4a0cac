/** PCRE's references to groups in patterns: `\1`, `\g{-1}`, `\k<name>`; and the names of groups. */
import { ERROR, UNSUPPORTED } from "./regex-errors.ts";
import { RegexFault } from "./regex-fault.ts";

/** PCRE's own limit. */
const MAX_NAME = 32;

/** A reference: the group, the index after it, and the index that a complaint about it names. */
export interface GroupReference {
  readonly target: number | string;
  readonly end: number;
  readonly offset: number;
}

/**
 * Reads the escape whose letter is at `position`; undefined if it is no reference. `lastGroup` is the number of the
 * capture group opened last. Throws a RegexFault.
 */
export function readReference(pattern: string, position: number, lastGroup: number): GroupReference | undefined {
  const rest = pattern.slice(position);
  const number = /^[1-9][0-9]*/.exec(rest)?.[0];
  if (number !== undefined) {
    const target = Number(number);
    // Two digits and more are octal unless that many groups have been opened.
    if (target > 9 && target > lastGroup && !/^[89]/.test(number)) return undefined;
    const end = position + number.length;
    return { target, end, offset: end - 1 };
  }
  const relative = /^g(?:\{([+-]?[0-9]+)\}|([+-]?[0-9]+))/.exec(rest);
  if (relative !== null) {
    const digits = relative[1] ?? relative[2] ?? "";
    const back = digits.startsWith("-");
    const target = Number(digits) + (back || digits.startsWith("+") ? lastGroup + (back ? 1 : 0) : 0);
    const end = position + relative[0].length;
    return { target, end, offset: target < 1 ? end : end - 1 };
  }
  const named = /^(?:k<(\w+)>|k'(\w+)'|k\{(\w+)\}|g\{(\w+)\})/.exec(rest);
  if (named !== null) {
    const target = named[1] ?? named[2] ?? named[3] ?? named[4] ?? "";
    return { target, end: position + named[0].length, offset: position + 2 };
  }
  if (/^g[<']/.test(rest)) throw new RegexFault(UNSUPPORTED.recursion, position + 1);
  if (/^(?:k[<'{]|g\{)/.test(rest)) throw new RegexFault(ERROR.nameExpected, position + 2);
  if (rest.startsWith("k")) throw new RegexFault(ERROR.badNameReference, position + 1);
  if (rest.startsWith("g")) throw new RegexFault(ERROR.badReference, position + 1);
  return undefined;
}

/** Reads the name of a group up to `terminator`, which follows it. Throws a RegexFault. */
export function readGroupName(pattern: string, start: number, terminator: string): string {
  const name = /^\w*/.exec(pattern.slice(start))?.[0] ?? "";
  const end = start + name.length;
  if (name === "") throw new RegexFault(ERROR.nameExpected, start);
  if (/^[0-9]/.test(name)) throw new RegexFault(ERROR.nameStartsWithDigit, start);
  if (name.length > MAX_NAME) throw new RegexFault(ERROR.nameTooLong, start + MAX_NAME + 1);
  if (pattern.charAt(end) !== terminator) throw new RegexFault(ERROR.nameNotTerminated, end);
  return name;
}

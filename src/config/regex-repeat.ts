/** PCRE's counted quantifiers: `{2}`, `{2,}`, `{2,5}`. */
import { ERROR } from "./regex-errors.ts";
import { RegexFault } from "./regex-fault.ts";

/** PCRE's own limit. */
const MAX_REPEAT = 65_535;

/** The quantifier at `position`, in JavaScript, or undefined where the brace is an ordinary character. Throws a RegexFault. */
export function readRepeat(
  pattern: string,
  position: number,
): { readonly source: string; readonly end: number } | undefined {
  const match = /^\{([0-9]+)(,([0-9]*))?\}/.exec(pattern.slice(position));
  if (match === null) return undefined;
  const [all, min = "", comma, max = ""] = match;
  const minEnd = position + 1 + min.length;
  const end = position + all.length;
  if (Number(min) > MAX_REPEAT) throw new RegexFault(ERROR.repeatTooBig, minEnd);
  if (Number(max) > MAX_REPEAT) throw new RegexFault(ERROR.repeatTooBig, minEnd + 1 + max.length);
  if (max !== "" && Number(max) < Number(min)) throw new RegexFault(ERROR.repeatOutOfOrder, end - 1);
  const upper = comma === undefined ? "" : `,${max === "" ? "" : Number(max)}`;
  return { source: `{${Number(min)}${upper}}`, end };
}

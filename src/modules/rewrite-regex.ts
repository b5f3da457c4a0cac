/** Regular expressions of rewrite programs, as ngx_http_script_regex_start_code runs them. */
import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import type { Request } from "../http/request.ts";
import { compileCapturing } from "../template/captures.ts";

/** Matches a text and keeps the captures; one that does not match forgets those of the last match. */
export type SubjectMatch = (r: Request, subject: string) => boolean;

/** Compiles a pattern of `rewrite` or `if`. */
export function compileSubjectMatch(
  pattern: string,
  caseless: boolean,
  site: DirectiveSite,
): SubjectMatch | ConfigFault {
  const compiled = compileCapturing(pattern, caseless, site);
  if (compiled instanceof ConfigFault) return compiled;
  const { regex, captureCount, capture } = compiled;
  if (captureCount === 0) {
    return (r, subject) => {
      r.captures = undefined;
      return regex.test(subject);
    };
  }
  return (r, subject) => {
    const match = regex.exec(subject);
    if (match === null) {
      r.captures = undefined;
      return false;
    }
    r.captures = match;
    capture?.(r, match);
    return true;
  };
}

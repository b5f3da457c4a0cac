/** Named groups of regular expressions are variables: `(?<id>\d+)` sets `$id` (ngx_http_regex_compile). */
import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import { compileRegex } from "../config/regex.ts";
import type { Request } from "../http/request.ts";
import { variables } from "./variables.ts";

/** Stores the named groups of a match in the request. */
export type CaptureGroups = (r: Request, match: RegExpExecArray) => void;

/** An expression whose named groups are variables. */
export interface CapturingRegex {
  readonly regex: RegExp;
  readonly captureCount: number;
  /** To be called with each match that counts; undefined where the expression names no groups. */
  readonly capture: CaptureGroups | undefined;
}

/** Compiles a pattern (`caseless` is `~*`) and defines its named groups as variables. */
export function compileCapturing(
  pattern: string,
  caseless: boolean,
  site: DirectiveSite,
): CapturingRegex | ConfigFault {
  const compiled = compileRegex(pattern, caseless);
  if (compiled instanceof ConfigFault) return compiled;
  const { regex, captureCount, groupNames } = compiled;
  const capture = defineGroups(groupNames, site);
  return capture instanceof ConfigFault ? capture : { regex, captureCount, capture };
}

function defineGroups(groupNames: readonly string[], site: DirectiveSite): CaptureGroups | undefined | ConfigFault {
  if (groupNames.length === 0) return undefined;
  const registry = variables(site.load);
  const slots: number[] = [];
  for (const name of groupNames) {
    const slot = registry.namedSlot(name);
    const fault = registry.define({ name, get: (r) => r.slot(slot) });
    if (fault !== undefined) return fault;
    slots.push(slot);
  }
  return (r, match) => {
    for (let i = 0; i < slots.length; i++) r.setSlot(slots[i]!, match.groups?.[groupNames[i]!]);
  };
}

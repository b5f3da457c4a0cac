/** Named groups of regular expressions are variables: `(?<id>\d+)` sets `$id` (ngx_http_regex_compile). */
import type { ConfigFault, DirectiveSite } from "../config/directive.ts";
import type { CompiledRegex } from "../config/regex.ts";
import type { Request } from "../http/request.ts";
import { variables } from "./variables.ts";

/** Stores the named groups of a match in the request; undefined where the expression names none. */
export type CaptureGroups = (r: Request, match: RegExpExecArray) => void;

/** Defines the expression's named groups as variables. */
export function captureNames(compiled: CompiledRegex, site: DirectiveSite): CaptureGroups | undefined | ConfigFault {
  const { groupNames } = compiled;
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

/** Directives about caching and storing responses: nothing is kept here, so only `off` can be done. */
import { flag, number, offset, size, text, time } from "../config/arguments.ts";
import {
  type AcceptedRow,
  type ArgumentType,
  acceptedRow,
  atLeast,
  ConfigFault,
  type DirectiveSite,
  HTTP_SERVER_LOCATION,
} from "../config/directive.ts";
import { choices } from "../config/list-arguments.ts";
import { parseSeconds } from "../config/units.ts";
import { compileTemplate, template } from "../template/template.ts";
import type { NextUpstreamCondition } from "./next-upstream.ts";

const UNUSED = "nothing is cached";

function unused(name: string, check: ArgumentType<unknown>): AcceptedRow {
  return acceptedRow(name, HTTP_SERVER_LOCATION, check, UNUSED);
}

/** `proxy_cache_bypass` and `proxy_no_cache`: texts with variables (ngx_http_set_predicate_slot). */
const predicates: ArgumentType<undefined> = {
  arity: atLeast(1),
  fallback: undefined,
  accumulates: true,
  parse(args, site) {
    for (const arg of args) {
      const compiled = compileTemplate(arg, site);
      if (compiled instanceof ConfigFault) return compiled;
    }
    return undefined;
  },
};

/** `[code ...] time` (ngx_http_file_cache_valid_set_slot). */
const validity: ArgumentType<undefined> = {
  arity: atLeast(1),
  fallback: undefined,
  accumulates: true,
  parse(args) {
    const span = args.at(-1) ?? "";
    if (parseSeconds(span) === undefined) return new ConfigFault(`invalid time value "${span}"`);
    for (const code of args.slice(0, -1)) {
      if (code === "any") continue;
      const status = /^\d+$/.test(code) ? Number(code) : 0;
      if (status < 100 || status > 599) return new ConfigFault(`invalid status "${code}"`);
    }
    return undefined;
  },
};

/** nginx warns where the system has no such thing. */
const lowWater: ArgumentType<number> = {
  ...size(0),
  parse(args, site) {
    const bytes = size(0).parse(args, site);
    if (!(bytes instanceof ConfigFault)) {
      site.load.warn(site.statement, `"${site.statement.name}" is not supported, ignored`);
    }
    return bytes;
  },
};

/** What nginx takes, of which only `off` can be done here. */
function offRow(name: string, check: ArgumentType<boolean | string | undefined>): AcceptedRow {
  const parse = (args: readonly string[], site: DirectiveSite): boolean | string | ConfigFault | undefined => {
    const value = check.parse(args, site);
    if (value instanceof ConfigFault || value === false || value === "off") return value;
    return new ConfigFault(`"${name}" other than "off" is not supported by hopway`);
  };
  return { ...unused(name, { ...check, parse }), doc: "Only off is known here." };
}

/**
 * `proxy_cache`, `proxy_store` and their like, and those of other prefixes; `conditions` are those that the prefix's
 * `next_upstream` knows.
 */
export function cacheRows(prefix: string, conditions: readonly NextUpstreamCondition[]): readonly AcceptedRow[] {
  return [
    offRow(`${prefix}_cache`, text(undefined)),
    offRow(`${prefix}_store`, text(undefined)),
    offRow(`${prefix}_force_ranges`, flag(undefined)),
    unused(`${prefix}_cache_bypass`, predicates),
    unused(`${prefix}_no_cache`, predicates),
    unused(`${prefix}_cache_key`, template(undefined)),
    unused(`${prefix}_cache_valid`, validity),
    unused(`${prefix}_cache_use_stale`, choices(conditions, undefined)),
    unused(`${prefix}_cache_methods`, choices(["GET", "HEAD", "POST"], undefined)),
    unused(`${prefix}_cache_min_uses`, number(undefined)),
    unused(`${prefix}_cache_max_range_offset`, offset(undefined)),
    unused(`${prefix}_cache_lock`, flag(undefined)),
    unused(`${prefix}_cache_lock_timeout`, time(undefined)),
    unused(`${prefix}_cache_lock_age`, time(undefined)),
    unused(`${prefix}_cache_revalidate`, flag(undefined)),
    unused(`${prefix}_cache_background_update`, flag(undefined)),
  ];
}

/** What only `proxy_pass` has, and has no use for here. */
export const proxyTuningRows: readonly AcceptedRow[] = [
  unused("proxy_cache_convert_head", flag(undefined)),
  {
    ...unused("proxy_send_lowat", lowWater),
    doc: "Least bytes that are sent at once, on systems that have such a thing.",
    accepted: "Linux has no such setting",
  },
  { ...unused("proxy_headers_hash_max_size", number(undefined)), accepted: "hash tables size themselves" },
  { ...unused("proxy_headers_hash_bucket_size", number(undefined)), accepted: "hash tables size themselves" },
];

/** `proxy_cookie_flags`: which flags the cookies of an upstream get or lose. */
import {
  type ActionRow,
  between,
  ConfigFault,
  type DirectiveSite,
  directiveFault,
  HTTP_SERVER_LOCATION,
  invalidParameter,
} from "../config/directive.ts";
import { asciiLowerCase } from "../http/header-list.ts";
import type { Request } from "../http/request.ts";
import { compileCapturing } from "../template/captures.ts";
import { compileTemplate, type Template } from "../template/template.ts";
import type { CookieAttribute } from "./cookies.ts";

/** One `proxy_cookie_flags`: for cookies of that name. */
export interface CookieFlagRule {
  matches(r: Request, cookieName: string): boolean;
  readonly flags: readonly Template[];
}

/** undefined where nothing is said, "off" where the outer level's rules are switched off. */
export type CookieFlagRules = CookieFlagRule[] | "off" | undefined;

const SECURE = 1;
const NO_SECURE = 2;
const HTTP_ONLY = 4;
const NO_HTTP_ONLY = 8;
const STRICT = 16;
const LAX = 32;
const NONE = 64;
const NO_SAME_SITE = 128;

/** What the flags of a rule ask for, as bits: two that contradict each other are kept both. */
const bitByFlag: ReadonlyMap<string, number> = new Map([
  ["secure", SECURE],
  ["nosecure", NO_SECURE],
  ["httponly", HTTP_ONLY],
  ["nohttponly", NO_HTTP_ONLY],
  ["samesite=strict", STRICT],
  ["samesite=lax", LAX],
  ["samesite=none", NONE],
  ["nosamesite", NO_SAME_SITE],
]);

/** `proxy_cookie_flags NAME FLAG...` or `off`. */
export const cookieFlagsRow: ActionRow<{ cookieFlags: CookieFlagRules }> = {
  name: "proxy_cookie_flags",
  in: HTTP_SERVER_LOCATION,
  // The name and at most three flags.
  arity: between(1, 4),
  doc: "Sets and removes flags of the upstream's cookies.",
  apply(own, site) {
    const [name = "", ...words] = site.statement.args;
    if (own.cookieFlags === "off") return directiveFault(site, "is duplicate");
    if (words.length === 0) {
      if (name !== "off") return invalidParameter(name);
      if (own.cookieFlags !== undefined) return directiveFault(site, "is duplicate");
      own.cookieFlags = "off";
      return undefined;
    }
    const flags: Template[] = [];
    for (const word of words) {
      const flag = compileTemplate(word, site);
      if (flag instanceof ConfigFault) return flag;
      // nginx says nothing and does nothing.
      if (flag.constant !== undefined && flag.constant !== "" && !bitByFlag.has(flag.constant.toLowerCase())) {
        site.load.warn(site.statement, `unknown flag "${word}" is ignored`);
      }
      flags.push(flag);
    }
    const matches = nameMatcher(name, site);
    if (matches instanceof ConfigFault) return matches;
    own.cookieFlags ??= [];
    own.cookieFlags.push({ matches, flags });
    return undefined;
  },
};

function nameMatcher(name: string, site: DirectiveSite): CookieFlagRule["matches"] | ConfigFault {
  if (!name.startsWith("~")) {
    const wanted = compileTemplate(name, site);
    if (wanted instanceof ConfigFault) return wanted;
    return (r, cookieName) => asciiLowerCase(cookieName) === asciiLowerCase(wanted.evaluate(r));
  }
  const compiled = compileCapturing(name.slice(1), true, site);
  if (compiled instanceof ConfigFault) return compiled;
  const { regex, capture } = compiled;
  return (r, cookieName) => {
    const match = regex.exec(cookieName);
    if (match === null) return false;
    r.captures = match;
    capture?.(r, match);
    return true;
  };
}

/** Applies the first rule for the cookie (`attributes[0]`); false where that changes nothing. */
export function applyCookieFlags(r: Request, attributes: CookieAttribute[], rules: readonly CookieFlagRule[]): boolean {
  const rule = rules.find((candidate) => candidate.matches(r, attributes[0]!.name));
  if (rule === undefined) return false;
  let wanted = 0;
  for (const flag of rule.flags) wanted |= bitByFlag.get(flag.evaluate(r).toLowerCase()) ?? 0;
  if (wanted === 0) return false;
  editFlags(attributes, wanted);
  return true;
}

/** Setting comes before removing, and the strictest SameSite first (ngx_http_proxy_edit_cookie_flags). */
function editFlags(attributes: CookieAttribute[], wanted: number): void {
  let left = wanted;
  for (let i = 1; i < attributes.length; i++) {
    const attribute = attributes[i]!;
    switch (asciiLowerCase(attribute.name)) {
      case "secure":
        if (left & SECURE) left &= ~SECURE;
        else if (left & NO_SECURE) attribute.removed = true;
        break;
      case "httponly":
        if (left & HTTP_ONLY) left &= ~HTTP_ONLY;
        else if (left & NO_HTTP_ONLY) attribute.removed = true;
        break;
      case "samesite": {
        const site = firstSameSite(left);
        if (site !== 0) {
          attribute.name = "SameSite";
          attribute.value = sameSiteText(site);
          left &= ~site;
        } else if (left & NO_SAME_SITE) attribute.removed = true;
        break;
      }
      default:
    }
  }
  if (left & SECURE) attributes.push({ name: "Secure", value: undefined, removed: false });
  if (left & HTTP_ONLY) attributes.push({ name: "HttpOnly", value: undefined, removed: false });
  const site = firstSameSite(left);
  if (site !== 0) attributes.push({ name: "SameSite", value: sameSiteText(site), removed: false });
}

function firstSameSite(flags: number): number {
  if (flags & STRICT) return STRICT;
  return flags & LAX ? LAX : flags & NONE;
}

function sameSiteText(flag: number): string {
  if (flag === STRICT) return "Strict";
  return flag === LAX ? "Lax" : "None";
}

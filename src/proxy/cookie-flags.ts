/** `proxy_cookie_flags`: which flags the cookies of an upstream get or lose. */
import {
  type ActionRow,
  atLeast,
  ConfigFault,
  directiveFault,
  HTTP_SERVER_LOCATION,
  invalidParameter,
} from "../config/directive.ts";
import { compileRegex } from "../config/regex.ts";
import { asciiLowerCase } from "../http/header-list.ts";
import type { Request } from "../http/request.ts";
import { captureNames } from "../template/captures.ts";
import { compileTemplate, type Template } from "../template/template.ts";
import type { CookieAttribute } from "./cookies.ts";

/** One `proxy_cookie_flags`: for cookies of that name. */
export interface CookieFlagRule {
  matches(r: Request, cookieName: string): boolean;
  readonly flags: readonly Template[];
}

/** undefined where nothing is said, "off" where the outer level's rules are switched off. */
export type CookieFlagRules = CookieFlagRule[] | "off" | undefined;

type SameSite = "Strict" | "Lax" | "None";

/** What the flags of a rule come to: each attribute is put, removed, or left as it is. */
interface WantedFlags {
  secure: boolean | undefined;
  httpOnly: boolean | undefined;
  sameSite: SameSite | false | undefined;
}

function addFlag(wanted: WantedFlags, flag: string): boolean {
  switch (flag.toLowerCase()) {
    case "secure":
      wanted.secure = true;
      return true;
    case "nosecure":
      wanted.secure = false;
      return true;
    case "httponly":
      wanted.httpOnly = true;
      return true;
    case "nohttponly":
      wanted.httpOnly = false;
      return true;
    case "samesite=strict":
      wanted.sameSite = "Strict";
      return true;
    case "samesite=lax":
      wanted.sameSite = "Lax";
      return true;
    case "samesite=none":
      wanted.sameSite = "None";
      return true;
    case "nosamesite":
      wanted.sameSite = false;
      return true;
    default:
      return false;
  }
}

export const cookieFlagsRow: ActionRow<{ cookieFlags: CookieFlagRules }> = {
  name: "proxy_cookie_flags",
  in: HTTP_SERVER_LOCATION,
  arity: atLeast(1),
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
      flags.push(flag);
    }
    const matches = nameMatcher(name, site);
    if (matches instanceof ConfigFault) return matches;
    own.cookieFlags ??= [];
    own.cookieFlags.push({ matches, flags });
    return undefined;
  },
};

function nameMatcher(
  name: string,
  site: Parameters<ActionRow<object>["apply"]>[1],
): CookieFlagRule["matches"] | ConfigFault {
  if (!name.startsWith("~")) {
    const wanted = compileTemplate(name, site);
    if (wanted instanceof ConfigFault) return wanted;
    return (r, cookieName) => asciiLowerCase(cookieName) === asciiLowerCase(wanted.evaluate(r));
  }
  const compiled = compileRegex(name.slice(1), true);
  if (compiled instanceof ConfigFault) return compiled;
  const capture = captureNames(compiled, site);
  if (capture instanceof ConfigFault) return capture;
  return (r, cookieName) => {
    const match = compiled.regex.exec(cookieName);
    if (match === null) return false;
    r.captures = match;
    capture?.(r, match);
    return true;
  };
}

/** Applies the first rule for the cookie (`attributes[0]`); false where none is for it. */
export function applyCookieFlags(r: Request, attributes: CookieAttribute[], rules: readonly CookieFlagRule[]): boolean {
  const rule = rules.find((candidate) => candidate.matches(r, attributes[0]!.name));
  if (rule === undefined) return false;
  const wanted: WantedFlags = { secure: undefined, httpOnly: undefined, sameSite: undefined };
  for (const flag of rule.flags) {
    const text = flag.evaluate(r);
    if (text !== "" && !addFlag(wanted, text)) r.logError(`invalid proxy_cookie_flags flag "${text}"`);
  }
  editFlags(attributes, wanted);
  return true;
}

function editFlags(attributes: CookieAttribute[], wanted: WantedFlags): void {
  let secure = wanted.secure === true;
  let httpOnly = wanted.httpOnly === true;
  let sameSite = wanted.sameSite === undefined || wanted.sameSite === false ? undefined : wanted.sameSite;
  for (let i = 1; i < attributes.length; i++) {
    const attribute = attributes[i]!;
    switch (asciiLowerCase(attribute.name)) {
      case "secure":
        if (wanted.secure === false) attribute.removed = true;
        secure = false;
        break;
      case "httponly":
        if (wanted.httpOnly === false) attribute.removed = true;
        httpOnly = false;
        break;
      case "samesite":
        if (wanted.sameSite === false) attribute.removed = true;
        else if (wanted.sameSite !== undefined) attribute.value = wanted.sameSite;
        sameSite = undefined;
        break;
      default:
    }
  }
  if (secure) attributes.push({ name: "Secure", value: undefined, removed: false });
  if (httpOnly) attributes.push({ name: "HttpOnly", value: undefined, removed: false });
  if (sameSite !== undefined) attributes.push({ name: "SameSite", value: sameSite, removed: false });
}

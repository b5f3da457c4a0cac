/** `proxy_cookie_domain`, `proxy_cookie_path`, `proxy_cookie_flags`: the upstream's cookies as the client gets them. */
import {
  type ActionRow,
  between,
  ConfigFault,
  type Directive,
  type DirectiveSite,
  directiveFault,
  HTTP_SERVER_LOCATION,
  invalidParameter,
} from "../config/directive.ts";
import { asciiLowerCase } from "../http/header-list.ts";
import type { Request } from "../http/request.ts";
import { compileTemplate } from "../template/template.ts";
import { applyCookieFlags, type CookieFlagRules, cookieFlagsRow } from "./cookie-flags.ts";
import { applyRules, compileRule, domainRule, type RewriteRule, type RewriteRules, regexRule } from "./rewrite-rule.ts";

/** The settings that the rows below fill. */
export interface CookieSettings {
  cookieDomains: RewriteRules;
  cookiePaths: RewriteRules;
  cookieFlags: CookieFlagRules;
}

/** The settings of a level on which nothing is said. */
export function newCookieSettings(): CookieSettings {
  return { cookieDomains: undefined, cookiePaths: undefined, cookieFlags: undefined };
}

function withoutDot(domain: string): string {
  return domain.startsWith(".") ? domain.slice(1) : domain;
}

function compileDomain(pattern: string, replacement: string, site: DirectiveSite): RewriteRule | ConfigFault {
  const regex = pattern.startsWith("~");
  const target = compileTemplate(regex ? replacement : withoutDot(replacement), site);
  if (target instanceof ConfigFault) return target;
  if (regex) return regexRule(pattern.slice(1), true, target, site);
  const domain = compileTemplate(withoutDot(pattern), site);
  return domain instanceof ConfigFault ? domain : domainRule(domain, target);
}

function ruleRow(
  name: string,
  set: "cookieDomains" | "cookiePaths",
  doc: string,
  compile: typeof compileRule,
): ActionRow<CookieSettings> {
  return {
    name,
    in: HTTP_SERVER_LOCATION,
    arity: between(1, 2),
    doc,
    apply(own, site) {
      const rules = own[set];
      if (rules === "off") return directiveFault(site, "is duplicate");
      const [pattern = "", replacement] = site.statement.args;
      if (replacement === undefined) {
        if (pattern !== "off") return invalidParameter(pattern);
        if (rules !== undefined) return directiveFault(site, "is duplicate");
        own[set] = "off";
        return undefined;
      }
      const rule = compile(pattern, replacement, site);
      if (rule instanceof ConfigFault) return rule;
      own[set] = [...(rules ?? []), rule];
      return undefined;
    },
  };
}

/** `proxy_cookie_domain`, `proxy_cookie_path`, `proxy_cookie_flags`. */
export const cookieRows: readonly Directive<CookieSettings>[] = [
  ruleRow("proxy_cookie_domain", "cookieDomains", "Rewrites the Domain of the upstream's cookies.", compileDomain),
  ruleRow("proxy_cookie_path", "cookiePaths", "Rewrites the Path of the upstream's cookies.", compileRule),
  cookieFlagsRow,
];

/** A level's rules of each kind replace the outer level's. */
export function mergeCookies(own: CookieSettings, outer: CookieSettings | undefined): void {
  own.cookieDomains ??= outer?.cookieDomains;
  own.cookiePaths ??= outer?.cookiePaths;
  own.cookieFlags ??= outer?.cookieFlags;
}

/** `name=value` or `name` of a Set-Cookie line; the first one is the cookie itself. */
export interface CookieAttribute {
  name: string;
  value: string | undefined;
  removed: boolean;
}

function trimSpaces(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text.charCodeAt(start) === 0x20) start++;
  while (end > start && text.charCodeAt(end - 1) === 0x20) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function parseCookie(line: string): CookieAttribute[] {
  return line.split(";").map((part) => {
    const equals = part.indexOf("=");
    if (equals < 0) return { name: trimSpaces(part), value: undefined, removed: false };
    return { name: trimSpaces(part.slice(0, equals)), value: trimSpaces(part.slice(equals + 1)), removed: false };
  });
}

function cookieText(attributes: readonly CookieAttribute[]): string {
  let text = "";
  for (let i = 0; i < attributes.length; i++) {
    const { name, value, removed } = attributes[i]!;
    if (removed) continue;
    text += (i === 0 ? "" : "; ") + name + (value === undefined ? "" : "=" + value);
  }
  return text;
}

function rewriteAttribute(r: Request, attribute: CookieAttribute, rules: RewriteRules): boolean {
  if (attribute.value === undefined || rules === undefined || rules === "off") return false;
  const rewritten = applyRules(r, attribute.value, 0, rules);
  if (rewritten === undefined) return false;
  attribute.value = rewritten;
  return true;
}

function isOff(rules: RewriteRules | CookieFlagRules): boolean {
  return rules === undefined || rules === "off";
}

/** A Set-Cookie value after the rules; as it was, spaces and all, where none applies (ngx_http_proxy_rewrite_cookie). */
export function rewriteCookies(r: Request, value: string, settings: CookieSettings): string {
  const { cookieDomains, cookiePaths, cookieFlags } = settings;
  if (isOff(cookieDomains) && isOff(cookiePaths) && isOff(cookieFlags)) return value;
  const attributes = parseCookie(value);
  if (attributes[0]?.value === undefined) return value;
  let changed = false;
  for (let i = 1; i < attributes.length; i++) {
    const attribute = attributes[i]!;
    const key = asciiLowerCase(attribute.name);
    if (key === "domain") changed = rewriteAttribute(r, attribute, cookieDomains) || changed;
    else if (key === "path") changed = rewriteAttribute(r, attribute, cookiePaths) || changed;
  }
  if (cookieFlags !== undefined && cookieFlags !== "off") {
    changed = applyCookieFlags(r, attributes, cookieFlags) || changed;
  }
  return changed ? cookieText(attributes) : value;
}

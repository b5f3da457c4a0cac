/** Rules that replace a part of a header's value: what proxy_redirect, proxy_cookie_domain and proxy_cookie_path share. */
import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import { asciiLowerCase } from "../http/header-list.ts";
import { oneLineValue } from "../http/line-breaks.ts";
import type { Request } from "../http/request.ts";
import { compileCapturing } from "../template/captures.ts";
import { compileTemplate, type Template } from "../template/template.ts";

/** Rewrites `value` from index `from` on; undefined where the rule does not match. */
export type RewriteRule = (r: Request, value: string, from: number) => string | undefined;

/** The rules of a level: undefined where nothing is said, "off" where the outer level's are switched off. */
export type RewriteRules = RewriteRule[] | "off" | undefined;

/** The first rule that matches decides. */
export function applyRules(r: Request, value: string, from: number, rules: readonly RewriteRule[]): string | undefined {
  for (const rule of rules) {
    const rewritten = rule(r, value, from);
    if (rewritten !== undefined) return oneLineValue(rewritten);
  }
  return undefined;
}

/** Replaces a prefix (ngx_http_proxy_rewrite_complex_handler). */
export function prefixRule(pattern: Template, replacement: Template): RewriteRule {
  return (r, value, from) => {
    const prefix = pattern.evaluate(r);
    if (!value.startsWith(prefix, from)) return undefined;
    return value.slice(0, from) + replacement.evaluate(r) + value.slice(from + prefix.length);
  };
}

/** Replaces a whole domain, in any case of letters; a dot before it stays (ngx_http_proxy_rewrite_domain_handler). */
export function domainRule(pattern: Template, replacement: Template): RewriteRule {
  return (r, value, from) => {
    const start = value.charAt(from) === "." ? from + 1 : from;
    if (asciiLowerCase(value.slice(start)) !== asciiLowerCase(pattern.evaluate(r))) return undefined;
    return value.slice(0, start) + replacement.evaluate(r);
  };
}

/** Replaces everything where an expression matches (ngx_http_proxy_rewrite_regex_handler); it may use the captures. */
export function regexRule(
  pattern: string,
  caseless: boolean,
  replacement: Template,
  site: DirectiveSite,
): RewriteRule | ConfigFault {
  const compiled = compileCapturing(pattern, caseless, site);
  if (compiled instanceof ConfigFault) return compiled;
  const { regex, capture } = compiled;
  return (r, value, from) => {
    const match = regex.exec(from === 0 ? value : value.slice(from));
    if (match === null) return undefined;
    r.captures = match;
    capture?.(r, match);
    return value.slice(0, from) + replacement.evaluate(r);
  };
}

/** `~pattern`, `~*pattern` or a prefix, and what replaces it, as they stand in proxy_redirect and proxy_cookie_path. */
export function compileRule(pattern: string, replacement: string, site: DirectiveSite): RewriteRule | ConfigFault {
  const compiled = pattern.startsWith("~") ? undefined : compileTemplate(pattern, site);
  if (compiled instanceof ConfigFault) return compiled;
  const target = compileTemplate(replacement, site);
  if (target instanceof ConfigFault) return target;
  if (compiled !== undefined) return prefixRule(compiled, target);
  const caseless = pattern.startsWith("~*");
  return regexRule(pattern.slice(caseless ? 2 : 1), caseless, target, site);
}

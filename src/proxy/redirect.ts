/** `proxy_redirect`: Location and Refresh of an upstream's response, as the client must see them. */
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
import { constantTemplate } from "../template/template.ts";
import { applyRules, compileRule, prefixRule, type RewriteRule, type RewriteRules } from "./rewrite-rule.ts";

/** The settings that `proxy_redirect` fills. */
export interface RedirectSettings {
  redirects: RewriteRules;
}

/** What `default` is made of: a `proxy_pass` without variables, and the location it stands in. */
export interface RedirectSource {
  /** The URL as written. */
  readonly text: string;
  /** Its URI part; "" without one. */
  readonly uri: string;
  /** The location's prefix. */
  readonly prefix: string;
}

/** The `proxy_pass` of a level so far: one with variables has no default redirect; undefined where there is none yet. */
export type RedirectSourceOf = (site: DirectiveSite) => RedirectSource | "variables" | undefined;

/** What `default` does: the upstream's own URL becomes the location again (ngx_http_proxy_redirect). */
function defaultRule({ text, uri, prefix }: RedirectSource): RewriteRule {
  return uri === ""
    ? prefixRule(constantTemplate(`${text}/`), constantTemplate("/"))
    : prefixRule(constantTemplate(text), constantTemplate(prefix));
}

function parseRule(site: DirectiveSite, sourceOf: RedirectSourceOf): RewriteRule | ConfigFault {
  const [pattern = "", replacement] = site.statement.args;
  if (replacement !== undefined) return compileRule(pattern, replacement, site);
  const source = sourceOf(site);
  if (source === "variables") {
    return new ConfigFault('"proxy_redirect default" cannot be used with "proxy_pass" directive with variables');
  }
  if (source === undefined) {
    return new ConfigFault('"proxy_redirect default" should be placed after the "proxy_pass" directive');
  }
  return defaultRule(source);
}

/** The row of `proxy_redirect`; `sourceOf` finds the `proxy_pass` that `default` stands for. */
export function redirectRow(sourceOf: RedirectSourceOf): ActionRow<RedirectSettings> {
  return {
    name: "proxy_redirect",
    in: HTTP_SERVER_LOCATION,
    arity: between(1, 2),
    doc: "Rewrites Location and Refresh of the upstream's responses.",
    apply(own, site) {
      if (own.redirects === "off") return directiveFault(site, "is duplicate");
      const { args } = site.statement;
      if (args.length === 1 && args[0] === "off") {
        if (own.redirects !== undefined) return directiveFault(site, "is duplicate");
        own.redirects = "off";
        return undefined;
      }
      if (args.length === 1 && args[0] !== "default") return invalidParameter(args[0] ?? "");
      const rule = parseRule(site, sourceOf);
      if (rule instanceof ConfigFault) return rule;
      own.redirects ??= [];
      own.redirects.push(rule);
      return undefined;
    },
  };
}

/** A level's rules replace the outer level's; where there are none at all, a `proxy_pass` of its own makes the default. */
export function mergeRedirects(
  own: RedirectSettings,
  outer: RedirectSettings | undefined,
  source: RedirectSource | undefined,
): void {
  own.redirects ??= outer?.redirects;
  if (own.redirects === undefined && source !== undefined) own.redirects = [defaultRule(source)];
}

/** A Location as rewritten; undefined where no rule matches (ngx_http_proxy_rewrite_redirect). */
export function rewriteRedirect(r: Request, value: string, rules: RewriteRules): string | undefined {
  return rules === undefined || rules === "off" ? undefined : applyRules(r, value, 0, rules);
}

/** A Refresh whose `url=` was rewritten; undefined where no rule matches (ngx_http_upstream_rewrite_refresh). */
export function rewriteRefresh(r: Request, value: string, rules: RewriteRules): string | undefined {
  if (rules === undefined || rules === "off") return undefined;
  const at = asciiLowerCase(value).indexOf("url=");
  return at < 0 ? undefined : applyRules(r, value, at + "url=".length, rules);
}

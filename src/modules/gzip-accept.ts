/** Whether a client may get a compressed response (ngx_http_gzip_ok). */
import { isOldExplorer } from "../http/browser.ts";
import { parseHttpDate } from "../http/date.ts";
import type { Request } from "../http/request.ts";
import type { ResponseHead } from "../http/response.ts";

/** What `gzip_proxied` may name. */
export const PROXIED_CONDITIONS = [
  "off",
  "expired",
  "no-cache",
  "no-store",
  "private",
  "no_last_modified",
  "no_etag",
  "auth",
  "any",
] as const;

export type ProxiedCondition = (typeof PROXIED_CONDITIONS)[number];

/** The directives that decide. */
export interface GzipConditions {
  readonly httpVersion: "1.0" | "1.1";
  readonly proxied: ReadonlySet<ProxiedCondition>;
  readonly disabled: GzipDisable | undefined;
}

/** `gzip_disable`: browsers that get no compressed response. */
export interface GzipDisable {
  readonly msie6: boolean;
  readonly agents: readonly RegExp[];
}

/** Answers for the request and what is known of its response by now. */
export function mayGzip(r: Request, conditions: GzipConditions): boolean {
  const accepted = r.headers.get("accept-encoding");
  if (accepted === undefined || !acceptsGzip(accepted)) return false;
  const { disabled } = conditions;
  const agent = disabled === undefined ? undefined : r.headers.get("user-agent");
  if (disabled?.msie6 && agent !== undefined && isOldExplorer(agent)) return false;
  if (r.httpVersion < (conditions.httpVersion === "1.0" ? 1000 : 1001)) return false;
  if (r.headers.get("via") !== undefined && !mayGzipForProxy(r, conditions.proxied)) return false;
  return agent === undefined || !disabled?.agents.some((regex) => regex.test(agent));
}

/**
 * Whether an Accept-Encoding field takes gzip: named alone or in a list, with a quality above 0 of at most three decimals
 * where one is given. What comes after it is not looked at (ngx_http_gzip_accept_encoding).
 */
export function acceptsGzip(field: string): boolean {
  const lower = field.toLowerCase();
  let from = 0;
  for (;;) {
    const at = lower.indexOf("gzip", from);
    if (at < 0) return false;
    const before = lower.charAt(at - 1);
    if (at === from || before === "," || before === " ") return takesQuality(lower.slice(at + 4));
    from = at + 4;
  }
}

/** Whether what follows the name of the coding leaves it accepted. */
function takesQuality(text: string): boolean {
  const rest = text.replace(/^ +/, "");
  if (rest === "" || rest.startsWith(",")) return true;
  if (!rest.startsWith(";")) return false;
  const parameter = rest.slice(1).replace(/^ +/, "");
  return parameter === "" || (parameter.startsWith("q") && isPositiveQuality(parameter.slice(1)));
}

/** `=0.5`, up to a comma or blank; nginx refuses what it cannot read (ngx_http_gzip_quantity). */
function isPositiveQuality(text: string): boolean {
  const match = /^=([01])(?:\.(\d*))?(?:$|[, ])/s.exec(text);
  if (match === null) return false;
  const [, whole, decimals = ""] = match;
  if (decimals.length > 3) return false;
  let quantity = Number(whole) * 100;
  for (const digit of decimals) quantity += Number(digit);
  return quantity > 0 && quantity <= 100;
}

/** The request came through a proxy (Via): only responses that it does not keep for others are compressed. */
function mayGzipForProxy(r: Request, allowed: ReadonlySet<ProxiedCondition>): boolean {
  if (allowed.has("off")) return false;
  if (allowed.has("any")) return true;
  if (allowed.has("auth") && r.headers.get("authorization") !== undefined) return true;
  const { out } = r;
  const expires = out.list.get("expires");
  if (expires !== undefined) return allowed.has("expired") && isExpired(expires, out);
  const control = out.list.values.filter((_, i) => out.list.keys[i] === "cache-control");
  if (control.length > 0) {
    for (const word of ["no-cache", "no-store", "private"] as const) {
      if (allowed.has(word) && control.some((value) => hasDirective(value, word))) return true;
    }
    return false;
  }
  if (allowed.has("no_last_modified") && out.lastModifiedText !== undefined) return false;
  return !(allowed.has("no_etag") && out.etag !== undefined);
}

function isExpired(expires: string, out: ResponseHead): boolean {
  const until = parseHttpDate(expires);
  if (until === -1) return false;
  if (out.date === undefined) return until < Math.floor(out.madeAtMs / 1000);
  const date = parseHttpDate(out.date);
  return date !== -1 && until < date;
}

/** Whether a Cache-Control value has the directive by itself, without a value. */
function hasDirective(value: string, name: string): boolean {
  return value.split(/[;,]/).some((word) => word.trim().toLowerCase() === name);
}

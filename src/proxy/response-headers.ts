/**
 * From an upstream's header lines to the client's, in the order of ngx_http_upstream_process_headers; and what the
 * X-Accel lines ask of the proxy. Hot: once per proxied response.
 */
import { parseInteger } from "../config/units.ts";
import type { HeaderList } from "../http/header-list.ts";
import type { Request } from "../http/request.ts";
import { WARN } from "../net/error-log.ts";
import { type CookieSettings, rewriteCookies } from "./cookies.ts";
import { type RedirectSettings, rewriteRedirect, rewriteRefresh } from "./redirect.ts";
import {
  CONTENT_TYPE,
  COPY,
  DATE,
  DROP,
  ETAG,
  type IgnorableHeader,
  LAST_MODIFIED,
  LOCATION_LINE,
  ONCE,
  REFRESH,
  type ResponseHeaderRules,
  SERVER_LINE,
  SET_COOKIE,
} from "./response-header-rules.ts";

/** What decides how header lines are passed on; `ProxySettings` fits. */
export interface ResponseHeaderPolicy extends RedirectSettings, CookieSettings {
  readonly responseHeaderRules: ResponseHeaderRules;
}

/** What an upstream's header lines ask of the proxy. Reusable: `readEffects` fills it anew. */
export class ResponseEffects {
  /** X-Accel-Redirect: the URI or `@name` to serve instead. */
  redirect: string | undefined = undefined;
  /** X-Accel-Buffering. */
  buffering: boolean | undefined = undefined;
  /** `Connection: close`: the connection carries no other request. */
  connectionClose = false;
}

const X = 0x78;
const C = 0x63;

/**
 * Reads what the lines ask for into `effects`, as far as `proxy_ignore_headers` lets them. X-Accel-Limit-Rate and
 * X-Accel-Charset go to `r` at once.
 */
export function readEffects(
  r: Request,
  headers: HeaderList,
  rules: ResponseHeaderRules,
  effects: ResponseEffects,
): void {
  effects.redirect = undefined;
  effects.buffering = undefined;
  effects.connectionClose = false;
  const { count, keys, values } = headers;
  for (let i = 0; i < count; i++) {
    const key = keys[i]!;
    const first = key.charCodeAt(0);
    if (first === C) {
      if (key === "connection" && /close/i.test(values[i]!)) effects.connectionClose = true;
    } else if (first === X && key.startsWith("x-accel-") && keys.indexOf(key) === i) {
      readAccel(r, key, values[i]!, rules.ignored, effects);
    }
  }
}

function readAccel(
  r: Request,
  key: string,
  value: string,
  ignored: ReadonlySet<IgnorableHeader>,
  effects: ResponseEffects,
): void {
  switch (key) {
    case "x-accel-redirect":
      if (!ignored.has("X-Accel-Redirect")) effects.redirect = value;
      break;
    case "x-accel-buffering": {
      if (ignored.has("X-Accel-Buffering")) break;
      const word = value.toLowerCase();
      if (word === "yes") effects.buffering = true;
      else if (word === "no") effects.buffering = false;
      break;
    }
    case "x-accel-limit-rate": {
      if (ignored.has("X-Accel-Limit-Rate")) break;
      const rate = parseInteger(value);
      if (rate !== undefined) r.limitRate = rate;
      break;
    }
    case "x-accel-charset":
      if (!ignored.has("X-Accel-Charset")) r.out.overrideCharset = value;
      break;
    default:
  }
}

/** Copies the lines into `r.out`; status and length are the caller's. */
export function copyResponseHeaders(r: Request, headers: HeaderList, policy: ResponseHeaderPolicy): void {
  const { out } = r;
  out.disableNotModified = true;
  const { actions, ownServerOrNone } = policy.responseHeaderRules;
  const { count, names, keys, values } = headers;
  for (let i = 0; i < count; i++) {
    const key = keys[i]!;
    const action = actions.get(key) ?? COPY;
    if (action === DROP) continue;
    const value = values[i]!;
    if (action === COPY) out.list.addInterned(names[i]!, key, value);
    else if (action < ONCE || keys.indexOf(key) === i) special(r, action, names[i]!, key, value, policy);
    else logDuplicate(r, headers, i);
  }
  if (!ownServerOrNone) return;
  if (actions.get("server") === SERVER_LINE) out.server ??= "";
  if (actions.get("date") === DATE) out.date ??= "";
}

/** The lines that outlive X-Accel-Redirect, whether hidden or not. */
export function copyRedirectHeaders(r: Request, headers: HeaderList, policy: ResponseHeaderPolicy): void {
  const { count, names, keys, values } = headers;
  for (let i = 0; i < count; i++) {
    const key = keys[i]!;
    switch (key) {
      case "content-type":
        if (keys.indexOf(key) === i) special(r, CONTENT_TYPE, names[i]!, key, values[i]!, policy);
        break;
      case "set-cookie":
        special(r, SET_COOKIE, names[i]!, key, values[i]!, policy);
        break;
      case "expires":
        if (keys.indexOf(key) === i) r.out.list.addInterned(names[i]!, key, values[i]!);
        break;
      case "content-disposition":
      case "cache-control":
        r.out.list.addInterned(names[i]!, key, values[i]!);
        break;
      default:
    }
  }
}

/** The trailer fields of a response as lines, without the hidden ones (ngx_http_upstream_process_trailers). */
export function trailerLines(trailers: HeaderList | undefined, rules: ResponseHeaderRules): string {
  if (trailers === undefined) return "";
  let lines = "";
  for (let i = 0; i < trailers.count; i++) {
    if (rules.actions.get(trailers.keys[i]!) !== DROP) lines += `${trailers.names[i]}: ${trailers.values[i]}\r\n`;
  }
  return lines;
}

function special(
  r: Request,
  action: number,
  name: string,
  key: string,
  value: string,
  policy: ResponseHeaderPolicy,
): void {
  const { out } = r;
  switch (action) {
    case CONTENT_TYPE:
      out.contentType = value === "" ? undefined : value;
      out.charset = charsetOf(value);
      out.typeHoldsCharset = out.charset !== undefined;
      return;
    case LOCATION_LINE: {
      const rewritten = rewriteRedirect(r, value, policy.redirects);
      // Only what the proxy wrote itself is made absolute, and then stands where the proxy's own Location does.
      if (rewritten?.startsWith("/") && r.location.core.absoluteRedirect) out.location = rewritten;
      else out.list.addInterned(name, key, rewritten ?? value);
      return;
    }
    case REFRESH:
      out.list.addInterned(name, key, rewriteRefresh(r, value, policy.redirects) ?? value);
      return;
    case SET_COOKIE:
      out.list.addInterned(name, key, rewriteCookies(r, value, policy));
      return;
    case SERVER_LINE:
      out.server = value;
      break;
    case DATE:
      out.date = value;
      break;
    case LAST_MODIFIED:
      out.lastModifiedText = value;
      break;
    case ETAG:
      out.etag = value;
      break;
    default:
  }
  out.list.addInterned(name, key, value);
}

/** The charset parameter of a media type, without quotes (ngx_http_upstream_copy_content_type). */
function charsetOf(type: string): string | undefined {
  if (!type.includes(";")) return undefined;
  return /; *charset="?(.*?)"?$/i.exec(type)?.[1];
}

function logDuplicate(r: Request, headers: HeaderList, i: number): void {
  const { names, values, keys } = headers;
  const first = keys.indexOf(keys[i]!);
  r.log(
    WARN,
    `upstream sent duplicate header line: "${names[i]}: ${values[i]}", ` +
      `previous value: "${names[first]}: ${values[first]}", ignored`,
  );
}

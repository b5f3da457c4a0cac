/** Conditional requests (ngx_http_not_modified_filter_module; RFC 9110, 13). */
import { Module } from "../config/directive.ts";
import { parseHttpDate } from "../http/date.ts";
import { headerFilters } from "../http/registry.ts";
import type { Request } from "../http/request.ts";

const PRECONDITION_FAILED = 412;

/** Whether the list of a condition names the entity tag; `weak` compares as RFC 9110, 8.8.3.2 does weakly. */
export function listsEtag(list: string, etag: string | undefined, weak: boolean): boolean {
  if (list === "*") return true;
  if (etag === undefined) return false;
  const wanted = weak && etag.length > 2 && etag.startsWith("W/") ? etag.slice(2) : etag;
  let at = 0;
  while (at < list.length) {
    if (weak && list.length - at > 2 && list.startsWith("W/", at)) at += 2;
    if (wanted.length > list.length - at) return false;
    if (list.startsWith(wanted, at)) {
      at += wanted.length;
      while (isBlank(list.charCodeAt(at))) at++;
      if (at === list.length || list.charCodeAt(at) === COMMA) return true;
    }
    while (at < list.length && list.charCodeAt(at) !== COMMA) at++;
    while (list.charCodeAt(at) === COMMA || isBlank(list.charCodeAt(at))) at++;
  }
  return false;
}

const COMMA = 0x2c;

function isBlank(c: number): boolean {
  return c === 0x20 || c === 0x09;
}

/** Whether the response is newer than the date the client has. */
function modifiedSince(r: Request, date: string): boolean {
  const modified = r.out.lastModifiedSeconds;
  const mode = r.location.core.ifModifiedSince;
  if (modified === -1 || mode === "off") return true;
  const known = parseHttpDate(date);
  return known !== modified && (mode === "exact" || known < modified);
}

function notModifiedFilter(r: Request): number | undefined {
  const { out, headers } = r;
  if (out.status !== 200 || out.disableNotModified) return undefined;
  const unmodifiedSince = headers.get("if-unmodified-since");
  if (
    unmodifiedSince !== undefined &&
    (out.lastModifiedSeconds === -1 || parseHttpDate(unmodifiedSince) < out.lastModifiedSeconds)
  ) {
    return preconditionFailed(r);
  }
  const match = headers.get("if-match");
  if (match !== undefined && !listsEtag(match, out.etag, false)) return preconditionFailed(r);
  const since = headers.get("if-modified-since");
  const noneMatch = headers.get("if-none-match");
  if (since === undefined && noneMatch === undefined) return undefined;
  if (since !== undefined && modifiedSince(r, since)) return undefined;
  if (noneMatch !== undefined && !listsEtag(noneMatch, out.etag, true)) return undefined;
  out.status = 304;
  out.statusLine = undefined;
  out.contentType = undefined;
  out.clearLength();
  out.list.remove("accept-ranges");
  out.list.remove("content-encoding");
  return undefined;
}

/** Nothing of the response that was meant to be sent shows in the error page's head (ngx_http_filter_finalize_request). */
function preconditionFailed(r: Request): number {
  r.out.clear();
  return PRECONDITION_FAILED;
}

export const notModifiedModule: Module = new Module({
  name: "http_not_modified_filter",
  directives: [],
  create: () => ({}),
  register: (load) => {
    headerFilters(load).push(notModifiedFilter);
  },
});

/** X-Accel-Redirect: another URI or named location is served in place of the upstream's answer. */
import { finalize, internalRedirect, namedLocation } from "../http/phases.ts";
import type { Request } from "../http/request.ts";
import { unescapeUri } from "../http/uri.ts";

/** A URI that an upstream named, made safe. */
export interface SafeUri {
  readonly uri: string;
  readonly args: string | undefined;
}

/** A segment `..` anywhere, or a zero byte. */
function isUnsafe(path: string): boolean {
  return /(?:^|\/)\.\.(?:\/|$)|\0/.test(path);
}

/** Splits and decodes; undefined for an empty path and one with `..` (ngx_http_parse_unsafe_uri). */
export function parseUnsafeUri(text: string): SafeUri | undefined {
  const question = text.indexOf("?");
  const path = question < 0 ? text : text.slice(0, question);
  if (path === "" || isUnsafe(path)) return undefined;
  const uri = unescapeUri(path);
  if (isUnsafe(uri)) return undefined;
  return { uri, args: question < 0 ? undefined : text.slice(question + 1) };
}

/** Goes where X-Accel-Redirect says; the headers that survive were copied before. */
export function accelRedirect(r: Request, target: string): void {
  if (target.startsWith("@")) {
    namedLocation(r, target);
    return;
  }
  const parsed = parseUnsafeUri(target);
  if (parsed === undefined) {
    r.logError(`unsafe URI "${target}" was detected`);
    finalize(r, 404);
    return;
  }
  if (r.method !== "HEAD") r.method = "GET";
  internalRedirect(r, parsed.uri, parsed.args);
}

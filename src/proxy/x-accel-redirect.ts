/** X-Accel-Redirect: another URI or named location is served in place of the upstream's answer. */
import { finalize } from "../http/finalize.ts";
import { internalRedirect, namedLocation } from "../http/internal-redirect.ts";
import type { Request } from "../http/request.ts";
import { unescapeUri } from "../http/uri.ts";

/** A URI that an upstream named. */
export interface ParsedUri {
  /** Decoded, where it is safe. */
  readonly uri: string;
  readonly args: string | undefined;
  /** Empty, or climbs with `..`. */
  readonly unsafe: boolean;
}

/** A segment `..` anywhere, or a zero byte. */
function isUnsafe(path: string): boolean {
  return /(?:^|\/)\.\.(?:\/|$)|\0/.test(path);
}

/** Splits and decodes, as ngx_http_parse_unsafe_uri. */
export function parseUnsafeUri(text: string): ParsedUri {
  const question = text.indexOf("?");
  const path = question < 0 ? text : text.slice(0, question);
  const args = question < 0 ? undefined : text.slice(question + 1);
  if (path === "" || isUnsafe(path)) return { uri: text, args, unsafe: true };
  const uri = unescapeUri(path);
  return { uri, args, unsafe: isUnsafe(uri) };
}

/** Goes where X-Accel-Redirect says; the headers that survive were copied before. */
export function accelRedirect(r: Request, target: string): void {
  if (target.startsWith("@")) {
    namedLocation(r, target);
    return;
  }
  const { uri, args, unsafe } = parseUnsafeUri(target);
  if (unsafe) {
    r.logError(`unsafe URI "${uri}" was detected`);
    finalize(r, 404);
    return;
  }
  if (r.method !== "HEAD") r.method = "GET";
  internalRedirect(r, uri, args);
}

/** The URI that is asked of the upstream (ngx_http_proxy_create_request). Hot: once per proxied request. */
import { escapeUri } from "../http/uri.ts";

/** What of a request its upstream URI depends on; `Request` fits. */
export interface RequestUri {
  /** As received, with arguments. */
  readonly unparsedUri: string;
  /** `unparsedUri` still stands for what is wanted: no rewrite and no internal redirect has changed it. */
  readonly validUnparsedUri: boolean;
  /** `uri` still begins with the location's prefix: no `rewrite ... break` has changed it. */
  readonly validLocation: boolean;
  /** Decoded and normalised. */
  readonly uri: string;
  readonly args: string | undefined;
  readonly internal: boolean;
}

const SLASH = 0x2f;
const PERCENT = 0x25;
const QUESTION = 0x3f;

/** Whether the path as received had an escape: only then may the decoded path need escaping again (r->quoted_uri). */
function wasQuoted(unparsedUri: string): boolean {
  for (let i = 0; i < unparsedUri.length; i++) {
    const c = unparsedUri.charCodeAt(i);
    if (c === PERCENT) return true;
    if (c === QUESTION) return false;
  }
  return false;
}

/**
 * The URI for the upstream. `prefix` is the location's prefix, `passUri` the URI part of `proxy_pass` ("" where it has
 * none). A URI part that came from variables (`evaluated`) is sent as it is. Without a URI part the client's own URI goes
 * through untouched unless something rewrote it; else `passUri` takes the prefix's place and the rest is escaped again.
 */
export function upstreamUri(r: RequestUri, prefix: string, passUri: string, evaluated: boolean): string {
  if (passUri === "") {
    // `GET http://host?x` has no path to pass on: it gets its slash.
    if (r.validUnparsedUri && r.unparsedUri.charCodeAt(0) === SLASH) return r.unparsedUri;
  } else if (evaluated) return passUri;
  const replaces = r.validLocation && passUri !== "";
  const rest = replaces ? r.uri.slice(prefix.length) : r.uri;
  const path = r.internal || wasQuoted(r.unparsedUri) ? escapeUri(rest, "uri") : rest;
  const uri = replaces ? passUri + path : path;
  return r.args === undefined || r.args === "" ? uri : `${uri}?${r.args}`;
}

/** Content types by the extension of a URI (ngx_http_set_content_type). */
import type { Request } from "../http/request.ts";

/** The extension of a URI's last segment, lower case; "" for none. A dot that begins a segment begins no extension. */
export function uriExtension(uri: string): string {
  for (let i = uri.length - 1; i > 1; i--) {
    const c = uri.charCodeAt(i);
    if (c === 0x2e && uri.charCodeAt(i - 1) !== 0x2f) return uri.slice(i + 1).toLowerCase();
    if (c === 0x2f) return "";
  }
  return "";
}

/** The type that `types` and `default_type` give to a request's URI; undefined where default_type is empty. */
export function contentType(r: Request): string | undefined {
  const { core } = r.location;
  const extension = uriExtension(r.uri);
  const type = (extension === "" ? undefined : core.types.get(extension)) ?? core.defaultType;
  return type === "" ? undefined : type;
}

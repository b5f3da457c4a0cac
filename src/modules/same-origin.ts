/** Whether a request may come from a page: other sites' pages send requests with what the browser has for this one. */

import { ConfigFault } from "../config/directive.ts";
import type { Request } from "../http/request.ts";
import { allowsOrigin, parseOrigins } from "../websocket/origins.ts";

const parsed = parseOrigins(["same-origin", "none=allow"]);

/** True for pages of this host, and for clients that are no browsers. */
export function fromSameOrigin(r: Request): boolean {
  if (parsed instanceof ConfigFault) return false;
  return allowsOrigin(parsed, r.headers.getAll("origin"), r.headers.get("host") ?? "");
}

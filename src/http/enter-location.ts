/** What the location that was chosen makes of a request (ngx_http_update_location_config). */
import { isOldExplorer, isSafari } from "./browser.ts";
import type { Request } from "./request.ts";

/** Applies limit_except and what decides whether the connection is kept. */
export function enterLocation(r: Request): void {
  applyLimitExcept(r);
  checkKeepAlive(r);
}

/** `limit_except`: methods that it does not name get its own level. */
function applyLimitExcept(r: Request): void {
  const limited = r.location.limitExcept;
  if (limited !== undefined && !limited.methods.has(r.method)) r.location = limited.level;
}

function checkKeepAlive(r: Request): void {
  if (!r.keepAlive) return;
  const core = r.location.core;
  const { connection } = r;
  if (
    core.keepaliveTimeout.timeoutMs === 0 ||
    connection.requests >= core.keepaliveRequests ||
    r.startMs - connection.startMs > core.keepaliveTimeMs ||
    disabledForBrowser(r, core.keepaliveDisable)
  ) {
    r.keepAlive = false;
  }
}

/** keepalive_disable: old MSIE breaks after POST, old Safari always (ngx_http_update_location_config). */
function disabledForBrowser(r: Request, disabled: ReadonlySet<string>): boolean {
  const explorer = disabled.has("msie6") && r.method === "POST";
  const safari = disabled.has("safari");
  if (!explorer && !safari) return false;
  const agent = r.headers.get("user-agent");
  if (agent === undefined) return false;
  return (explorer && isOldExplorer(agent)) || (safari && isSafari(agent));
}

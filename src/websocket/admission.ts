/** Which requests may open a WebSocket, before anything is asked of an upstream: `websocket_allowed_origins`, `websocket on`. */
import { finalize } from "../http/finalize.ts";
import type { Request } from "../http/request.ts";
import { respond } from "../http/response-output.ts";
import type { Handler } from "../http/settings.ts";
import { DECLINED, DONE } from "../http/verdict.ts";
import type { Refusal } from "../metrics/cells.ts";
import { ERR } from "../net/error-log.ts";
import { asksForWebSocket, isHandshake } from "./handshake.ts";
import { allowsOrigin } from "./origins.ts";
import type { WebSocketSettings } from "./settings.ts";

const FORBIDDEN = 403;
const UPGRADE_REQUIRED = 426;

/** Why the handler below refused a request; `id` is the module's. Undefined where it did not. */
export function refusedBy(r: Request, id: number): Refusal | undefined {
  const noted = r.lastingContext(id);
  return noted === "origin" || noted === "no_upgrade" ? noted : undefined;
}

function note(r: Request, id: number, refusal: Refusal): void {
  r.setLastingContext(id, refusal);
}

/** A handler that lets requests through, or answers them with 403 or 426. `id`: of the module that it is for. */
export function admissionHandler(settingsOf: (r: Request) => WebSocketSettings, id: () => number): Handler {
  return (r) => {
    const { mode, allowedOrigins } = settingsOf(r);
    if (typeof allowedOrigins === "object" && r.upgrade !== undefined && asksForWebSocket(r)) {
      const origins = r.headers.getAll("origin");
      if (!allowsOrigin(allowedOrigins, origins, r.headers.get("host") ?? "")) {
        r.log(ERR, refusalWords(origins));
        note(r, id(), "origin");
        // An error page is served in its place, and asks no upstream for a WebSocket either.
        r.upgrade = undefined;
        return FORBIDDEN;
      }
    }
    if (mode !== "on" || r.errorPage || r.owner !== undefined || isHandshake(r)) return DECLINED;
    note(r, id(), "no_upgrade");
    return askForUpgrade(r);
  };
}

function refusalWords(origins: readonly string[]): string {
  const what =
    origins.length === 0
      ? "without Origin"
      : origins.length > 1
        ? `with several Origins "${origins.join('", "')}"`
        : `from origin "${origins[0]}"`;
  return `WebSocket handshake ${what} is forbidden by websocket_allowed_origins`;
}

/** RFC 9110, 15.5.22. */
function askForUpgrade(r: Request): number {
  r.out.list.add("Upgrade", "websocket");
  r.out.list.add("Connection", "upgrade");
  const hasPage = r.location.core.errorPages?.some(({ status }) => status === UPGRADE_REQUIRED);
  if (hasPage) return UPGRADE_REQUIRED;
  r.out.statusLine = "426 Upgrade Required";
  // The phases end here: an OK would lead to the next one.
  finalize(r, respond(r, UPGRADE_REQUIRED, "text/plain", "This is a WebSocket endpoint.\n"));
  return DONE;
}

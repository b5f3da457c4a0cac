/** Why a request that asked for a WebSocket did not get one. */
import type { Request, UpstreamState } from "../http/request.ts";
import { NOWHERE, type Refusal } from "../metrics/cells.ts";
import { levelCounters } from "../metrics/level-counters.ts";
import { NO_ROW } from "../metrics/rows.ts";
import { proxyModule } from "../proxy/module.ts";
import { failureOf } from "../proxy/peer-counters.ts";
import { refusedBy } from "../websocket/admission.ts";
import { asksForWebSocket } from "../websocket/handshake.ts";
import { webSocketModule } from "../websocket/module.ts";

const SWITCHING_PROTOCOLS = 101;
const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
const CLIENT_CLOSED = 499;

/** What stopped requests before anything was asked of an upstream; `$limit_conn_status` and its like tell. */
export interface Limits {
  readonly connections: (r: Request) => string | undefined;
  readonly requests: (r: Request) => string | undefined;
}

const REJECTED = "REJECTED";

/** The reason; undefined where no WebSocket was asked for, or one was opened. To be asked when the request is over. */
export function refusalOf(r: Request, status: number, limits: Limits): Refusal | undefined {
  const stated = refusedBy(r, webSocketModule.id);
  if (stated !== undefined) return stated;
  if (status === SWITCHING_PROTOCOLS || r.upgrade === undefined || !asksForWebSocket(r)) return undefined;
  if (status === CLIENT_CLOSED || status === 0) return "client_left";
  if (limits.connections(r) === REJECTED) return "too_many_connections";
  if (limits.requests(r) === REJECTED) return "too_many_requests";
  const last = r.upstreamStates?.findLast(({ peer }) => peer !== "");
  if (last !== undefined) return refusalUpstream(r, last);
  if (status === UNAUTHORIZED) return "unauthorized";
  if (status === FORBIDDEN) return "forbidden";
  return levelCounters.of(r.location).tunnels === NO_ROW ? "not_proxied" : "other";
}

function refusalUpstream(r: Request, last: UpstreamState): Refusal {
  switch (failureOf(last)) {
    case "connect":
      return last.countersAt === NOWHERE ? "no_live_upstream" : "upstream_unreachable";
    case "connect_timeout":
    case "answer_timeout":
      return "upstream_timeout";
    case "no_answer":
      return "upstream_failed";
    default:
      return passesUpgrade(r) ? "upstream_refused" : "upgrade_not_passed";
  }
}

/** Whether the location asks its upstream for an upgrade. */
function passesUpgrade(r: Request): boolean {
  const { mode } = webSocketModule.of(r.location);
  if (mode === "on" || mode === "auto") return true;
  const { target, setHeaders } = proxyModule.of(r.location);
  // uwsgi and SCGI have a parameter for each field of the request.
  return target === undefined || setHeaders?.some(({ name }) => name.toLowerCase() === "upgrade") === true;
}

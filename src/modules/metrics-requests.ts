/** Counts requests when they are over: their answers, what became of handshakes, the tries at peers. */
import type { LoadContext } from "../config/load-context.ts";
import { phaseHandlers } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { ANSWERS, REFUSED, refusalIndex } from "../metrics/cells.ts";
import { count } from "../metrics/counters.ts";
import { levelCounters } from "../metrics/level-counters.ts";
import { watching } from "../metrics/watching.ts";
import { countTries } from "../proxy/peer-counters.ts";
import { TunnelRecord } from "../proxy/tunnel-record.ts";
import { variables } from "../template/variables.ts";
import { type Limits, refusalOf } from "./metrics-refusal.ts";
import { noteEnd, noteRefusal } from "./recent-events.ts";

const HIGHEST_CLASS = 5;

/** From now on every request of this configuration is counted. Hot: once per request, no look-up by name. */
export function countRequests(load: LoadContext): void {
  const variable = (name: string): Limits["connections"] => variables(load).find(name)?.get ?? (() => undefined);
  const limits = { connections: variable("limit_conn_status"), requests: variable("limit_req_status") };
  const { lists } = watching(load);
  phaseHandlers(load).log.push((r) => countRequest(r, limits, lists));
}

function countRequest(r: Request, limits: Limits, lists: boolean): void {
  if (r.owner !== undefined) {
    // What auth_request asks is no request of a client.
    if (r.upstreamStates !== undefined) countTries(r.upstreamStates);
    return;
  }
  const { at } = levelCounters.of(r.location).location;
  const { status } = r;
  const statusClass = Math.floor(status / 100);
  count(at + ANSWERS + (statusClass <= HIGHEST_CLASS ? statusClass : 0));
  if (r.upstreamStates !== undefined) countTries(r.upstreamStates);
  const refusal = refusalOf(r, status, limits);
  if (refusal !== undefined) count(at + REFUSED + refusalIndex(refusal));
  if (!lists) return;
  if (refusal !== undefined) noteRefusal(r, status, refusal);
  else if (r.upstream instanceof TunnelRecord) noteEnd(r);
}

/** `hopway_api`: all numbers as JSON; with `write`, peers can be drained. */
import {
  between,
  type ConfigFault,
  type DirectiveSite,
  invalidParameter,
  LOCATION,
  Module,
  type Scope,
  SERVER,
} from "../config/directive.ts";
import { enclosing } from "../config/enclosing-level.ts";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import { locationOf } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { discardBody } from "../http/request-body.ts";
import { respond } from "../http/response-output.ts";
import type { Handler } from "../http/settings.ts";
import { OK } from "../http/verdict.ts";
import { watching } from "../metrics/watching.ts";
import { NOTICE } from "../net/error-log.ts";
import { decoded } from "../net/utf8.ts";
import { markPeer } from "../upstream/operator-drain.ts";
import { snapshot } from "./api-snapshot.ts";
import { jsonBytes } from "./display-text.ts";
import { noteExposure, warnOfExposure } from "./exposure.ts";
import { type PeerState, peerStates } from "./metrics-peers.ts";
import { Reading } from "./metrics-reading.ts";
import { fromSameOrigin } from "./same-origin.ts";

const JSON_TYPE = "application/json";
const METHOD_NOT_ALLOWED = 405;
const UNAVAILABLE = 503;

function answer(r: Request, status: number, value: unknown): number {
  r.out.list.add("Cache-Control", "no-store");
  return respond(r, status, JSON_TYPE, jsonBytes(value));
}

function fault(r: Request, status: number, error: string): number {
  return answer(r, status, { error });
}

function apiHandler(load: LoadContext, write: boolean): Handler {
  return (r) => {
    const reading = Reading.take(load);
    if (reading === undefined) return UNAVAILABLE;
    const refused = discardBody(r);
    if (refused !== OK) return refused;
    if (r.method === "GET" || r.method === "HEAD") return answer(r, 200, { ...snapshot(reading), write });
    if (r.method !== "POST") return METHOD_NOT_ALLOWED;
    if (!write) return fault(r, 403, "this location only shows: hopway_api write; lets it change something");
    // A page of another site could send this with the operator's rights.
    if (!fromSameOrigin(r)) return fault(r, 403, "this came from a page of another site");
    return changePeer(r, reading);
  };
}

/** `POST ?upstream=NAME&peer=ADDRESS&drain=on|off`. */
function changePeer(r: Request, reading: Reading): number {
  const wanted = new URLSearchParams(decoded(r.args ?? ""));
  const drain = wanted.get("drain");
  if (drain !== "on" && drain !== "off") return fault(r, 400, "drain=on or drain=off is missing");
  const found = peerStates(reading).find(
    ({ upstream, peer }) => decoded(upstream) === wanted.get("upstream") && decoded(peer) === wanted.get("peer"),
  );
  if (found === undefined) return fault(r, 404, "no upstream has such a peer: upstream= and peer= as GET shows them");
  if (found.entry.drainedAsWritten) return fault(r, 409, "the configuration drains this peer");
  if (!markPeer(found.entry, drain === "on")) return fault(r, 503, "there is no room to remember it");
  r.log(
    NOTICE,
    `operator ${drain === "on" ? "drains" : "undrains"} peer ${found.peer} of upstream "${found.upstream}"`,
  );
  const changed = peerStates(reading).find(({ at }) => at === found.at);
  return answer(r, 200, shown(changed ?? found));
}

function shown({ upstream, peer, state, drainedByOperator }: PeerState) {
  return { upstream: decoded(upstream), peer: decoded(peer), state, drainedByOperator };
}

/** URIs of the first locations with `hopway_api write`, by their servers: the page offers what they can do. */
export const writableApis = perLoad<Map<Scope, string>>(() => new Map());

function apply(_own: object, site: DirectiveSite): ConfigFault | undefined {
  const { scope, statement, load } = site;
  const [word] = statement.args;
  if (word !== undefined && word !== "write") return invalidParameter(word);
  const seen = watching(load);
  seen.wanted = true;
  seen.lists = true;
  noteExposure(site);
  const location = locationOf(scope);
  location.handler = apiHandler(load, word === "write");
  const plain = location.kind === "prefix" || location.kind === "exact";
  const server = enclosing(scope, SERVER);
  const known = writableApis(load);
  if (word === "write" && plain && server !== undefined && !known.has(server)) known.set(server, location.name);
  return undefined;
}

export const apiModule: Module = new Module({
  name: "hopway_api",
  directives: [
    {
      name: "hopway_api",
      in: LOCATION,
      arity: between(0, 1),
      doc: "Answers with all numbers as JSON; write: POST drains peers.",
      apply,
    },
  ],
  create: () => ({}),
  finish(_http, load) {
    warnOfExposure(load);
    return undefined;
  },
});

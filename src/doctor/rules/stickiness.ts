/** Sessions that begin with ordinary requests, spread over several backends. */
import type { Statement } from "../../config/syntax.ts";
import { type Level, ownLines } from "../../explain/level.ts";
import type { Edit } from "../edit.ts";
import type { Rule, Symptom } from "../finding.ts";
import { passesUpgrade } from "../proxy-place.ts";

const NOT_STICKY = /^(?:least_conn|least_time|random|fair)$/;
const STICKY = /^(?:ip_hash|hash|sticky\w*|jvm_route|consistent_hash)$/;
/** What differs between the requests of one session. */
const VARIES = /\$(?:request_uri|request_id|args|arg_sid|arg_t|connection|msec|remote_port|http_sec_websocket_key)\b/;

function servers(upstream: Level): Statement[] {
  return ownLines(upstream, "server").filter(({ args }) => !args.includes("backup") && !args.includes("down"));
}

/** The line that chooses a peer; undefined for round-robin. */
export function methodLine(upstream: Level): Statement | undefined {
  return upstream.lines.find(({ name }) => STICKY.test(name) || NOT_STICKY.test(name));
}

function isSticky(method: Statement | undefined): boolean {
  if (method === undefined || NOT_STICKY.test(method.name)) return false;
  return !VARIES.test(method.args[0] ?? "");
}

/** ip_hash knows no backup servers. */
function stickyEdits(upstream: Level, method: Statement | undefined): Edit[] {
  if (ownLines(upstream, "server").some(({ args }) => args.includes("backup"))) return [];
  if (method !== undefined) return [{ kind: "replace", statement: method, line: "ip_hash;" }];
  return upstream.statement === undefined ? [] : [{ kind: "open", statement: upstream.statement, lines: ["ip_hash;"] }];
}

export const noStickiness: Rule = {
  id: "no-stickiness",
  title: "several peers without stickiness behind Socket.IO, SockJS or SignalR, which begin with ordinary requests",
  find({ places }) {
    const seen = new Set<Level>();
    return places.flatMap((place): Symptom[] => {
      const { upstream, app } = place;
      if (upstream === undefined || seen.has(upstream) || servers(upstream).length < 2) return [];
      const method = methodLine(upstream);
      const needs = app?.needsStickiness === true;
      if (isSticky(method) || (!needs && (passesUpgrade(place) !== true || !place.shared))) return [];
      seen.add(upstream);
      const at = method ?? upstream.statement ?? place.pass;
      const name = upstream.statement?.args[0] ?? "";
      const how =
        method === undefined ? "in turn" : `by ${method.name}${method.args.length > 0 ? ` ${method.args[0]}` : ""}`;
      return [
        {
          severity: needs ? "error" : "note",
          at,
          message: `upstream ${name} gives requests to its ${servers(upstream).length} servers ${how}, whoever asks.`,
          consequence: needs
            ? `${app.name} opens its session with ordinary requests. The next one reaches another server, which does not know it: 400 "Session ID unknown" or 404, over and over.`
            : "Fine for plain WebSockets. Socket.IO, SockJS and SignalR open sessions with ordinary requests, and get 400 or 404 from servers that do not know them.",
          remedy: "Send a client to the same server each time.",
          edits: needs ? stickyEdits(upstream, method) : [],
          example: ["ip_hash;"],
        },
      ];
    });
  },
};

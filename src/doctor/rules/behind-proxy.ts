/** Decisions by the client's address where all clients have that of another proxy. */
import type { Statement } from "../../config/syntax.ts";
import { holdingLines, type Level } from "../../explain/level.ts";
import type { Examination } from "../examination.ts";
import type { Rule, Symptom } from "../finding.ts";
import { listensOf } from "../listens.ts";
import { methodLine } from "./stickiness.ts";

const REAL_IP = [
  "set_real_ip_from 10.0.0.0/8;  # the addresses of the proxy in front",
  "real_ip_header X-Forwarded-For;",
  "real_ip_recursive on;",
];

/** What only a proxy in front sends: whoever reads it has one. Log formats have it by habit. */
const FROM_PROXY =
  /\$\{?http_(?:x_forwarded_(?:for|proto|host|port)|x_real_ip|cf_connecting_ip|cf_visitor|true_client_ip|x_amzn_\w+|x_cloud_trace_context|fastly_client_ip|forwarded)\b/;
const ADDRESS = /\$\{?(?:binary_)?remote_addr\b/;

function mentions(statements: readonly Statement[], pattern: RegExp): boolean {
  return statements.some(
    ({ name, args, block }) =>
      name !== "log_format" &&
      (args.some((arg) => pattern.test(arg)) || (block !== undefined && mentions(block, pattern))),
  );
}

/** Servers that another proxy stands in front of, by what their lines read. */
function serversBehindProxies({ servers, http }: Examination): ReadonlySet<Level> {
  // Of http, only its own tables and lines: other servers may be reached another way.
  const shared = http?.lines.filter(({ name }) => name !== "server" && name !== "upstream") ?? [];
  if (mentions(shared, FROM_PROXY)) return new Set(servers);
  return new Set(
    servers.filter(
      (server) =>
        listensOf(server).some(({ options }) => options.includes("proxy_protocol")) ||
        mentions(server.lines, FROM_PROXY),
    ),
  );
}

/** Whether the client's address is taken from what the proxy in front says. */
function knowsClients(level: Level): boolean {
  return holdingLines(level, "set_real_ip_from") !== undefined;
}

export const ipHashBehindProxy: Rule = {
  id: "ip-hash-behind-proxy",
  title: "`ip_hash` or a hash of the client's address behind another proxy, without `set_real_ip_from`",
  find(examination) {
    const behind = serversBehindProxies(examination);
    const seen = new Set<Statement>();
    return examination.places.flatMap((place): Symptom[] => {
      const { upstream, server, level } = place;
      const method = upstream === undefined ? undefined : methodLine(upstream);
      if (method === undefined || seen.has(method)) return [];
      const byAddress = method.name === "ip_hash" || (method.name === "hash" && ADDRESS.test(method.args[0] ?? ""));
      if (!byAddress || !behind.has(server) || knowsClients(level)) return [];
      seen.add(method);
      return [
        {
          severity: "warning",
          at: method,
          message: `${method.name} of upstream ${upstream?.statement?.args[0]} hashes the address of the proxy in front, which is the same for all clients.`,
          consequence:
            "All clients go to one server, and the others idle; with several proxies in front, a client changes servers, and Socket.IO's sessions break with 400.",
          remedy: "Let the client's own address count, from those who may tell it.",
          edits: [],
          example: REAL_IP,
        },
      ];
    });
  },
};

/** The line that defines the zone of a `limit_conn` or `limit_req`. */
export function zoneOf({ http }: Examination, limit: Statement): Statement | undefined {
  const zone =
    limit.args.map((arg) => /^zone=([^:]+)$/.exec(arg)?.[1]).find((name) => name !== undefined) ?? limit.args[0];
  return http?.lines.find(
    ({ name, args }) => name === `${limit.name}_zone` && args.some((arg) => arg.startsWith(`zone=${zone}:`)),
  );
}

/** What a zone counts by. */
export function keyOf(zone: Statement | undefined): string | undefined {
  return zone?.args.find((arg) => arg.includes("$"));
}

export const limitByBalancer: Rule = {
  id: "limit-by-balancer",
  title: "`limit_conn` or `limit_req` counts by the address of another proxy in front",
  find(examination) {
    const behind = serversBehindProxies(examination);
    const seen = new Set<Statement>();
    return examination.places.flatMap((place): Symptom[] => {
      if (!behind.has(place.server) || knowsClients(place.level)) return [];
      return ["limit_conn", "limit_req"].flatMap((name): Symptom[] => {
        const lines = holdingLines(place.level, name)?.lines ?? [];
        return lines.flatMap((line): Symptom[] => {
          if (seen.has(line) || !ADDRESS.test(keyOf(zoneOf(examination, line)) ?? "")) return [];
          seen.add(line);
          return [
            {
              severity: "warning",
              at: line,
              message: `${name} counts the address of the proxy in front, so all clients share one limit.`,
              consequence: `Once some of them have ${name === "limit_conn" ? "their WebSockets open" : "connected"}, handshakes of all others get 503.`,
              remedy: "Let the client's own address count, from those who may tell it.",
              edits: [],
              example: REAL_IP,
            },
          ];
        });
      });
    });
  },
};

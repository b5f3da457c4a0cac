/** Requests that never come to the location that is meant for them. */
import type { Statement } from "../../config/syntax.ts";
import { type Level, levelName, ownLines } from "../../explain/level.ts";
import { lineText } from "../../explain/statement-text.ts";
import type { Trace } from "../../explain/trace.ts";
import type { Edit } from "../edit.ts";
import type { Examination } from "../examination.ts";
import { browserRequest } from "../find-places.ts";
import type { Rule, Symptom } from "../finding.ts";
import type { ProxyPlace } from "../proxy-place.ts";

/** Whether a request came by a location or something inside it. */
function came(trace: Trace, location: Level): boolean {
  const inside = (level: Level): Statement[] => [
    ...(level.statement === undefined ? [] : [level.statement]),
    ...level.children.flatMap(inside),
  ];
  const statements = new Set(inside(location));
  return trace.events.some((event) => event.kind === "location" && statements.has(event.statement));
}

/** Paths that a location looks meant for. */
function pathsOf({ location, sample }: ProxyPlace): string[] {
  const name = location.statement?.args.at(-1) ?? "";
  const isPrefix = name.startsWith("/") && !/^[=~]/.test(location.statement?.args[0] ?? "");
  const more = isPrefix ? [name, `${name.replace(/\/$/, "")}/x`] : [];
  return [...(sample === undefined ? [] : [sample]), ...more];
}

/** `location ^~ /ws/` keeps expressions out. */
function withoutExpressions({ statement }: Level): Edit[] {
  const [name, second] = statement?.args ?? [];
  if (statement === undefined || name === undefined || second !== undefined || !name.startsWith("/")) return [];
  return [{ kind: "replace", statement, line: lineText({ ...statement, args: ["^~", name] }) }];
}

export const locationUnreachable: Rule = {
  id: "location-unreachable",
  title: "another location, most often a regular expression, takes the requests of a location that proxies WebSockets",
  find({ places, simulation }) {
    if (simulation === undefined) return [];
    return places.flatMap((place): Symptom[] => {
      const { location, server, likelihood } = place;
      if (likelihood === "possible" || location.statement === undefined) return [];
      if (/^@/.test(location.statement.args[0] ?? "")) return [];
      const traces = pathsOf(place).map((path) => [path, simulation.run(browserRequest(server, path, true))] as const);
      const tried = traces.filter(([, trace]) => trace?.server === server.statement);
      const [first] = tried;
      if (first === undefined || tried.some(([, trace]) => trace !== undefined && came(trace, location))) return [];
      const [path, trace] = first;
      const winner = trace?.events.find((event) => event.kind === "location")?.statement;
      // Rewrites of the server, and its own return lines, come before any location. Those that want https are right.
      if (winner === undefined && (trace?.events.length === 0 || redirectsToTls(trace))) return [];
      const shown = path.split("?")[0];
      const by = winner === undefined ? "what stands in the server itself" : `location ${winner.args.join(" ")}`;
      return [
        {
          severity: "error",
          at: location.statement,
          message: `${levelName(location)} is never used: ${by} takes ${shown}.`,
          consequence: `Handshakes on ${shown} end up in ${by}: ${endOf(trace)} instead of 101.`,
          remedy: winner?.args[0]?.startsWith("~")
            ? "Expressions win over prefixes; ^~ keeps them out."
            : "Look at the order of locations: hopway explain shows the way of a request.",
          edits: winner?.args[0]?.startsWith("~") ? withoutExpressions(location) : [],
        },
      ];
    });
  },
};

/** What a client sees of a trace's end. */
export function endOf(trace: Trace | undefined): string {
  const { outcome } = trace ?? {};
  switch (outcome?.kind) {
    case "answered": {
      const place = /^Location: (.*)$/im.exec(outcome.head)?.[1];
      return place === undefined ? String(outcome.status) : `${outcome.status} to ${place}`;
    }
    case "proxied":
      return `the answer of ${outcome.url}`;
    case "foreign":
      return `the answer of ${outcome.statement.name}`;
    default:
      return "a closed connection";
  }
}

/** Whether a request is only sent to https: what becomes of it there, the server does not tell. */
function redirectsToTls(trace: Trace | undefined): boolean {
  const outcome = trace?.outcome;
  return outcome?.kind === "answered" && /^Location: https:/im.test(outcome.head);
}

export const clientLibrary: Rule = {
  id: "client-library",
  title: "Socket.IO's own script is taken by a location for static files",
  find({ places, simulation }) {
    if (simulation === undefined) return [];
    return places.flatMap((place): Symptom[] => {
      const { location, server, app } = place;
      const name = location.statement?.args.at(-1) ?? "";
      if (app?.name !== "Socket.IO" || !name.startsWith("/")) return [];
      const path = `${name.replace(/\/$/, "")}/socket.io.js`;
      const own = simulation.run(browserRequest(server, `${name.replace(/\/$/, "")}/`, true));
      const trace = simulation.run(browserRequest(server, path, false));
      if (own === undefined || trace === undefined || !came(own, location) || came(trace, location)) return [];
      const winner = trace.location ?? server.statement;
      if (winner === undefined || location.statement === undefined) return [];
      return [
        {
          severity: "warning",
          at: winner,
          message: `${path} is taken by ${[winner.name, ...winner.args].join(" ")}.`,
          consequence: `Pages that load Socket.IO's script from the server get ${endOf(trace)} for it, and never begin a handshake.`,
          remedy: "^~ keeps expressions out of the location.",
          edits: withoutExpressions(location),
        },
      ];
    });
  },
};

export const tryFilesSwallows: Rule = {
  id: "try-files-swallows",
  title: "`try_files` beside `proxy_pass` sends requests elsewhere before they are proxied",
  find({ places }) {
    return places.flatMap((place): Symptom[] => {
      const [line] = ownLines(place.location, "try_files");
      if (line === undefined || place.level !== place.location) return [];
      const last = line.args.at(-1) ?? "";
      const end = last.startsWith("=")
        ? last.slice(1)
        : last.startsWith("@")
          ? `the answer of ${last}`
          : `${last} with 200`;
      return [
        {
          severity: "error",
          at: line,
          message: `${levelName(place.location)} has try_files beside proxy_pass: only requests for files that exist are proxied.`,
          consequence: `Handshakes get ${end} instead of 101.`,
          remedy: "try_files is for files: requests that are to be proxied do without it.",
          edits: [{ kind: "remove", statement: line }],
        },
      ];
    });
  },
};

/** What a path said to be a WebSocket's comes to on the server that does most for it. */
function bestTrace({ servers, simulation }: Examination, path: string): Trace | undefined {
  const traces = servers
    .map((server) => simulation?.run(browserRequest(server, path, true)))
    .filter((trace) => trace !== undefined);
  const rank = (trace: Trace): number => (trace.outcome.kind === "proxied" ? 0 : redirectsToTls(trace) ? 2 : 1);
  return traces.sort((a, b) => rank(a) - rank(b))[0];
}

export const pathNotProxied: Rule = {
  id: "path-not-proxied",
  title: "a path given with `--ws` is not proxied anywhere",
  find(examination) {
    return examination.facts.webSocketPaths.flatMap((path): Symptom[] => {
      const trace = bestTrace(examination, path);
      if (trace === undefined || trace.outcome.kind === "proxied" || trace.outcome.kind === "foreign") return [];
      if (redirectsToTls(trace)) return [];
      const at = trace.location ?? trace.server;
      const where = trace.location === undefined ? "no location" : `location ${trace.location.args.join(" ")}`;
      return [
        {
          severity: "error",
          at,
          message: `${path} is not proxied: it ends up in ${where}.`,
          consequence: `A handshake gets ${endOf(trace)} instead of 101.`,
          remedy: "Give it a location of its own.",
          edits: [],
          example: [
            `location ${path.split("?")[0]} {`,
            "  proxy_pass http://127.0.0.1:3000;",
            "  proxy_http_version 1.1;",
            "  proxy_set_header Upgrade $http_upgrade;",
            '  proxy_set_header Connection "upgrade";',
            "  proxy_set_header Host $host;",
            "}",
          ],
        },
      ];
    });
  },
};

/** Finds the places where a configuration proxies, and tries a handshake and a plain request at each. */

import { ConfigFault } from "../config/directive.ts";
import { compileRegex } from "../config/regex.ts";
import type { Statement } from "../config/syntax.ts";
import { handshakeFields } from "../explain/client-request.ts";
import { enclosing, holdingLine, holdingLines, type Level, ownLines } from "../explain/level.ts";
import type { ClientRequest, Simulation } from "../explain/simulate.ts";
import { parseProxyUrl } from "../proxy/proxy-url.ts";
import type { KnownFacts } from "./examination.ts";
import { knownApp, soundsLikeWebSocket } from "./known-apps.ts";
import { listensOf, serverHost } from "./listens.ts";
import { type PassUrl, type ProxyPlace, UpstreamHead } from "./proxy-place.ts";

/** All of them, in the order in which they stand. */
export function findPlaces(
  servers: readonly Level[],
  upstreams: ReadonlyMap<string, Level>,
  simulation: Simulation | undefined,
  facts: KnownFacts,
): ProxyPlace[] {
  const places: ProxyPlace[] = [];
  for (const server of servers) {
    const visit = (level: Level): void => {
      const place = placeOf(level, server, upstreams, simulation, facts);
      if (place !== undefined) places.push(place);
      level.children.forEach(visit);
    };
    visit(server);
  }
  return places;
}

function placeOf(
  level: Level,
  server: Level,
  upstreams: ReadonlyMap<string, Level>,
  simulation: Simulation | undefined,
  facts: KnownFacts,
): ProxyPlace | undefined {
  const location = enclosing(level, "location");
  const [pass] = ownLines(level, "proxy_pass");
  if (location === undefined || pass === undefined || (level.kind !== "location" && level.kind !== "if"))
    return undefined;
  // Subrequests come there, and no client.
  if (ownLines(location, "internal").length > 0) return undefined;
  const url = passUrl(pass.args[0] ?? "");
  const path = location.statement?.args.at(-1) ?? "";
  const named = facts.webSocketPaths.find((wanted) => leadsTo(simulation, server, wanted, level, location));
  const app = knownApp(named?.split("?")[0] ?? path) ?? knownApp(url.uri);
  const sample = named ?? samplePath(location, app?.sample);
  const handshake = tryAt(simulation, server, level, sample ?? "/", true);
  const plain = tryAt(simulation, server, level, sample ?? "/", false);
  const sounds = app !== undefined || soundsLikeWebSocket(path) || soundsLikeWebSocket(url.host);
  const certain = named !== undefined || mentionsUpgrade(level, handshake);
  return {
    level,
    location,
    server,
    pass,
    url,
    upstream: upstreams.get(url.host),
    likelihood: certain ? "certain" : sounds ? "likely" : "possible",
    app,
    sample,
    shared: app === undefined ? !soundsLikeWebSocket(path) : app.needsStickiness,
    handshake,
    plain,
  };
}

/** Takes a `proxy_pass` argument apart, also one with variables. */
export function passUrl(text: string): PassUrl {
  const hasVariables = text.includes("$");
  const parsed = hasVariables ? undefined : parseProxyUrl(text);
  if (parsed === undefined || "fault" in parsed) {
    const [, address = "", uri = ""] = /^https?:\/\/(?!unix:)([^/?]*)([/?].*)?$/i.exec(text) ?? [];
    // Variables may stand behind a name that is always the same.
    const [, host = "", port] = /^([^$:]+)(?::(\d+))?$/.exec(address) ?? [];
    const common = { text, tls: /^https:/i.test(text), uri, hasVariables };
    return { ...common, host, port: port === undefined ? undefined : Number(port) };
  }
  const { tls, host, port, portWritten, uri } = parsed;
  return { text, tls, host, port: portWritten ? port : undefined, uri, hasVariables };
}

/** The lines of whoever wanted WebSockets here, even if something is missing. */
function mentionsUpgrade(level: Level, handshake: UpstreamHead | undefined): boolean {
  const websocket = holdingLine(level, "websocket")?.args[0];
  if (websocket === "on" || websocket === "auto") return true;
  if (handshake !== undefined && (handshake.field("upgrade") !== "" || handshake.lists("connection", "upgrade")))
    return true;
  const own = holdingLines(level, "proxy_set_header")?.lines ?? [];
  return own.some(({ args }) => /^upgrade$/i.test(args[0] ?? "") || /upgrade/i.test(args[1] ?? ""));
}

/** A path that a location is for: an application's own, its name, or something that its expression matches. */
export function samplePath(location: Level, usual: string | undefined): string | undefined {
  const args = location.statement?.args ?? [];
  const [first = "", second] = args;
  const modifier = second === undefined ? (/^(?:=|~\*?|\^~)/.exec(first)?.[0] ?? "") : first;
  const name = second ?? first.slice(modifier.length);
  if (name.startsWith("@")) return usual ?? "/";
  if (!modifier.startsWith("~")) {
    if (modifier === "=") return name;
    if (usual?.startsWith(name)) return usual;
    return name.endsWith("/") ? `${name}x` : name;
  }
  const regex = compileRegex(name, modifier === "~*");
  if (regex instanceof ConfigFault) return undefined;
  return [usual, ...guesses(name)].find((path) => path !== undefined && regex.regex.test(path.split("?")[0] ?? ""));
}

/** Texts that an expression may match: its literal words, with something for what varies. */
function guesses(pattern: string): string[] {
  const literal = pattern
    .replace(/^\^/, "")
    .replace(/\$$/, "")
    .replace(/\\([./-])/g, "$1")
    .replace(/\(\?:?<\w+>|\(\?:/g, "(")
    .replace(/\((\w+)\|[^()]*\)/g, "$1")
    .replace(/\[[^\]]*\][+*]?/g, "1")
    .replace(/\\[dw][+*]?/g, "1")
    .replace(/\.[+*]/g, "x")
    .replace(/[()]|[?+*]/g, "");
  const path = literal.startsWith("/") ? literal : `/${literal}`;
  return [path, `${path}x`, `/x${path}`, pattern.startsWith("\\.") ? `/file${literal}` : path];
}

/** A browser's request to a server, over TLS where it can be; `target` with arguments. */
export function browserRequest(server: Level, target: string, handshake: boolean): ClientRequest {
  const listens = listensOf(server);
  const listen = listens.find(({ tls }) => tls) ?? listens[0];
  const host = serverHost(server);
  const tls = listen?.tls ?? false;
  const plain: ClientRequest["headers"] = [
    ["Connection", "keep-alive"],
    ["Accept", "*/*"],
  ];
  return {
    method: "GET",
    target,
    headers: [["Host", host], ...(handshake ? handshakeFields(tls, host) : plain)],
    clientAddress: "203.0.113.9",
    port: listen?.port ?? 80,
    address: /^(?:[\d.]+$|\[)/.test(listen?.host ?? "") ? listen?.host.replace(/^\[|\]$/g, "") : undefined,
    tls,
  };
}

function tryAt(
  simulation: Simulation | undefined,
  server: Level,
  level: Level,
  target: string,
  handshake: boolean,
): UpstreamHead | undefined {
  const { statement } = level;
  if (simulation === undefined || statement === undefined) return undefined;
  const outcome = simulation.runIn(statement, browserRequest(server, target, handshake));
  return outcome === undefined || outcome.head === "" ? undefined : new UpstreamHead(outcome);
}

/** Whether a handshake on a path ends up at a level, or at an `if` of its location. */
function leadsTo(
  simulation: Simulation | undefined,
  server: Level,
  target: string,
  level: Level,
  location: Level,
): boolean {
  const trace = simulation?.run(browserRequest(server, target, true));
  if (trace === undefined || trace.server !== server.statement || trace.location === undefined) return false;
  const reached: Statement = trace.location;
  return (
    reached === level.statement ||
    (level === location && location.children.some(({ statement }) => statement === reached))
  );
}

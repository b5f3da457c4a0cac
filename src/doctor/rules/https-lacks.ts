/** "It works over http and not over https": the lines stand in one of two servers for the same name. */
import type { Statement } from "../../config/syntax.ts";
import { type Level, levelName } from "../../explain/level.ts";
import { lineText } from "../../explain/statement-text.ts";
import type { Edit } from "../edit.ts";
import type { Examination } from "../examination.ts";
import { browserRequest } from "../find-places.ts";
import type { Rule, Symptom } from "../finding.ts";
import { listensOf, serverHost } from "../listens.ts";
import { type ProxyPlace, passesUpgrade, UpstreamHead } from "../proxy-place.ts";
import { endOf } from "./unreachable.ts";
import { handshakeEdits } from "./upgrade-headers.ts";

function speaksTls(server: Level): boolean {
  return listensOf(server).some(({ tls }) => tls);
}

/** The location of a place, for another server; nothing where it has blocks, which may mean something else there. */
function copied({ location: { statement, lines } }: ProxyPlace, into: Level): Edit[] {
  const last = into.lines.at(-1);
  if (statement === undefined || last === undefined || lines.some(({ block }) => block !== undefined)) return [];
  const text = [lineText(statement), ...lines.map((line) => `  ${lineText(line)}`), "}"];
  return [{ kind: "after", statement: last, lines: ["", ...text] }];
}

function lackOf(examination: Examination, place: ProxyPlace): Symptom | undefined {
  const { servers, places, simulation } = examination;
  const { server, sample, location } = place;
  if (simulation === undefined || sample === undefined || passesUpgrade(place) !== true) return undefined;
  const name = serverHost(server);
  const twin = servers.find((other) => other !== server && speaksTls(other) && serverHost(other) === name);
  if (twin?.statement === undefined || speaksTls(server)) return undefined;
  // A server that only sends people on to https needs no WebSockets.
  if (simulation.run(browserRequest(server, sample, true))?.outcome.kind !== "proxied") return undefined;
  const trace = simulation.run(browserRequest(twin, sample, true));
  const { outcome } = trace ?? {};
  const here = `${levelName(location)} in line ${location.statement?.startLine ?? 0} does, for http.`;
  if (outcome?.kind === "proxied") {
    const head = new UpstreamHead(outcome);
    const there = places.find(({ pass, server: its }) => pass === outcome.statement && its === twin);
    const passes = head.field("upgrade") !== "" && head.lists("connection", "upgrade");
    // Where the place tells of WebSockets itself, it is told about as such.
    if (passes || there === undefined || there.likelihood !== "possible") return undefined;
    return {
      severity: "error",
      at: there.pass,
      message: `For https, ${levelName(there.location)} passes neither "Upgrade" nor "Connection" on; ${here}`,
      consequence:
        "ws:// works, wss:// does not: the backend gets the handshake as an ordinary GET, and answers 400, 404, 426 or a page with 200 (1006). Pages that come by https may open wss:// alone.",
      remedy: "A server for https has lines of its own: what stands in the one for http does not hold in it.",
      edits: handshakeEdits(examination, there),
    };
  }
  if (outcome?.kind !== "answered") return undefined;
  return {
    severity: "error",
    at: trace?.location ?? twin.statement,
    message: `For https, ${sample.split("?")[0]} is not proxied; ${here}`,
    consequence: `ws:// works, wss:// does not: a handshake gets ${endOf(trace)} instead of 101. Pages that come by https may open wss:// alone.`,
    remedy: "A server for https has locations of its own: repeat this one.",
    edits: copied(place, twin),
  };
}

export const httpsLacks: Rule = {
  id: "https-lacks",
  title: "WebSockets are passed on by a name's server for http, and not by the one for https",
  find(examination) {
    const seen = new Set<Statement>();
    return examination.places
      .map((place) => lackOf(examination, place))
      .filter((one) => one !== undefined)
      .filter(({ at }) => !seen.has(at) && seen.add(at));
  },
};

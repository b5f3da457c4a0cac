/** Requests that want no upgrade ask for one all the same. */
import type { Statement } from "../../config/syntax.ts";
import { levelName, ownLines } from "../../explain/level.ts";
import type { Edit } from "../edit.ts";
import type { Examination } from "../examination.ts";
import type { Rule, Symptom } from "../finding.ts";
import { connectionVariable, setFields, setLine } from "../header-lines.ts";
import type { ProxyPlace } from "../proxy-place.ts";

const ASKED_FOR_NOTHING =
  'Every GET and POST here says "Connection: upgrade" to the backend. Many ignore it. Those that do not (Kestrel with SignalR ' +
  "or Blazor, some Java servers) refuse requests with a body with 400, or close the connection after each response.";

/** The map that a place's `Connection` comes from. */
export function mapOf({ http }: Examination, { level }: ProxyPlace): Statement | undefined {
  const value = setLine(level, "Connection")?.args[1];
  const maps = http === undefined ? [] : ownLines(http, "map");
  return maps.find(({ args }) => args[1] === value);
}

/** Whether ordinary requests ask for an upgrade here, and are there. */
function asksAlways({ plain, shared }: ProxyPlace): boolean {
  return shared && plain?.lists("connection", "upgrade") === true;
}

/** Whether ordinary requests reach the backend with both fields of a handshake. */
function sendsHandshakes(place: ProxyPlace): boolean {
  return asksAlways(place) && place.plain?.field("upgrade") !== "";
}

export const upgradeHardCoded: Rule = {
  id: "upgrade-hard-coded",
  title: "`Upgrade websocket` is set for all requests of a location that plain HTTP shares",
  find(examination) {
    return examination.places.flatMap((place): Symptom[] => {
      const line = setLine(place.level, "Upgrade");
      if (line === undefined || !sendsHandshakes(place)) return [];
      const connection = connectionVariable(examination, place);
      const everything = place.location.statement?.args.at(-1) === "/";
      return [
        {
          severity: everything ? "error" : "warning",
          at: line,
          message: `${levelName(place.location)} makes a WebSocket handshake of every request.`,
          consequence:
            "Pages, scripts and POSTs arrive as handshakes without a key: Node's servers and most libraries answer 400 or 426, or close the connection. WebSockets themselves work.",
          remedy: "Pass on what the client asks for.",
          edits: [
            ...connection.edits,
            ...setFields(place, [
              ["Upgrade", "$http_upgrade"],
              ["Connection", connection.name],
            ]),
          ],
        },
      ];
    });
  },
};

export const mapWithoutEmpty: Rule = {
  id: "map-without-empty",
  title: "the `map` for `Connection` has no line for requests without `Upgrade`",
  find(examination) {
    const found = new Map<Statement, Symptom>();
    for (const place of examination.places) {
      if (!asksAlways(place)) continue;
      const map = mapOf(examination, place);
      if (map === undefined || found.has(map)) continue;
      found.set(map, {
        severity: "warning",
        at: map,
        message: `map ${map.args.join(" ")} is "upgrade" for requests without an "Upgrade" field too.`,
        consequence: ASKED_FOR_NOTHING,
        remedy: "Give the empty value a line of its own.",
        edits: emptyLine(map),
      });
    }
    return [...found.values()];
  },
};

function emptyLine(map: Statement): Edit[] {
  const there = map.block?.find(({ name }) => name === "");
  const line = "''      close;";
  if (there !== undefined) return [{ kind: "replace", statement: there, line: "'' close;" }];
  const last = map.block?.at(-1);
  return [
    last === undefined
      ? { kind: "open", statement: map, lines: [line] }
      : { kind: "after", statement: last, lines: [line] },
  ];
}

export const connectionHardCoded: Rule = {
  id: "connection-hard-coded",
  title: '`Connection "upgrade"` is set for all requests of a location that plain HTTP shares',
  find(examination) {
    return examination.places.flatMap((place): Symptom[] => {
      if (!asksAlways(place) || sendsHandshakes(place) || mapOf(examination, place) !== undefined) return [];
      const line = setLine(place.level, "Connection");
      if (line === undefined) return [];
      const connection = connectionVariable(examination, place);
      return [
        {
          severity: place.app?.name === "SignalR" ? "warning" : "note",
          at: line,
          message: `${levelName(place.location)} sends "Connection: upgrade" with ordinary requests, too.`,
          consequence: ASKED_FOR_NOTHING,
          remedy: "Let a map ask for the upgrade only where the client did.",
          edits: [...connection.edits, ...setFields(place, [["Connection", connection.name]])],
        },
      ];
    });
  },
};

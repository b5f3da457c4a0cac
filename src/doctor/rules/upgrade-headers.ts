/** The two fields that ask for an upgrade do not reach the backend, or only one of them does. */

import type { Statement } from "../../config/syntax.ts";
import { SAMPLE_KEY } from "../../explain/client-request.ts";
import { holdingLine, holdingLines, levelName } from "../../explain/level.ts";
import type { Examination } from "../examination.ts";
import type { Rule, Symptom } from "../finding.ts";
import { connectionVariable, lostLines, setDirective, setFields, setLine } from "../header-lines.ts";
import { type ProxyPlace, passesUpgrade } from "../proxy-place.ts";

const SEEN_AS_GET =
  "The backend gets the handshake as an ordinary GET and answers it as one: 400, 404, 426, or a page with 200 instead of " +
  "101. Browsers only say that the connection failed, and report close code 1006.";

/** Whether the fields are there on an outer level, and lost: that is another rule's. */
function losesUpgrade({ location }: ProxyPlace): boolean {
  return lostLines(location).some(({ args }) => /^(?:upgrade|connection)$/i.test(args[0] ?? ""));
}

/** Whether handshakes for what a place's name tells of go through another one: below its path, or of the same application. */
function hasBetterPlace({ places }: Examination, place: ProxyPlace): boolean {
  const name = place.location.statement?.args.at(-1) ?? "";
  return places.some((other) => {
    if (other.server !== place.server || other.location === place.location || passesUpgrade(other) !== true)
      return false;
    return (
      (place.app !== undefined && other.app === place.app) || other.location.statement?.args.at(-1)?.startsWith(name)
    );
  });
}

/** `add_header` lines that were meant for the request. */
function misplacedLines({ level }: ProxyPlace): readonly Statement[] {
  const lines = holdingLines(level, "add_header")?.lines ?? [];
  return lines.filter(({ args }) => /^(?:upgrade|connection)$/i.test(args[0] ?? ""));
}

/** What a place needs for handshakes; the version where it is not set. */
export function handshakeEdits(examination: Examination, place: ProxyPlace): Symptom["edits"] {
  const connection = place.shared ? connectionVariable(examination, place) : { name: '"upgrade"', edits: [] };
  const fields = setFields(place, [
    ["Upgrade", "$http_upgrade"],
    ["Connection", connection.name],
  ]);
  const version = holdingLine(place.level, "proxy_http_version")?.args[0];
  const versionEdits = version === "1.1" ? [] : setDirective(place, "proxy_http_version 1.1;");
  return [...connection.edits, ...versionEdits, ...fields];
}

function notPassed(
  examination: Examination,
  place: ProxyPlace,
  severity: Symptom["severity"],
  others: number,
): Symptom {
  const more = others === 0 ? "" : `, and neither do ${others} more of this server`;
  const [misplaced, ...rest] = misplacedLines(place);
  if (misplaced !== undefined) {
    return {
      severity: "error",
      at: misplaced,
      message: `${levelName(place.location)} adds "${misplaced.args[0]}" to the answer: add_header is for responses, and the backend never sees it.`,
      consequence: SEEN_AS_GET,
      remedy: "What the backend is to get is set by proxy_set_header.",
      edits: [
        ...[misplaced, ...rest].map((statement) => ({ kind: "remove", statement }) as const),
        ...handshakeEdits(examination, place),
      ],
    };
  }
  return {
    severity,
    at: place.pass,
    message: `${levelName(place.location)} passes neither "Upgrade" nor "Connection" on${more}.`,
    consequence: SEEN_AS_GET,
    remedy:
      others === 0
        ? "Both fields are meant for one hop, so the proxy must be told to pass them on."
        : "Add the lines to the location that WebSockets go through; hopway doctor --ws /path finds out which that is.",
    edits: handshakeEdits(examination, place),
  };
}

/** Of places that nothing tells WebSockets of, one for each server is named: the one for all other paths, or the only one. */
function findUnknown(examination: Examination): Symptom[] {
  const { places, servers } = examination;
  if (places.some((place) => passesUpgrade(place) === true)) return [];
  return servers.flatMap((server) => {
    const here = places.filter((place) => place.server === server && passesUpgrade(place) === false);
    if (here.some(({ likelihood }) => likelihood !== "possible")) return [];
    const place = here.find(({ location }) => location.statement?.args.at(-1) === "/") ?? here[0];
    return place === undefined ? [] : [notPassed(examination, place, "warning", here.length - 1)];
  });
}

export const upgradeNotPassed: Rule = {
  id: "upgrade-not-passed",
  title: "a location that proxies WebSockets passes neither `Upgrade` nor `Connection`",
  find(examination) {
    const known = examination.places.filter((place) => {
      const { handshake, likelihood } = place;
      if (handshake === undefined || likelihood === "possible" || losesUpgrade(place)) return false;
      if (likelihood === "likely" && hasBetterPlace(examination, place)) return false;
      return handshake.field("upgrade") === "" && !handshake.lists("connection", "upgrade");
    });
    return [...known.map((place) => notPassed(examination, place, "error", 0)), ...findUnknown(examination)];
  },
};

function isUnknown({ simulation }: Examination, value: string): boolean {
  return [...value.matchAll(/\$\{?(\w+)/g)].some(([, name = ""]) =>
    simulation?.unknownVariables.has(name.toLowerCase()),
  );
}

export const connectionNotPassed: Rule = {
  id: "connection-not-passed",
  title: "`Upgrade` is passed, `Connection` does not say `upgrade`",
  find(examination) {
    return examination.places.flatMap((place): Symptom[] => {
      const { handshake, level } = place;
      if (handshake === undefined || handshake.field("upgrade") === "" || losesUpgrade(place)) return [];
      if (handshake.lists("connection", "upgrade")) return [];
      const line = setLine(level, "Connection");
      // What is in a variable that nothing here defines is not known.
      if (line !== undefined && isUnknown(examination, line.args[1] ?? "")) return [];
      const connection = place.shared ? connectionVariable(examination, place) : { name: '"upgrade"', edits: [] };
      const value = handshake.field("connection");
      return [
        {
          severity: "error",
          at: line ?? setLine(level, "Upgrade") ?? place.pass,
          message:
            `${levelName(place.location)} passes "Upgrade", but ` +
            (value === "" ? 'no "Connection".' : `"Connection: ${value}" in place of "Connection: upgrade".`),
          consequence: SEEN_AS_GET,
          remedy: '"Upgrade" only counts where "Connection" names it (RFC 9110, 7.8).',
          edits: [...connection.edits, ...setFields(place, [["Connection", connection.name]])],
        },
      ];
    });
  },
};

export const upgradeNotSet: Rule = {
  id: "upgrade-not-set",
  title: "`Connection` says `upgrade`, `Upgrade` is not passed",
  find({ places }) {
    return places.flatMap((place): Symptom[] => {
      const { handshake, level } = place;
      if (handshake === undefined || handshake.field("upgrade") !== "" || losesUpgrade(place)) return [];
      if (!handshake.lists("connection", "upgrade")) return [];
      return [
        {
          severity: "error",
          at: setLine(level, "Upgrade") ?? setLine(level, "Connection") ?? place.pass,
          message: `${levelName(place.location)} sends "Connection: upgrade", but no "Upgrade" that says to what.`,
          consequence: SEEN_AS_GET,
          remedy: 'The client\'s "Upgrade" is not passed on by itself.',
          edits: setFields(place, [["Upgrade", "$http_upgrade"]]),
        },
      ];
    });
  },
};

export const handshakeFieldsDropped: Rule = {
  id: "handshake-fields-dropped",
  title: "`Sec-WebSocket-*` fields do not reach the backend as the client sent them",
  find({ places }) {
    return places.flatMap((place): Symptom[] => {
      const { handshake, level } = place;
      if (handshake === undefined || passesUpgrade(place) !== true) return [];
      const key = handshake.field("sec-websocket-key");
      if (key === SAMPLE_KEY && handshake.field("sec-websocket-version") === "13") return [];
      const off = holdingLine(level, "proxy_pass_request_headers");
      const blamed =
        off?.args[0] === "off" ? off : (setLine(level, "Sec-WebSocket-Key") ?? setLine(level, "Sec-WebSocket-Version"));
      const at = blamed ?? place.pass;
      return [
        {
          severity: "error",
          at,
          message: `${levelName(place.location)} drops or changes the handshake's "Sec-WebSocket-Key" or "-Version".`,
          consequence:
            "The backend refuses the handshake with 400 or 426; or the browser refuses the answer, because its key is not in it (1006).",
          remedy: "Let the client's own fields pass.",
          edits:
            blamed === undefined
              ? []
              : blamed === off
                ? [{ kind: "replace", statement: blamed, line: "proxy_pass_request_headers on;" }]
                : [{ kind: "remove", statement: blamed }],
        },
      ];
    });
  },
};

/** Limits that ordinary clients meet. */
import type { Statement } from "../../config/syntax.ts";
import { holdingLines, levelName } from "../../explain/level.ts";
import { lineText } from "../../explain/statement-text.ts";
import type { Examination } from "../examination.ts";
import type { Rule, Symptom } from "../finding.ts";
import { type ProxyPlace, passesUpgrade } from "../proxy-place.ts";
import { keyOf, zoneOf } from "./behind-proxy.ts";

/** What Engine.IO sends at once to open a session and upgrade it, twice over: a page that is loaded again. */
const BURST = 10;
const PROPOSED_BURST = "burst=20";
/** A person with two tabs of an application that polls while it upgrades has four. */
const FEW_CONNECTIONS = 3;
const PROPOSED_CONNECTIONS = "50";
const SECONDS_A_MINUTE = 60;

/** Requests a second that a `limit_req` lets through; undefined where its zone is not here. */
function rateOf(zone: Statement | undefined): number | undefined {
  const rate = zone?.args.find((arg) => arg.startsWith("rate="));
  const [, count, unit] = /^rate=(\d+)r\/([sm])$/.exec(rate ?? "") ?? [];
  return count === undefined ? undefined : Number(count) / (unit === "m" ? SECONDS_A_MINUTE : 1);
}

function requestLimits(examination: Examination, place: ProxyPlace): Symptom[] {
  if (place.app?.needsStickiness !== true) return [];
  const lines = holdingLines(place.level, "limit_req")?.lines ?? [];
  return lines.flatMap((line): Symptom[] => {
    const rate = rateOf(zoneOf(examination, line));
    const burst = Number(/^burst=(\d+)$/.exec(line.args.find((arg) => arg.startsWith("burst=")) ?? "")?.[1] ?? 0);
    if (rate === undefined || rate + burst >= BURST) return [];
    const others = line.args.filter((arg) => !/^(?:burst=|delay=|nodelay$)/.test(arg));
    return [
      {
        severity: "warning",
        at: line,
        message: `${levelName(place.location)} lets a client send ${burst + 1} request${burst === 0 ? "" : "s"} at once, and ${place.app?.name} begins with four or five.`,
        consequence:
          'The first goes through, and the next gets 503: "xhr poll error", and the client begins again, which is one more request. Messages that are posted while it polls are lost the same way.',
        remedy: "Let a burst pass at once; the rate still holds for those who go on.",
        edits: [
          {
            kind: "replace",
            statement: line,
            line: lineText({ ...line, args: [...others, PROPOSED_BURST, "nodelay"] }),
          },
        ],
      },
    ];
  });
}

function connectionLimits(examination: Examination, place: ProxyPlace): Symptom[] {
  const lines = holdingLines(place.level, "limit_conn")?.lines ?? [];
  return lines.flatMap((line): Symptom[] => {
    const [zone = "", count = ""] = line.args;
    if (!(Number(count) < FEW_CONNECTIONS)) return [];
    return [
      {
        severity: "warning",
        at: line,
        message: `${levelName(place.location)} lets ${count === "1" ? "one request or WebSocket" : `${count} requests or WebSockets`} be open at a time for each ${keyOf(zoneOf(examination, line)) ?? zone}.`,
        consequence:
          "A WebSocket counts for as long as it lives: a second tab, a second person behind the same address, or the page that is loaded again before the old connection is gone gets 503.",
        remedy: "Count what a household or an office has open.",
        edits: [{ kind: "replace", statement: line, line: lineText({ ...line, args: [zone, PROPOSED_CONNECTIONS] }) }],
      },
    ];
  });
}

export const limitTooLow: Rule = {
  id: "limit-too-low",
  title: "a `limit_req` that polling meets at once, or a `limit_conn` of one or two WebSockets",
  find(examination) {
    const seen = new Set<Statement>();
    return examination.places
      .filter((place) => passesUpgrade(place) === true)
      .flatMap((place) => [...requestLimits(examination, place), ...connectionLimits(examination, place)])
      .filter(({ at }) => !seen.has(at) && seen.add(at));
  },
};

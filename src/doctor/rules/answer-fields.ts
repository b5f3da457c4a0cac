/** Fields of the 101 that do not reach the client, and fields of the request that browsers do not send. */

import type { Statement } from "../../config/syntax.ts";
import { holdingLine, holdingLines, levelName } from "../../explain/level.ts";
import type { Rule, Symptom } from "../finding.ts";
import { passesUpgrade } from "../proxy-place.ts";

/** nginx writes `Connection` itself; these two it passes on. */
const NEEDED = /^(?:upgrade|sec-websocket-accept)$/i;

export const answerFieldsHidden: Rule = {
  id: "answer-fields-hidden",
  title: "`proxy_hide_header` takes `Upgrade` or `Sec-WebSocket-Accept` off the 101",
  find({ places }) {
    const seen = new Set<Statement>();
    return places.flatMap((place): Symptom[] => {
      if (passesUpgrade(place) !== true) return [];
      const lines = holdingLines(place.level, "proxy_hide_header")?.lines ?? [];
      return lines.flatMap((line): Symptom[] => {
        const [field = ""] = line.args;
        if (!NEEDED.test(field) || seen.has(line)) return [];
        seen.add(line);
        return [
          {
            severity: "error",
            at: line,
            message: `${levelName(place.location)} hides "${field}" of the backend's answers, and a 101 needs it.`,
            consequence:
              "The backend accepts, the access log says 101, and the browser closes the connection at once (1006): without the field, the answer is none to its handshake.",
            remedy:
              'Take the line out. Where it is for answers to plain requests ("Upgrade: h2"), put it into a location that WebSockets do not go through.',
            edits: [{ kind: "remove", statement: line }],
          },
        ];
      });
    });
  },
};

function isRefusal({ name, args, block }: Statement): boolean {
  return (
    name === "if" &&
    /\$\{?invalid_referer\b/.test(args[0] ?? "") &&
    block?.some((line) => line.name === "return") === true
  );
}

export const refererRequired: Rule = {
  id: "referer-required",
  title: "`valid_referers` without `none` refuses handshakes, which have no `Referer`",
  find({ places }) {
    const seen = new Set<Statement>();
    return places.flatMap((place): Symptom[] => {
      const { level, location, server } = place;
      const valid = holdingLine(level, "valid_referers");
      const refusal = [...location.lines, ...server.lines].find(isRefusal);
      if (valid === undefined || valid.args.includes("none") || refusal === undefined || seen.has(valid)) return [];
      if (passesUpgrade(place) === false && place.likelihood === "possible") return [];
      seen.add(valid);
      return [
        {
          severity: "error",
          at: valid,
          message: `${levelName(location)} refuses requests without a "Referer".`,
          consequence:
            "Browsers send none with a WebSocket's handshake: it gets what the block returns instead of 101.",
          remedy: 'Allow requests that have none. What tells where a handshake comes from is "Origin".',
          edits: [
            {
              kind: "replace",
              statement: valid,
              line: ["valid_referers", "none", ...valid.args].join(" ").concat(";"),
            },
          ],
        },
      ];
    });
  },
};

/** Configurations that cannot be read to their end, and names that nobody can look up. */
import type { Statement } from "../../config/syntax.ts";
import { levelName } from "../../explain/level.ts";
import { browserRequest } from "../find-places.ts";
import type { Rule, Symptom } from "../finding.ts";

export const syntaxError: Rule = {
  id: "syntax-error",
  title: "the configuration cannot be read to its end",
  find({ read }) {
    const { error } = read;
    if (error === undefined) return [];
    const { message, file = read.mainPath, line = 0 } = error;
    const at: Statement = { name: "", args: [], file, line, startLine: line, block: undefined };
    return [
      {
        severity: "error",
        at,
        message: `${message}.`,
        consequence: "nginx does not start, and a reload changes nothing. The doctor has read no further.",
        remedy: /expecting "}"/.test(message)
          ? 'A block has no "}": the line is where the file ends.'
          : 'Most often the line before lacks its ";", or a quote its other half.',
        edits: [],
      },
    ];
  },
};

export const resolverMissing: Rule = {
  id: "resolver-missing",
  title: "`proxy_pass` with variables needs a `resolver`, and has none",
  find({ places, simulation }) {
    return places.flatMap((place): Symptom[] => {
      const { pass, url, server, sample, level } = place;
      if (!url.hasVariables || simulation === undefined || sample === undefined) return [];
      const trace = simulation.run(browserRequest(server, sample, true));
      const outcome = trace?.outcome;
      if (outcome?.kind !== "answered" || !outcome.why.startsWith("no resolver") || trace?.location !== level.statement)
        return [];
      return [
        {
          severity: "error",
          at: pass,
          message: `${levelName(level)} makes a host name out of variables, and there is no resolver: ${outcome.why}.`,
          consequence: 'Every request and handshake gets 502, and the error log says "no resolver defined to resolve".',
          remedy: "Names that are only known when a request comes are asked of a resolver.",
          edits: [],
          example: ["resolver 127.0.0.11 valid=10s;  # in Docker; elsewhere the server of /etc/resolv.conf"],
        },
      ];
    });
  },
};

/** What keeps nginx from loading or serving the configuration at all. */
import type { Statement } from "../../config/syntax.ts";
import { nginxModuleOf } from "../../config/unsupported.ts";
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

/** Words of faults that nginx has for the same lines: what hopway does not have is another matter. */
const NGINX_REFUSES =
  /^(?:invalid (?:number of arguments|value|parameter|number|URL prefix)|"[^"]*" directive (?:is duplicate|is not allowed here)|directive "[^"]*" (?:is not terminated|has no opening)|duplicate location|location "[^"]*" (?:is outside|cannot be)|"proxy_pass" cannot have URI part|the closing bracket)/;

/** A directive that is an argument of another one: between them a semicolon is missing. */
function swallowed({ args, startLine, line }: Statement): string | undefined {
  return startLine === line ? undefined : args.find((arg) => nginxModuleOf(arg) !== undefined);
}

export const lineRefused: Rule = {
  id: "line-refused",
  title: "a line that nginx refuses: too many words, a directive in the wrong place, or twice",
  find({ simulation }) {
    return (simulation?.leftOut ?? []).flatMap(({ statement, why }): Symptom[] => {
      if (!NGINX_REFUSES.test(why) || why.includes("hopway")) return [];
      const next = swallowed(statement);
      return [
        {
          severity: "error",
          at: statement,
          message: `${why}.`,
          consequence: "nginx does not start, and a reload changes nothing: the old configuration goes on.",
          remedy:
            next === undefined
              ? "nginx -t, or hopway -t, says whether it is mended."
              : `"${next}" has become a part of "${statement.name}": a ";" is missing before it.`,
          edits: [],
        },
      ];
    });
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

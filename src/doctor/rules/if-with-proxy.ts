/** `if` in a location is a location of its own, and only the last one that holds counts. */
import type { Statement } from "../../config/syntax.ts";
import { type Level, levelName } from "../../explain/level.ts";
import type { Rule, Symptom } from "../finding.ts";

/** Lines that are safe in an `if`: they belong to the rewrite module. */
const SAFE = new Set(["return", "rewrite", "set", "break", "if"]);

const MAP_INSTEAD = {
  remedy: "A map chooses the upstream without an if.",
  edits: [],
  example: [
    "map $http_upgrade $backend {  # in http",
    "  default http_nodes;",
    "  websocket websocket_nodes;",
    "}",
    "proxy_pass http://$backend;",
  ],
};

function ends({ lines }: Level): boolean {
  return lines.some(
    ({ name, args }) =>
      name === "return" || (name === "rewrite" && /^(?:redirect|permanent|last)$/.test(args[2] ?? "")),
  );
}

export const ifWithProxy: Rule = {
  id: "if-with-proxy",
  title: "`if` beside or around `proxy_pass`",
  find({ places }) {
    const seen = new Set<Statement>();
    return places.flatMap((place): Symptom[] => {
      const { location, level } = place;
      const blocks = location.children.filter(({ kind }) => kind === "if");
      if (level.kind === "if" && level.statement !== undefined) {
        if (seen.has(level.statement)) return [];
        seen.add(level.statement);
        const other = blocks.slice(blocks.indexOf(level) + 1).find((block) => !ends(block));
        if (other?.statement === undefined) return [proxiedInside(level, level.statement)];
        return [outdone(level, level.statement, other)];
      }
      const unsafe = blocks.filter(
        (block) => !ends(block) && block.lines.some(({ name }) => !SAFE.has(name) && name !== "proxy_pass"),
      );
      return unsafe.flatMap((block): Symptom[] => {
        const { statement } = block;
        if (statement === undefined || seen.has(statement)) return [];
        seen.add(statement);
        return [besides(block, statement, location)];
      });
    });
  },
};

function proxiedInside(level: Level, at: Statement): Symptom {
  return {
    severity: "note",
    at,
    message: `${levelName(level)} has a proxy_pass of its own.`,
    consequence:
      "It works, as long as no other if of the location holds as well; try_files does not, and proxy_pass cannot have a path there.",
    ...MAP_INSTEAD,
  };
}

function outdone(level: Level, at: Statement, other: Level): Symptom {
  return {
    severity: "warning",
    at,
    message: `${levelName(level)} chooses an upstream, and ${levelName(other)} below it undoes that where it holds.`,
    consequence:
      "Only the last if that holds counts: such handshakes go to the location's own proxy_pass, and get its 400 or 404.",
    ...MAP_INSTEAD,
  };
}

function besides(block: Level, at: Statement, location: Level): Symptom {
  const names = [...new Set(block.lines.map(({ name }) => name).filter((name) => !SAFE.has(name)))].join(", ");
  return {
    severity: "note",
    at,
    message: `${levelName(block)} in ${levelName(location)} sets ${names}.`,
    consequence: `Where it holds, it is the location: ${names} of the location itself ${names.includes(",") ? "are" : "is"} not inherited then.`,
    remedy: "Only return, rewrite, set and break are safe in an if; a variable from a map does the rest.",
    edits: [],
  };
}

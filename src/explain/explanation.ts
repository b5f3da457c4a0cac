/** Puts together what is told about one request. */
import type { Statement } from "../config/syntax.ts";
import { holdingLines, type Level, levelName, levelsOf } from "./level.ts";
import type { ReadConfig } from "./read-config.ts";
import type { ClientRequest, Simulation } from "./simulate.ts";
import type { Trace } from "./trace.ts";
import { type ExplainedRequest, explainRequest } from "./upstream-request.ts";

/** A line that has a say about a request and is not tried. */
export interface Check {
  readonly statement: Statement;
  readonly what: string;
}

export interface Explanation {
  /** The request in a line. */
  readonly title: string;
  readonly trace: Trace;
  readonly serverName: string;
  readonly checks: readonly Check[];
  /** What `proxy_pass` sends; undefined where the request goes elsewhere. */
  readonly request: ExplainedRequest | undefined;
  /** What the reader should know about how far this can be trusted. */
  readonly remarks: readonly string[];
}

/** Directives that may refuse a request or hold it up, and whose decision depends on more than the request. */
const CHECKS: readonly (readonly [name: string, what: string])[] = [
  ["limit_conn", "answers 503 beyond its number"],
  ["limit_req", "answers 503 beyond its rate"],
  ["auth_basic", "answers 401 without a password"],
  ["auth_request", "asks another location first"],
  ["auth_jwt", "answers 401 without a token"],
  ["access_by_lua_block", "runs Lua"],
  ["access_by_lua_file", "runs Lua"],
  ["modsecurity", "may refuse it"],
];

/** Levels of a configuration by the statements that open them. */
export function levelsByStatement(root: Level): ReadonlyMap<Statement, Level> {
  const found = new Map<Statement, Level>();
  const add = (level: Level): void => {
    if (level.statement !== undefined) found.set(level.statement, level);
    level.children.forEach(add);
  };
  add(root);
  return found;
}

/** Explains a request; undefined where nothing listens on its port. */
export function explain(
  simulation: Simulation,
  read: ReadConfig,
  request: ClientRequest,
  title: string,
): Explanation | undefined {
  const trace = simulation.run(request);
  if (trace === undefined) return undefined;
  const levels = levelsByStatement(levelsOf(read.statements));
  const server = levels.get(trace.server);
  const level = trace.location === undefined ? server : levels.get(trace.location);
  if (server === undefined || level === undefined) return undefined;
  const { outcome } = trace;
  const proxied = outcome.kind === "proxied" && outcome.head !== "";
  return {
    title,
    trace,
    serverName: levelName(server).replace(/^server /, ""),
    checks: CHECKS.flatMap(([name, what]) => {
      const lines = holdingLines(level, name)?.lines.filter(({ args }) => args[0] !== "off") ?? [];
      return lines.map((statement) => ({ statement, what }));
    }),
    request: proxied ? explainRequest(outcome.head, level, request) : undefined,
    remarks: remarksOf(simulation, read, trace),
  };
}

function remarksOf({ leftOut }: Simulation, read: ReadConfig, trace: Trace): string[] {
  const remarks = read.notes.map(({ file, message }) => `${file} ${message}.`);
  if (read.error !== undefined) {
    remarks.push(`${read.error.message} in ${read.error.file}:${read.error.line}: nothing after that was read.`);
  }
  const near = leftOut.filter(({ statement }) => isAround(statement, trace));
  if (near.length > 0) {
    const names = [...new Set(near.map(({ statement }) => statement.name))];
    remarks.push(`looked at without ${names.join(", ")}, which hopway does not have.`);
  }
  return remarks;
}

/** Whether a line stands in the block that served the request. */
function isAround(statement: Statement, { location, server }: Trace): boolean {
  return location?.block?.includes(statement) === true || server.block?.includes(statement) === true;
}

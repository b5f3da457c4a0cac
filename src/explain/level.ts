/** The levels of a configuration as it is written, and which lines hold on each. */
import type { Statement } from "../config/syntax.ts";

export type LevelKind = "main" | "http" | "server" | "location" | "if" | "limit_except" | "upstream" | "other";

/** A block, or the main level. */
export interface Level {
  readonly kind: LevelKind;
  /** Undefined for the main level. */
  readonly statement: Statement | undefined;
  readonly parent: Level | undefined;
  /** Blocks in it that are levels. */
  readonly children: readonly Level[];
  /** All that stands in it. */
  readonly lines: readonly Statement[];
}

/** What tables hold, not directives: `map`, `types` and their like. */
const ENTRIES = new Set(["map", "geo", "split_clients", "types", "charset_map", "match"]);

const KINDS: Readonly<Record<string, LevelKind>> = {
  http: "http",
  server: "server",
  location: "location",
  if: "if",
  limit_except: "limit_except",
  upstream: "upstream",
};

/** The tree of levels. */
export function levelsOf(statements: readonly Statement[]): Level {
  return makeLevel("main", undefined, undefined, statements);
}

function makeLevel(
  kind: LevelKind,
  statement: Statement | undefined,
  parent: Level | undefined,
  lines: readonly Statement[],
): Level {
  const children: Level[] = [];
  const level: Level = { kind, statement, parent, children, lines };
  for (const line of lines) {
    if (line.block === undefined || ENTRIES.has(line.name)) continue;
    children.push(makeLevel(KINDS[line.name] ?? "other", line, level, line.block));
  }
  return level;
}

/** All levels of a kind within `level`, itself included, in the order in which they stand. */
export function levelsOfKind(level: Level, kind: LevelKind): Level[] {
  const found = level.kind === kind ? [level] : [];
  return [...found, ...level.children.flatMap((child) => levelsOfKind(child, kind))];
}

/** The lines of a directive on this level alone. */
export function ownLines(level: Level, name: string): Statement[] {
  return level.lines.filter((line) => line.name === name);
}

/** Lines that hold on a level, and the level on which they stand: nginx inherits them all or none. */
export interface HoldingLines {
  readonly level: Level;
  readonly lines: readonly Statement[];
}

/** The lines of a directive that hold on a level: its own, or those of the nearest level around it that has any. */
export function holdingLines(level: Level, name: string): HoldingLines | undefined {
  for (let at: Level | undefined = level; at !== undefined; at = at.parent) {
    const lines = ownLines(at, name);
    if (lines.length > 0) return { level: at, lines };
  }
  return undefined;
}

/** The line of a directive with one value that holds on a level. */
export function holdingLine(level: Level, name: string): Statement | undefined {
  return holdingLines(level, name)?.lines.at(-1);
}

/** The nearest level of a kind, this one included. */
export function enclosing(level: Level, kind: LevelKind): Level | undefined {
  for (let at: Level | undefined = level; at !== undefined; at = at.parent) if (at.kind === kind) return at;
  return undefined;
}

/** How a level is called: `location /ws/`, `server example.com`, `http`. */
export function levelName(level: Level): string {
  const { statement, kind } = level;
  if (statement === undefined) return "the main level";
  if (kind === "server") {
    const name = ownLines(level, "server_name")[0]?.args[0];
    return name === undefined || name === "_" || name === "" ? "the server" : `server ${name}`;
  }
  return [statement.name, ...statement.args].join(" ");
}

/** `proxy_set_header` lines that hold at a place, and the changes that add to them. */
import type { Statement } from "../config/syntax.ts";
import { holdingLines, type Level, ownLines } from "../explain/level.ts";
import { lineText } from "../explain/statement-text.ts";
import type { Edit } from "./edit.ts";
import type { Examination } from "./examination.ts";
import type { ProxyPlace } from "./proxy-place.ts";

const SET_HEADER = "proxy_set_header";

/** The line that sets a field at a place. */
export function setLine(level: Level, field: string): Statement | undefined {
  return holdingLines(level, SET_HEADER)?.lines.find(({ args }) => args[0]?.toLowerCase() === field.toLowerCase());
}

/** Lines of outer levels that do not hold on a level because it has lines of its own, less those that it sets itself. */
export function lostLines(level: Level): readonly Statement[] {
  const own = ownLines(level, SET_HEADER);
  if (own.length === 0 || level.parent === undefined) return [];
  const names = new Set(own.map(({ args }) => args[0]?.toLowerCase()));
  const outer = holdingLines(level.parent, SET_HEADER)?.lines ?? [];
  return outer.filter(({ args }) => !names.has(args[0]?.toLowerCase()));
}

/** Sets a directive in the location: its own line is changed, or a new one stands right behind `proxy_pass`. */
export function setDirective({ location, pass }: ProxyPlace, line: string): Edit[] {
  const name = line.slice(0, line.search(/[ ;]/));
  const own = ownLines(location, name).at(-1);
  if (own !== undefined) return [{ kind: "replace", statement: own, line }];
  if (location.lines.includes(pass)) return [{ kind: "after", statement: pass, lines: [line] }];
  return [{ kind: "open", statement: location.statement ?? pass, lines: [line] }];
}

/** Sets fields at a place: lines of its own are changed; new ones come with those that they would drop from outer levels. */
export function setFields(place: ProxyPlace, fields: readonly (readonly [name: string, value: string])[]): Edit[] {
  const { location } = place;
  const own = ownLines(location, SET_HEADER);
  const edits: Edit[] = [];
  const fresh: string[] = [];
  for (const [name, value] of fields) {
    const line = `${SET_HEADER} ${name} ${value};`;
    const present = own.find(({ args }) => args[0]?.toLowerCase() === name.toLowerCase());
    if (present === undefined) fresh.push(line);
    else edits.push({ kind: "replace", statement: present, line });
  }
  if (fresh.length === 0) return edits;
  const inherited = own.length > 0 || location.parent === undefined ? [] : inheritedLines(location.parent, fields);
  return [...edits, addLines(place, [...inherited, ...fresh])];
}

function inheritedLines(outer: Level, fields: readonly (readonly [name: string, value: string])[]): string[] {
  const names = new Set(fields.map(([name]) => name.toLowerCase()));
  const lines = holdingLines(outer, SET_HEADER)?.lines ?? [];
  return lines.filter(({ args }) => !names.has(args[0]?.toLowerCase() ?? "")).map(lineText);
}

/** `proxy_set_header` lines for a location, behind those that it has, or its `proxy_pass`. */
function addLines({ location, pass }: ProxyPlace, lines: readonly string[]): Edit {
  const last = ownLines(location, SET_HEADER).at(-1);
  if (last !== undefined) return { kind: "after", statement: last, lines };
  if (location.lines.includes(pass)) return { kind: "after", statement: pass, lines };
  return { kind: "open", statement: location.statement ?? pass, lines };
}

/** A variable that is `upgrade` for handshakes alone, and the change that defines it. */
export interface ConnectionVariable {
  readonly name: string;
  readonly edits: readonly Edit[];
}

/** The variable of the map that the configuration has, or of one that is put before the server. */
export function connectionVariable({ read, http }: Examination, { server, upstream }: ProxyPlace): ConnectionVariable {
  const maps = http === undefined ? [] : ownLines(http, "map");
  const there = maps.find(asksForUpgradesOnly);
  if (there !== undefined) return { name: there.args[1] ?? "", edits: [] };
  const { statement } = server;
  // A snippet that is read alone has no place for a map.
  if (statement === undefined || !read.spans.has(statement)) return { name: '"upgrade"', edits: [] };
  const taken = new Set(maps.map(({ args }) => args[1]));
  const name = ["$connection_upgrade", "$connection_or_upgrade", "$websocket_connection"].find((n) => !taken.has(n));
  const otherwise = upstream !== undefined && ownLines(upstream, "keepalive").length > 0 ? "''" : "close";
  return { name: name ?? "", edits: [{ kind: "before", statement, lines: mapLines(name ?? "", otherwise) }] };
}

function mapLines(name: string, otherwise: string): string[] {
  return [`map $http_upgrade ${name} {`, "  default upgrade;", `  ''      ${otherwise};`, "}", ""];
}

/** Defines a variable that a line uses, in front of the line's server. */
export function upgradeMap({ read, servers }: Examination, used: Statement, name: string): Edit[] {
  const holds = (level: Level): boolean => level.lines.includes(used) || level.children.some(holds);
  const statement = (servers.find(holds) ?? servers[0])?.statement;
  if (statement === undefined || !read.spans.has(statement)) return [];
  return [{ kind: "before", statement, lines: mapLines(name, "close") }];
}

function asksForUpgradesOnly({ args, block }: Statement): boolean {
  if (args[0] !== "$http_upgrade") return false;
  const value = (key: string): string | undefined => block?.find(({ name }) => name.toLowerCase() === key)?.args[0];
  const handshake = value("websocket") ?? value("default") ?? "";
  const plain = value("") ?? value("default") ?? "";
  return handshake.toLowerCase() === "upgrade" && !/upgrade|\$/i.test(plain);
}

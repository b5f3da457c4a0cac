/** nginx's map module: a variable whose value depends on another text (ngx_http_map_module.c). */
import { number } from "../config/arguments.ts";
import { ConfigFault, type Directive, type DirectiveSite, exactly, HTTP, Module } from "../config/directive.ts";
import type { Statement } from "../config/syntax.ts";
import { asciiLowerCase } from "../http/header-list.ts";
import type { Request } from "../http/request.ts";
import { defineComputed, definedName } from "../template/cached-variable.ts";
import { type CaptureGroups, compileCapturing } from "../template/captures.ts";
import { compileTemplate, type Template } from "../template/template.ts";
import { MapKeys } from "./map-hostnames.ts";

interface PatternEntry {
  readonly regex: RegExp;
  readonly capture: CaptureGroups | undefined;
  readonly value: Template;
}

/** The entries of one `map` block while they are read, and later what a request looks up. */
class MapTable {
  readonly keys = new MapKeys<Template>();
  readonly patterns: PatternEntry[] = [];
  fallback: Template | undefined = undefined;
  hostnames = false;
  isVolatile = false;

  /** The entry for a text: keys first, then expressions in order, then the default. */
  lookup(r: Request, text: string): string {
    const subject = this.hostnames && text.endsWith(".") ? text.slice(0, -1) : text;
    const value = this.keys.find(subject) ?? this.match(r, subject) ?? this.fallback;
    return value === undefined ? "" : value.evaluate(r);
  }

  private match(r: Request, subject: string): Template | undefined {
    // An empty text matches no expression, not even one for the empty text.
    if (subject === "") return undefined;
    for (const { regex, capture, value } of this.patterns) {
      const match = regex.exec(subject);
      if (match === null) continue;
      r.captures = match;
      capture?.(r, match);
      return value;
    }
    return undefined;
  }
}

function addEntry(table: MapTable, entry: Statement, site: DirectiveSite): ConfigFault | undefined {
  const { name: key, args } = entry;
  const [text] = args;
  if (text === undefined && key === "hostnames") {
    table.hostnames = true;
    return undefined;
  }
  if (text === undefined && key === "volatile") {
    table.isVolatile = true;
    return undefined;
  }
  if (text === undefined || args.length !== 1) return new ConfigFault("invalid number of the map parameters");
  const value = compileTemplate(text, site);
  if (value instanceof ConfigFault) return value;
  if (key === "default") {
    if (table.fallback !== undefined) return new ConfigFault("duplicate default map parameter");
    table.fallback = value;
    return undefined;
  }
  return key.startsWith("~") ? addPattern(table, key.slice(1), value, site) : addKey(table, key, value);
}

function addPattern(table: MapTable, text: string, value: Template, site: DirectiveSite): ConfigFault | undefined {
  const caseless = text.startsWith("*");
  const compiled = compileCapturing(caseless ? text.slice(1) : text, caseless, site);
  if (compiled instanceof ConfigFault) return compiled;
  const { regex, capture } = compiled;
  table.patterns.push({ regex, capture, value });
  return undefined;
}

/** A backslash lets a key begin with what means something else: `\default`, `\~`. */
function addKey(table: MapTable, written: string, value: Template): ConfigFault | undefined {
  const key = written.startsWith("\\") ? written.slice(1) : written;
  const outcome = table.hostnames
    ? table.keys.addHostname(key, value)
    : table.keys.add(key, value)
      ? "added"
      : "conflict";
  switch (outcome) {
    case "added":
      return undefined;
    case "invalid":
      return new ConfigFault(`invalid hostname or wildcard "${key}"`);
    case "conflict":
      return new ConfigFault(`conflicting parameter "${asciiLowerCase(key)}"`);
  }
}

function applyMap(site: DirectiveSite): ConfigFault | undefined {
  const [source = "", target = ""] = site.statement.args;
  const text = compileTemplate(source, site);
  if (text instanceof ConfigFault) return text;
  const name = definedName(target);
  if (name instanceof ConfigFault) return name;
  const table = new MapTable();
  for (const entry of site.statement.block ?? []) {
    const fault = addEntry(table, entry, { ...site, statement: entry });
    if (fault !== undefined) site.load.fail(entry, fault.message);
  }
  return defineComputed(site.load, name, (r) => table.lookup(r, text.evaluate(r)), table.isVolatile);
}

const directives: readonly Directive<object>[] = [
  {
    name: "map",
    in: HTTP,
    arity: exactly(2),
    entries: true,
    doc: "A variable whose value depends on another text.",
    apply: (_own, site) => applyMap(site),
  },
  {
    name: "map_hash_max_size",
    in: HTTP,
    arity: exactly(1),
    check: number(undefined),
    doc: "Largest size of the tables of maps.",
    accepted: "tables grow as needed",
  },
  {
    name: "map_hash_bucket_size",
    in: HTTP,
    arity: exactly(1),
    check: number(undefined),
    doc: "Size of a bucket of the tables of maps.",
    accepted: "tables grow as needed",
  },
];

export const map: Module = new Module({ name: "http_map", directives, create: () => ({}) });

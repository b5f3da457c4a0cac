/**
 * Loads a configuration for simulating requests with it: without what this machine lacks (certificates, names, other
 * modules), and so that nothing outside this process is touched: no log file, no zone of a running server.
 */
import type { AnyModule } from "../config/any-module.ts";
import { Module, type Scope } from "../config/directive.ts";
import { type LoadedConfig, loadParsed } from "../config/load.ts";
import { type ConfigSource, type HostLookup, LoadContext, perLoad } from "../config/load-context.ts";
import type { Diagnostic, Statement } from "../config/syntax.ts";
import { type VariableGet, variables } from "../template/variables.ts";
import { ZoneTable } from "../zone/zone-table.ts";
import { MIN_ZONE_BYTES, zones } from "../zone/zones.ts";
import type { ReadConfig } from "./read-config.ts";

/** A line that the simulation does without, and why. */
export interface LeftOut {
  readonly statement: Statement;
  readonly why: string;
}

/** A configuration that requests can be simulated with. */
export interface Simulable {
  readonly config: LoadedConfig;
  readonly leftOut: readonly LeftOut[];
  /** Variables that nothing defines: those of other modules, and misspelled ones. In lower case, without `$`. */
  readonly unknownVariables: ReadonlySet<string>;
  /** Variables that are defined. */
  readonly variableNames: readonly string[];
  /** The statement as read, of one of `config`, which may be a changed copy. */
  original(statement: Statement): Statement;
}

/** Each round leaves out what the round before could not load. */
const MAX_ROUNDS = 200;

/** What must not happen in a simulation, or cannot matter to it. */
const WITHOUT =
  /^(?:ssl|ssl_.*|(?:proxy|uwsgi|grpc)_ssl_.*|quic_.*|http[23]|access_log|error_log|open_log_file_cache|.*_temp_path|log_format)$/;

/** Parameters of `listen` that need certificates, or want more of a connection than the request. */
const LISTEN_WITHOUT = /^(?:ssl|http2|spdy|proxy_protocol|reuseport|fastopen=.*)$/;

/** Loads as much as can be loaded; a text says why nothing can. */
export async function loadTolerantly(modules: readonly AnyModule[], read: ReadConfig): Promise<Simulable | string> {
  const known = new Set(modules.flatMap(({ definition }) => definition.directives.map(({ name }) => name)));
  const leftOut: LeftOut[] = [];
  const originals = new Map<Statement, Statement>();
  let statements = prepared(read.statements, known, leftOut, originals);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const load = new LoadContext(read.confPrefix, read.confPrefix, NO_FILES, anyHost());
    const { spans, files } = read;
    const parsed = { statements, spans, closingLines: closing(), files, error: undefined };
    const config = await loadParsed([...modules, anyVariable], load, parsed);
    if (!load.failed) {
      bindToOwnMemory(load);
      const unknownVariables = unknownIn(load);
      const variableNames = variables(load)
        .names()
        .filter((name) => !unknownVariables.has(name));
      const original = (statement: Statement): Statement => originals.get(statement) ?? statement;
      return { config, leftOut, unknownVariables, variableNames, original };
    }
    const faults = load.diagnostics.filter(({ level }) => level === "emerg");
    const blamed = load.faulty.size > 0 ? load.faulty : linesNaming(faults, statements);
    if (blamed.size === 0) return faults[0]?.message ?? "it cannot be loaded";
    for (const statement of blamed) {
      const fault = faults.find(({ line, file }) => line === statement.line && file === statement.file) ?? faults[0];
      leftOut.push({ statement: originals.get(statement) ?? statement, why: fault?.message ?? "" });
    }
    statements = without(statements, blamed, originals);
  }
  return "too many of its lines cannot be loaded";

  /** Blocks end where they ended, for copies too. */
  function closing(): ReadonlyMap<Statement, number> {
    const lines = new Map(read.closingLines);
    for (const [copy, original] of originals) lines.set(copy, read.closingLines.get(original) ?? original.line);
    return lines;
  }
}

/** Only http matters to requests. */
function prepared(
  statements: readonly Statement[],
  known: ReadonlySet<string>,
  leftOut: LeftOut[],
  originals: Map<Statement, Statement>,
): Statement[] {
  const http = statements.filter(({ name }) => name === "http").slice(0, 1);
  const events: Statement = { name: "events", args: [], file: "", line: 0, startLine: 0, block: [] };
  originals.set(events, events);
  return [events, ...loadable(http, known, leftOut, originals)];
}

/** Copies of statements that can be loaded. The entries of tables are left as they are. */
function loadable(
  statements: readonly Statement[],
  known: ReadonlySet<string>,
  leftOut: LeftOut[],
  originals: Map<Statement, Statement>,
): Statement[] {
  const out: Statement[] = [];
  for (const statement of statements) {
    const { name, args, block } = statement;
    if (WITHOUT.test(name)) continue;
    if (!known.has(name)) {
      leftOut.push({ statement, why: `"${name}" is not known to hopway` });
      continue;
    }
    if (name === "listen" && args.includes("quic")) continue;
    const changed =
      name === "listen" && args.some((arg) => LISTEN_WITHOUT.test(arg))
        ? { ...statement, args: args.filter((arg) => !LISTEN_WITHOUT.test(arg)) }
        : statement;
    const inner =
      block === undefined || !LEVELS.has(name)
        ? changed
        : { ...changed, block: loadable(block, known, leftOut, originals) };
    originals.set(inner, statement);
    out.push(inner);
  }
  return out;
}

/** Blocks whose contents are directives. */
const LEVELS = new Set(["http", "server", "location", "if", "limit_except", "upstream"]);

/** Copies without the given statements, at any depth. */
function without(
  statements: readonly Statement[],
  gone: ReadonlySet<Statement>,
  originals: Map<Statement, Statement>,
): Statement[] {
  return statements
    .filter((statement) => !gone.has(statement))
    .map((statement) => {
      const { block } = statement;
      if (block === undefined) return statement;
      const copy = { ...statement, block: without(block, gone, originals) };
      originals.set(copy, originals.get(statement) ?? statement);
      return copy;
    });
}

/** Lines with the word that a fault without a position names in quotes: a zone, a server's name. */
function linesNaming(faults: readonly Diagnostic[], statements: readonly Statement[]): ReadonlySet<Statement> {
  const words = new Set(faults.map(({ message }) => /"([^"]+)"/.exec(message)?.[1]));
  const names = ({ args }: Statement): boolean => args.some((arg) => words.has(arg.replace(/^zone=/, "")));
  const within = (list: readonly Statement[]): Statement[] => {
    return list.flatMap((line) => [...(names(line) ? [line] : []), ...within(line.block ?? [])]);
  };
  return new Set(within(statements));
}

/** Variables of a load that no module knows. */
const unknownIn = perLoad(() => new Set<string>());

/** Variables of modules that are not here are empty. Stands last: whatever is known has been found before. */
const anyVariable: Module = new Module({
  name: "any_variable",
  directives: [],
  create: () => ({}),
  register(load) {
    const get = (name: string): VariableGet => {
      unknownIn(load).add(name);
      return () => "";
    };
    variables(load).provide([], [{ prefix: "", get }]);
  },
});

/** Certificates, passwords and their like: never read. */
const NO_FILES: ConfigSource = {
  read: () => ({ errno: 2, text: "No such file or directory" }),
  glob: () => [],
};

/** Every name has an address, each its own, of those that are kept for documentation (RFC 5737): nobody is asked. */
function anyHost(): HostLookup {
  const given = new Map<string, string>();
  return {
    async lookup(host) {
      const n = given.size;
      const address = given.get(host) ?? `198.51.${100 + (Math.floor(n / 254) % 100)}.${1 + (n % 254)}`;
      given.set(host, address);
      return [address];
    },
  };
}

/** Enough for the peers of an upstream; requests are not counted. */
const MAX_ZONE_BYTES = 1024 * 1024;

/** Zones get memory of this process alone. */
function bindToOwnMemory(load: LoadContext): void {
  for (const zone of zones(load)) {
    const bytes = Math.min(Math.max(zone.bytes, MIN_ZONE_BYTES), MAX_ZONE_BYTES);
    zone.bind(new ZoneTable(new Uint8Array(new ArrayBuffer(bytes)), zone.kind.layout, process.pid), 0);
  }
}

/** Every level of a loaded configuration with the runtime's scopes, outermost first. */
export function scopesOf(scope: Scope): Scope[] {
  return [scope, ...scope.children.flatMap(scopesOf)];
}

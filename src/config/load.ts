/** Reads a configuration with the tables of the given modules: statements in, settings of every level out. */
import {
  type AnyDirective,
  type AnyFieldRow,
  type AnyModule,
  hasBlock,
  isAcceptedRow,
  isFieldRow,
} from "./any-module.ts";
import {
  type AcceptedRow,
  type ActionRow,
  type Arity,
  ConfigFault,
  type DirectiveSite,
  EVENTS,
  exactly,
  HTTP,
  MAIN,
  type Scope,
} from "./directive.ts";
import { type ConfigSource, type HostLookup, LoadContext, perLoad } from "./load-context.ts";
import { mergeScope } from "./merge.ts";
import { type ConfigFile, type ParsedConfig, parseConfig, parseGlobals } from "./parser.ts";
import type { Diagnostic, Statement } from "./syntax.ts";
import { nginxModuleOf } from "./unsupported.ts";

/** More errors than a person mends between two runs are noise. */
const MAX_ERRORS = 10;
/** `include` is expanded by the parser; one that it could not read as such ends up in the tree and is refused here. */
const INCLUDE_ARITY = exactly(1);

/** Which configuration to load. */
export interface MainFile {
  /** Absolute path of the main file (`-c`). */
  readonly path: string;
  /** `-p`, with a final slash. */
  readonly prefix: string;
  /** Folder of the main file, with a final slash. */
  readonly confPrefix: string;
  /** Text of `-g`; empty without it. */
  readonly globals: string;
}

/** A configuration that was read. It is good if `load.failed` is false. */
export interface LoadedConfig {
  /** The main level. */
  readonly root: Scope;
  readonly load: LoadContext;
  readonly statements: readonly Statement[];
  /** In the order of the files; at most ten errors. */
  readonly diagnostics: readonly Diagnostic[];
  /** Every file, once, in the order of reading. */
  readonly files: readonly ConfigFile[];
}

/** A directive that was accepted without effect. */
export interface AcceptedDirective {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** `AcceptedRow.accepted`. */
  readonly why: string;
}

/** The directives of one load that have no effect, in the order in which they stand. */
export const acceptedDirectives = perLoad<AcceptedDirective[]>(() => []);

/**
 * Loads a configuration. Errors do not throw: they are collected in `diagnostics`, in document order; after one, levels
 * are not merged and modules are not finished.
 */
export async function loadConfig(
  modules: readonly AnyModule[],
  main: MainFile,
  source: ConfigSource,
  hosts: HostLookup,
): Promise<LoadedConfig> {
  const load = new LoadContext(main.prefix, main.confPrefix, source, hosts);
  const loader = new Loader(modules, load);
  for (const module of modules) module.definition.register?.(load);
  const root = loader.createScope(MAIN, undefined, undefined);

  const globals = parseGlobals(main.globals, source, main.confPrefix);
  await loader.readAll(globals, root);
  const parsed = load.failed ? undefined : parseConfig(main.path, source, main.confPrefix);
  if (parsed !== undefined) await loader.readAll(parsed, root);
  if (!load.failed) loader.complete(root);

  return {
    root,
    load,
    statements: [...globals.statements, ...(parsed?.statements ?? [])],
    diagnostics: withFirstErrors(load.diagnostics),
    files: [...globals.files, ...(parsed?.files ?? [])],
  };
}

/**
 * As `loadConfig`, for statements that were parsed already, and perhaps changed since: the main level's. Errors about a
 * statement add it to `load.faulty`.
 */
export async function loadParsed(
  modules: readonly AnyModule[],
  load: LoadContext,
  parsed: ParsedConfig,
): Promise<LoadedConfig> {
  const loader = new Loader(modules, load);
  for (const module of modules) module.definition.register?.(load);
  const root = loader.createScope(MAIN, undefined, undefined);
  await loader.readAll(parsed, root);
  if (!load.failed) loader.complete(root);
  const { statements, files } = parsed;
  return { root, load, statements, diagnostics: withFirstErrors(load.diagnostics), files };
}

interface FoundRow {
  readonly module: AnyModule;
  readonly row: AnyDirective;
}

class Loader {
  private readonly modules: readonly AnyModule[];
  private readonly load: LoadContext;
  private readonly rowsByName = new Map<string, FoundRow[]>();
  /** Values of checked accepted directives, by level and name. */
  private readonly accepted = new Map<Scope, Map<string, unknown>>();
  private closingLines: ReadonlyMap<Statement, number> = new Map();

  constructor(modules: readonly AnyModule[], load: LoadContext) {
    this.modules = modules;
    this.load = load;
    for (const module of modules) {
      for (const row of module.definition.directives) {
        const rows = this.rowsByName.get(row.name);
        if (rows === undefined) this.rowsByName.set(row.name, [{ module, row }]);
        else rows.push({ module, row });
      }
    }
  }

  createScope(kind: number, parent: Scope | undefined, statement: Statement | undefined): Scope {
    const settings: object[] = [];
    for (const module of this.modules) settings[module.id] = module.definition.create();
    return { kind, parent, statement, settings, children: [] };
  }

  /** Applies all statements; the syntax error that ended them, if any, comes last. */
  async readAll(parsed: ParsedConfig, root: Scope): Promise<void> {
    this.closingLines = parsed.closingLines;
    await this.readStatements(parsed.statements, root);
    if (parsed.error !== undefined && !this.full) this.load.diagnostics.push(parsed.error);
  }

  /** Merges what is outside http. */
  complete(root: Scope): void {
    const { load } = this;
    const report = (fault: ConfigFault): void => load.failLate(fault.message);
    const events = root.children.find((child) => child.kind === EVENTS);
    if (events === undefined) load.failLate('no "events" section in configuration');
    else mergeScope(events, this.modules, load, report);
    mergeScope(root, this.modules, load, report);
  }

  private get full(): boolean {
    return this.errorCount() >= MAX_ERRORS;
  }

  private async readStatements(statements: readonly Statement[], scope: Scope): Promise<void> {
    for (const statement of statements) {
      await this.readStatement(statement, scope);
      if (this.full) return;
    }
  }

  private async readStatement(statement: Statement, scope: Scope): Promise<void> {
    const found = this.check(statement, scope);
    if (found instanceof ConfigFault) {
      this.load.fail(statement, found.message);
      return;
    }
    const { module, row } = found;
    const site: DirectiveSite = { statement, scope, load: this.load };
    if (isFieldRow(row)) {
      const fault = storeField(row, module.of(scope), site);
      if (fault !== undefined) this.load.fail(statement, fault.message);
      await this.settle();
    } else if (isAcceptedRow(row)) {
      const fault = this.accept(row, site);
      if (fault !== undefined) this.load.fail(statement, fault.message);
      await this.settle();
    } else {
      await this.act(row, module, site);
      await this.settle();
    }
  }

  /** The row for a statement, or what is wrong with it: nginx's checks in nginx's order (ngx_conf_handler). */
  private check(statement: Statement, scope: Scope): FoundRow | ConfigFault {
    const { name, args, block } = statement;
    if (name === "include") {
      if (block !== undefined) return new ConfigFault(`directive "${name}" is not terminated by ";"`);
      if (!fits(args.length, INCLUDE_ARITY)) return invalidArgumentCount(name);
    }
    const rows = this.rowsByName.get(name);
    if (rows === undefined) return unknownDirective(name);
    const found = rows.find(({ row }) => row.in & scope.kind);
    if (found === undefined) return new ConfigFault(`"${name}" directive is not allowed here`);
    const { row } = found;
    if (!hasBlock(row) && block !== undefined) return new ConfigFault(`directive "${name}" is not terminated by ";"`);
    if (hasBlock(row) && block === undefined) return new ConfigFault(`directive "${name}" has no opening "{"`);
    if (!fits(args.length, isFieldRow(row) ? row.arg.arity : row.arity)) return invalidArgumentCount(name);
    return found;
  }

  private accept(row: AcceptedRow, site: DirectiveSite): ConfigFault | undefined {
    const { name, args, file, line } = site.statement;
    if (row.check !== undefined) {
      const seen = this.acceptedOnLevel(site.scope);
      if (seen.has(name) && row.check.accumulates !== true) return new ConfigFault(`"${name}" directive is duplicate`);
      const value = row.check.parse(args, site, seen.get(name));
      seen.set(name, value instanceof ConfigFault ? undefined : value);
      if (value instanceof ConfigFault) return value;
    }
    acceptedDirectives(this.load).push({ name, file, line, why: row.accepted });
    return undefined;
  }

  private acceptedOnLevel(scope: Scope): Map<string, unknown> {
    const seen = this.accepted.get(scope) ?? new Map<string, unknown>();
    this.accepted.set(scope, seen);
    return seen;
  }

  private async act(row: ActionRow<object>, module: AnyModule, site: DirectiveSite): Promise<void> {
    const own = module.of(site.scope);
    const errorsBefore = this.errorCount();
    if (row.opens === undefined) {
      this.applyEntries(row, own, site);
      return;
    }
    const { statement, scope } = site;
    const single = (row.opens & (HTTP | EVENTS)) !== 0;
    if (single && scope.children.some((child) => child.kind === row.opens)) {
      this.load.fail(statement, `"${statement.name}" directive is duplicate`);
      return;
    }
    const opened = this.createScope(row.opens, scope, statement);
    scope.children.push(opened);
    const fault = row.apply(own, site, opened);
    if (fault !== undefined) this.load.fail(statement, fault.message);
    if (this.errorCount() > errorsBefore) return;

    await this.settle();
    await this.readStatements(statement.block ?? [], opened);
    if (this.full || !this.closingLines.has(statement)) return;
    const closeFault = row.close?.(own, site, opened);
    if (closeFault !== undefined) this.failAtEnd(statement, closeFault);
    await this.settle();
    if (row.opens === HTTP && !this.load.failed) await this.completeHttp(opened, statement);
  }

  /** The end of the http block: its levels are merged, every module finishes. */
  private async completeHttp(http: Scope, statement: Statement): Promise<void> {
    const { load } = this;
    const report = (fault: ConfigFault): void => this.failAtEnd(statement, fault);
    mergeScope(http, this.modules, load, report);
    await this.settle();
    if (load.failed) return;
    for (const module of this.modules) {
      const fault = module.definition.finish?.(http, load);
      if (fault !== undefined) report(fault);
      await this.settle();
    }
  }

  /** Applies a directive without a level of its own. Entries with a block are refused, after those before them were read. */
  private applyEntries(row: ActionRow<object>, own: object, site: DirectiveSite): void {
    const entries = site.statement.block;
    const nested = entries?.findIndex((entry) => entry.block !== undefined) ?? -1;
    const statement = nested < 0 ? site.statement : { ...site.statement, block: entries?.slice(0, nested) };
    const fault = row.apply(own, { ...site, statement }, undefined);
    if (fault?.atEnd) {
      if (nested < 0 && this.closingLines.has(site.statement)) this.failAtEnd(site.statement, fault);
    } else if (fault !== undefined) this.load.fail(statement, fault.message);
    if (nested >= 0) this.load.fail(entries?.[nested], 'unexpected "{"');
  }

  /** Faults that show when a block ends carry the line of its `}`. */
  private failAtEnd(statement: Statement, fault: ConfigFault): void {
    const line = this.closingLines.get(statement) ?? statement.line;
    this.load.faulty.add(statement);
    this.load.diagnostics.push({ level: "emerg", message: fault.message, file: statement.file, line, late: false });
  }

  /** Waits for look-ups that were started, so that their errors stand in document order. */
  private async settle(): Promise<void> {
    const { pending } = this.load;
    while (pending.length > 0) await Promise.all(pending.splice(0));
  }

  private errorCount(): number {
    return this.load.diagnostics.reduce((count, { level }) => count + (level === "emerg" ? 1 : 0), 0);
  }
}

function storeField(row: AnyFieldRow, own: object, site: DirectiveSite): ConfigFault | undefined {
  const earlier: unknown = Reflect.get(own, row.set);
  if (earlier !== undefined && row.arg.accumulates !== true) {
    return new ConfigFault(`"${site.statement.name}" directive is duplicate`);
  }
  const value = row.arg.parse(site.statement.args, site, earlier);
  if (value instanceof ConfigFault) return value;
  Reflect.set(own, row.set, value);
  return undefined;
}

function fits(count: number, arity: Arity): boolean {
  return count >= arity.min && count <= arity.max;
}

function invalidArgumentCount(name: string): ConfigFault {
  return new ConfigFault(`invalid number of arguments in "${name}" directive`);
}

function unknownDirective(name: string): ConfigFault {
  const nginxModule = nginxModuleOf(name);
  if (nginxModule === undefined) return new ConfigFault(`unknown directive "${name}"`);
  return new ConfigFault(`directive "${name}" of nginx's ${nginxModule} is not supported by hopway`);
}

function withFirstErrors(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  let errors = 0;
  return diagnostics.filter(({ level }) => level !== "emerg" || ++errors <= MAX_ERRORS);
}

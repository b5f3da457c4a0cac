/**
 * The type of a module's table. One nginx module is one `Module`: its directives, its settings and how they merge.
 * The loader, `-t`, the docs and the doctor all read these tables.
 */
import type { LoadContext } from "./load-context.ts";
import type { Statement } from "./syntax.ts";

/** Where a directive may stand: a bit mask of these. */
export const MAIN = 1;
export const EVENTS = 2;
export const HTTP = 4;
export const SERVER = 8;
export const LOCATION = 16;
export const SERVER_IF = 32;
export const LOCATION_IF = 64;
export const LIMIT_EXCEPT = 128;
export const UPSTREAM = 256;
export const HTTP_SERVER_LOCATION = HTTP | SERVER | LOCATION;

/** How many arguments a directive takes: `min` to `max`, both inclusive. */
export interface Arity {
  readonly min: number;
  readonly max: number;
}

/** A failed check: the message in nginx's words, without the position. */
export class ConfigFault {
  readonly message: string;
  /** Shows only when the directive's block has been read: the error names the line of its `}`. */
  readonly atEnd: boolean;
  constructor(message: string, atEnd = false) {
    this.message = message;
    this.atEnd = atEnd;
  }
}

/** A type of directive argument: `time`, `size`, `flag`, `text` ... with the default that holds where it is set nowhere. */
export interface ArgumentType<T> {
  readonly arity: Arity;
  /** `on|off` arguments have their own wording for errors. */
  readonly flag?: true;
  /** The value where no level sets the directive. */
  readonly fallback: T;
  /** A level may have several such lines: `parse` gets the value of those before. */
  readonly accumulates?: true;
  /** Turns the arguments into the value. `earlier` is only there with `accumulates`. */
  parse(args: readonly string[], site: DirectiveSite, earlier?: T): T | ConfigFault;
}

/** Where a directive stands while it is being applied. */
export interface DirectiveSite {
  readonly statement: Statement;
  readonly scope: Scope;
  readonly load: LoadContext;
}

/** One level of configuration: main, http, a server, a location, an `if` inside one ... */
export interface Scope {
  /** One of the context bits above. */
  readonly kind: number;
  readonly parent: Scope | undefined;
  /** The statement that opened the level; undefined for main. */
  readonly statement: Statement | undefined;
  /** One settings object per module, by `Module.id`; read it with `module.of(scope)`. */
  readonly settings: object[];
  /** In the order in which they were opened. */
  readonly children: Scope[];
}

/** A directive that stores one value: parsed by `arg`, kept in the settings under `set`, inherited when unset. */
export type FieldRow<S> = {
  [K in keyof S & string]: {
    readonly name: string;
    readonly in: number;
    readonly arg: ArgumentType<Exclude<S[K], undefined>> | ArgumentType<S[K]>;
    readonly set: K;
    readonly doc: string;
  };
}[keyof S & string];

/** A directive that does something of its own. */
export interface ActionRow<S> {
  readonly name: string;
  readonly in: number;
  readonly arity: Arity;
  readonly doc: string;
  /** The kind of level its block opens: the block's statements are directives of that context. */
  readonly opens?: number;
  /** Its block holds entries of its own (`map`, `types`, `geo`), which `apply` reads from `site.statement.block`. */
  readonly entries?: true;
  /**
   * Runs where the directive stands. `own` is this module's settings of the level the directive stands in; for one that
   * opens a level, `site.scope` is still the outer level and `opened` the new one. Returns a fault, or nothing.
   */
  apply(own: S, site: DirectiveSite, opened: Scope | undefined): ConfigFault | undefined;
  /** Runs when the block that `opens` has been read. */
  close?(own: S, site: DirectiveSite, opened: Scope): ConfigFault | undefined;
}

/** A directive of nginx that has no meaning here: accepted, checked for its place and number of arguments, named by `-t`. */
export interface AcceptedRow {
  readonly name: string;
  readonly in: number;
  readonly arity: Arity;
  readonly doc: string;
  /** Why it does nothing, in a few words. */
  readonly accepted: string;
  /** What nginx wants as arguments, once on a level: mistakes are errors although the value is not used. */
  readonly check?: ArgumentType<unknown>;
}

/** A directive without effect whose arguments are checked; `why` it has none, `doc`: what nginx has it for. */
export function acceptedRow(
  name: string,
  where: number,
  check: ArgumentType<unknown>,
  why: string,
  doc = why,
): AcceptedRow {
  return { name, in: where, arity: check.arity, check, doc, accepted: why };
}

export type Directive<S> = FieldRow<S> | ActionRow<S> | AcceptedRow;

/** What a module is made of. */
export interface ModuleDefinition<S extends object> {
  /** nginx's name of the module where there is one, e.g. `http_proxy`. */
  readonly name: string;
  readonly directives: readonly Directive<S>[];
  /** Settings of one level, fields of FieldRows left undefined. */
  create(): S;
  /**
   * Completes `own` from the level outside it, after the loader has merged the FieldRows (own value, else the outer
   * level's, else the argument type's fallback). `outer` is undefined at the http level (and for main and events).
   */
  merge?(own: S, outer: S | undefined, scope: Scope, load: LoadContext): ConfigFault | undefined;
  /** Runs once per load before any directive: registers variables. */
  register?(load: LoadContext): void;
  /** Runs once when every level is merged: compiles what a request uses. */
  finish?(http: Scope, load: LoadContext): ConfigFault | undefined;
}

/** A module with its identity: `module.of(level)` gives its settings at a level. */
export class Module<S extends object = object> {
  private static count = 0;
  /** Index into `Scope.settings`. */
  readonly id: number;
  readonly name: string;
  readonly definition: ModuleDefinition<S>;

  constructor(definition: ModuleDefinition<S>) {
    this.id = Module.count++;
    this.name = definition.name;
    this.definition = definition;
  }

  /** This module's settings at a level. Hot: one array read. */
  of(level: { readonly settings: object[] }): S {
    return level.settings[this.id] as S;
  }
}

/** `"name" directive is duplicate` and its like: nginx's form for what a directive handler returns. */
export function directiveFault(site: DirectiveSite, what: string): ConfigFault {
  return new ConfigFault(`"${site.statement.name}" directive ${what}`);
}

/** `invalid value "x"`. */
export function invalidValue(value: string): ConfigFault {
  return new ConfigFault(`invalid value "${value}"`);
}

/** `invalid parameter "x"`. */
export function invalidParameter(value: string): ConfigFault {
  return new ConfigFault(`invalid parameter "${value}"`);
}

/** Exactly `n` arguments. */
export function exactly(n: number): Arity {
  return { min: n, max: n };
}

/** `min` to `max` arguments. */
export function between(min: number, max: number): Arity {
  return { min, max };
}

/** `min` arguments or more. */
export function atLeast(min: number): Arity {
  return { min, max: Number.POSITIVE_INFINITY };
}

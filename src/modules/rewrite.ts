/** nginx's rewrite module: rewrite, if, set, break, return (ngx_http_rewrite_module.c). */
import { flag } from "../config/arguments.ts";
import {
  atLeast,
  between,
  ConfigFault,
  type Directive,
  type DirectiveSite,
  exactly,
  HTTP,
  LOCATION,
  LOCATION_IF,
  Module,
  type Scope,
  SERVER,
  SERVER_IF,
} from "../config/directive.ts";
import { locationOf } from "../http/registry.ts";
import { DECLINED } from "../http/verdict.ts";
import { httpCore } from "./http-core.ts";
import { openLevel } from "./location-directive.ts";
import { compileCondition } from "./rewrite-condition.ts";
import { NEXT, runProgram, runSteps, type Step } from "./rewrite-program.ts";
import { compileRewrite } from "./rewrite-replacement.ts";
import { compileReturn } from "./rewrite-return.ts";
import { compileSet } from "./rewrite-set.ts";

/** Settings of one level. */
export interface RewriteSettings {
  log: boolean | undefined;
  uninitializedVariableWarn: boolean | undefined;
  /** The level's statements in order; those of an `if` are its body. */
  readonly steps: Step[];
}

const LEVELS = SERVER | LOCATION;
const WITH_IF = LEVELS | SERVER_IF | LOCATION_IF;

/** Appends a statement; the first one of a server or location gives the level its program. */
function addStep(own: RewriteSettings, site: DirectiveSite, step: Step | ConfigFault): ConfigFault | undefined {
  if (step instanceof ConfigFault) return step;
  const { steps } = own;
  steps.push(step);
  if ((site.scope.kind & LEVELS) !== 0) locationOf(site.scope).rewrite = (r) => runProgram(steps, r);
  return undefined;
}

/** The settings whose rewrite_log holds for a statement: those of the level that the program belongs to. */
function programSettings(scope: Scope): RewriteSettings {
  let level = scope;
  while ((level.kind & LEVELS) === 0 && level.parent !== undefined) level = level.parent;
  return rewrite.of(level);
}

/** An `if` in a server only runs its statements; one in a location becomes the request's location too. */
function applyIf(own: RewriteSettings, site: DirectiveSite, opened: Scope): ConfigFault | undefined {
  const condition = compileCondition(site, programSettings(site.scope));
  if (condition instanceof ConfigFault) return condition;
  const { steps } = rewrite.of(opened);
  if (opened.kind === SERVER_IF) {
    return addStep(own, site, (r) => (condition(r) ? runSteps(steps, r) : NEXT));
  }
  const outer = locationOf(site.scope);
  const location = openLevel(opened, httpCore.of(opened), outer.name, "if");
  return addStep(own, site, (r) => {
    if (!condition(r)) return NEXT;
    r.location = location;
    return runSteps(steps, r);
  });
}

const directives: readonly Directive<RewriteSettings>[] = [
  {
    name: "rewrite",
    in: WITH_IF,
    arity: between(2, 3),
    doc: "Replaces a URI that matches, or redirects.",
    apply: (own, site) => addStep(own, site, compileRewrite(site, programSettings(site.scope))),
  },
  {
    name: "return",
    in: WITH_IF,
    arity: between(1, 2),
    doc: "Ends the request with a status, a text or a redirect.",
    apply: (own, site) => addStep(own, site, compileReturn(site)),
  },
  {
    name: "break",
    in: WITH_IF,
    arity: exactly(0),
    doc: "Ends the rewrite statements of the level.",
    apply: (own, site) =>
      addStep(own, site, (r) => {
        r.uriChanged = false;
        return DECLINED;
      }),
  },
  {
    name: "if",
    in: SERVER,
    arity: atLeast(1),
    opens: SERVER_IF,
    doc: "Statements that run if a condition holds.",
    apply: (own, site, opened) => applyIf(own, site, opened!),
  },
  {
    name: "if",
    in: LOCATION,
    arity: atLeast(1),
    opens: LOCATION_IF,
    doc: "Statements and settings that hold if a condition does.",
    apply: (own, site, opened) => applyIf(own, site, opened!),
  },
  {
    name: "set",
    in: WITH_IF,
    arity: exactly(2),
    doc: "Gives a variable a value.",
    apply: (own, site) => addStep(own, site, compileSet(site, warnsUninitialized)),
  },
  {
    name: "rewrite_log",
    in: HTTP | WITH_IF,
    arg: flag(false),
    set: "log",
    doc: "Logs what rewrite statements do, at level notice.",
  },
  {
    name: "uninitialized_variable_warn",
    in: HTTP | WITH_IF,
    arg: flag(true),
    set: "uninitializedVariableWarn",
    doc: "Logs the use of variables that were never set.",
  },
];

function warnsUninitialized(level: { readonly settings: object[] }): boolean {
  return rewrite.of(level).uninitializedVariableWarn !== false;
}

export const rewrite: Module<RewriteSettings> = new Module<RewriteSettings>({
  name: "http_rewrite",
  directives,
  create: () => ({ log: undefined, uninitializedVariableWarn: undefined, steps: [] }),
  merge(_own, _outer, scope) {
    if (scope.kind !== LOCATION_IF || scope.parent === undefined) return undefined;
    // A handler that the block does not set itself is the surrounding location's.
    const location = locationOf(scope);
    location.handler ??= locationOf(scope.parent).handler;
    return undefined;
  },
});

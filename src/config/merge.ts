/** Completes the settings of every level from the level outside it, once the directives have been read. */
import type { AnyFieldRow, AnyModule } from "./any-module.ts";
import { isFieldRow } from "./any-module.ts";
import { type ConfigFault, EVENTS, HTTP, MAIN, type Scope, UPSTREAM } from "./directive.ts";
import type { LoadContext } from "./load-context.ts";

/** Kinds of level outside the inheritance of http -> server -> location: only modules with directives there matter. */
const APART = MAIN | EVENTS | UPSTREAM;

/**
 * Merges `scope` and, for http and below, all levels in it, outermost first. Calls `report` for each fault of a
 * module's `merge`. Main and events are merged one by one: http has its own inheritance.
 */
export function mergeScope(
  scope: Scope,
  modules: readonly AnyModule[],
  load: LoadContext,
  report: (fault: ConfigFault) => void,
): void {
  const apart = (scope.kind & APART) !== 0;
  const outer = scope.kind & (MAIN | EVENTS | HTTP) ? undefined : scope.parent;
  for (const module of modules) {
    const rows = module.definition.directives;
    if (apart && !rows.some((row) => row.in & scope.kind)) continue;
    const own = module.of(scope);
    const inherited = outer === undefined ? undefined : module.of(outer);
    for (const row of rows) {
      if (isFieldRow(row) && (!apart || row.in & scope.kind)) mergeField(row, own, inheritedBy(row, inherited, apart));
    }
    const fault = module.definition.merge?.(own, inherited, scope, load);
    if (fault !== undefined) report(fault);
  }
  if (scope.kind & (MAIN | EVENTS)) return;
  for (const child of scope.children) mergeScope(child, modules, load, report);
}

/** An upstream block takes a value from http only where the directive may stand in both. */
function inheritedBy(row: AnyFieldRow, inherited: object | undefined, apart: boolean): object | undefined {
  return apart && !(row.in & HTTP) ? undefined : inherited;
}

function mergeField(row: AnyFieldRow, own: object, outer: object | undefined): void {
  const value = Reflect.get(own, row.set) ?? (outer && Reflect.get(outer, row.set)) ?? row.arg.fallback;
  Reflect.set(own, row.set, value);
}

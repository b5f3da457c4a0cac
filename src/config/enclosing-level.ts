/** Levels of the configuration, seen from inside. */
import type { Scope } from "./directive.ts";

/** The level of a kind that a level is in, or is itself; undefined where there is none. */
export function enclosing(level: Scope, kind: number): Scope | undefined {
  let scope: Scope | undefined = level;
  while (scope !== undefined && scope.kind !== kind) scope = scope.parent;
  return scope;
}

/** Variables that the configuration computes from others: map, geo, split_clients. */
import { ConfigFault } from "../config/directive.ts";
import type { LoadContext } from "../config/load-context.ts";
import { type VariableGet, type VariableRegistry, variables } from "./variables.ts";

/** The name of a variable being defined, from its `$name` form. */
export function definedName(word: string): string | ConfigFault {
  if (!word.startsWith("$") || word.length === 1) return new ConfigFault(`invalid variable name "${word}"`);
  return word.slice(1);
}

/**
 * Defines a variable that is computed at its first use in a request and keeps that value; a `volatile` one is computed at
 * each use. `set` may give it another value, which holds from then on.
 */
export function defineComputed(
  load: LoadContext,
  name: string,
  compute: VariableGet,
  isVolatile: boolean,
): ConfigFault | undefined {
  const registry = variables(load);
  const slot = registry.namedSlot(name);
  const get: VariableGet = isVolatile
    ? (r) => r.slot(slot) ?? compute(r)
    : (r) => {
        const known = r.slot(slot);
        if (known !== undefined) return known;
        const value = compute(r);
        r.setSlot(slot, value);
        return value;
      };
  return registry.define({ name, get });
}

/** Stands in a slot for "not found": no text of one byte per character can be equal to it. */
const NOT_FOUND = "\u2205";

/** Makes a variable keep the value, or the lack of one, that its first use in a request found, as most of nginx's do. */
export function keepFirst(registry: VariableRegistry, get: VariableGet): VariableGet {
  const slot = registry.slot();
  return (r) => {
    const known = r.slot(slot);
    if (known !== undefined) return known === NOT_FOUND ? undefined : known;
    const value = get(r);
    r.setSlot(slot, value ?? NOT_FOUND);
    return value;
  };
}

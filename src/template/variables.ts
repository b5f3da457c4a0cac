/** The variable registry of one configuration. */
import { ConfigFault } from "../config/directive.ts";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import type { Statement } from "../config/syntax.ts";
import type { Request } from "../http/request.ts";

/** Reads a variable; undefined is nginx's "not found": `-` in logs, empty elsewhere. */
export type VariableGet = (r: Request) => string | undefined;

export interface VariableDefinition {
  readonly name: string;
  readonly get: VariableGet;
  /** For the few that `set` may assign (`$args`, `$limit_rate`). */
  readonly set?: (r: Request, value: string) => void;
  /** `set`, `map` and friends may define the name again. */
  readonly changeable?: boolean;
}

/** `$arg_*`, `$http_*` and the like: the rest of the name is given once, at load. */
export interface PrefixVariable {
  readonly prefix: string;
  get(rest: string): VariableGet;
}

/** A variable as templates hold it; `get` is filled in when the load ends, as definitions may follow uses. */
export interface Variable {
  readonly name: string;
  get: VariableGet;
  set: ((r: Request, value: string) => void) | undefined;
  changeable: boolean;
  defined: boolean;
  /** A template names it. */
  used: boolean;
  /** Where it was used first, for the error when nothing defines it. */
  readonly usedBy: Statement | undefined;
}

const missing: VariableGet = () => undefined;

export class VariableRegistry {
  private readonly known = new Map<string, Variable>();
  private readonly prefixes: PrefixVariable[] = [];
  private readonly slotsByName = new Map<string, number>();
  /** Number of per-request slots handed out so far: `r.slot(n)`. */
  slotCount = 0;

  /** Registers what a module provides. */
  provide(definitions: readonly VariableDefinition[], prefixes: readonly PrefixVariable[] = []): void {
    for (const d of definitions) this.fill(this.entry(d.name, undefined), d);
    this.prefixes.push(...prefixes);
  }

  /** Defines a variable from the configuration (`set`, `map`, `geo` ...): fault where the name is a fixed one. */
  define(definition: VariableDefinition): ConfigFault | undefined {
    const entry = this.entry(definition.name, undefined);
    if (entry.defined && !entry.changeable) return new ConfigFault(`the duplicate "${entry.name}" variable`);
    this.fill(entry, { ...definition, changeable: true });
    return undefined;
  }

  /** The variable of that name for a template; defined now or later. */
  use(name: string, statement: Statement | undefined): Variable {
    const entry = this.entry(name, statement);
    entry.used = true;
    return entry;
  }

  /** Whether a template names a variable that begins so. */
  isUsed(prefix: string): boolean {
    for (const entry of this.known.values()) if (entry.used && entry.name.startsWith(prefix)) return true;
    return false;
  }

  /** The variable if something has defined it so far. */
  find(name: string): Variable | undefined {
    const entry = this.known.get(name.toLowerCase());
    return entry?.defined ? entry : undefined;
  }

  /** Names that are defined so far; those with a prefix in common (`$http_*`) only where they are used. */
  names(): string[] {
    return [...this.known.values()].filter(({ defined }) => defined).map(({ name }) => name);
  }

  /** Takes a slot of per-request storage. */
  slot(): number {
    return this.slotCount++;
  }

  /** The slot of a variable that several places may set (`set $x`, named captures): the same for all of them. */
  namedSlot(name: string): number {
    const key = name.toLowerCase();
    let slot = this.slotsByName.get(key);
    if (slot === undefined) {
      slot = this.slot();
      this.slotsByName.set(key, slot);
    }
    return slot;
  }

  /** Resolves what was used before it was defined; reports unknown names. */
  finish(load: LoadContext): void {
    for (const entry of this.known.values()) {
      if (entry.defined) continue;
      const prefix = this.prefixes.find((p) => entry.name.startsWith(p.prefix));
      if (prefix === undefined) {
        load.fail(entry.usedBy, `unknown "${entry.name}" variable`);
        continue;
      }
      entry.get = prefix.get(entry.name.slice(prefix.prefix.length));
      entry.defined = true;
    }
  }

  private entry(name: string, statement: Statement | undefined): Variable {
    const key = name.toLowerCase();
    let entry = this.known.get(key);
    if (entry === undefined) {
      entry = {
        name: key,
        get: missing,
        set: undefined,
        changeable: false,
        defined: false,
        used: false,
        usedBy: statement,
      };
      this.known.set(key, entry);
    }
    return entry;
  }

  private fill(entry: Variable, definition: VariableDefinition): void {
    entry.get = definition.get;
    entry.set = definition.set;
    entry.changeable = definition.changeable ?? false;
    entry.defined = true;
  }
}

/** The registry of a load. */
export const variables = perLoad(() => new VariableRegistry());

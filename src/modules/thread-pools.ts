/** Names of thread pools: threads read no files here, but a name that `aio` uses must be one that `thread_pool` gave. */
import { type LoadContext, perLoad } from "../config/load-context.ts";
import type { Statement } from "../config/syntax.ts";

interface Pools {
  readonly names: Set<string>;
  readonly uses: { readonly name: string; readonly statement: Statement }[];
}

const poolsOf = perLoad<Pools>(() => ({ names: new Set(), uses: [] }));

/** False where the name has been given already. */
export function declarePool(load: LoadContext, name: string): boolean {
  const { names } = poolsOf(load);
  if (names.has(name)) return false;
  names.add(name);
  return true;
}

/** Notes that a statement names a pool, which may be declared after it. */
export function usePool(load: LoadContext, name: string, statement: Statement): void {
  poolsOf(load).uses.push({ name, statement });
}

/** When all files have been read: pools that nobody declared. There is always one called default. */
export function refuseUnknownPools(load: LoadContext): void {
  const { names, uses } = poolsOf(load);
  for (const { name, statement } of uses) {
    if (name !== "default" && !names.has(name)) load.failLate(`unknown thread pool "${name}"`, statement);
  }
}

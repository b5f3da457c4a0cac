/** Types of directive arguments with several values: words of a list, numbers and sizes of buffers, folders with levels. */
import {
  type ArgumentType,
  atLeast,
  between,
  type ConfigFault,
  type DirectiveSite,
  directiveFault,
  exactly,
  invalidValue,
} from "./directive.ts";
import { parseInteger, parseSize } from "./units.ts";

/** `number` buffers of `size` bytes each. */
export interface Buffers {
  readonly number: number;
  readonly size: number;
}

/** `proxy_buffers 8 4k` and its like (ngx_conf_set_bufs_slot). */
export function bufs<F extends Buffers | undefined>(fallback: F): ArgumentType<Buffers | F> {
  return {
    arity: exactly(2),
    fallback,
    parse([number = "", size = ""], site): Buffers | ConfigFault {
      const parsed = { number: parseInteger(number) ?? 0, size: parseSize(size) ?? 0 };
      return parsed.number === 0 || parsed.size === 0 ? directiveFault(site, "invalid value") : parsed;
    },
  };
}

/**
 * One or more words of a list, in any case of letters, on one or more lines; one that comes twice is warned about
 * (ngx_conf_set_bitmask_slot).
 */
export function choices<const W extends string, F extends ReadonlySet<NoInfer<W>> | undefined>(
  words: readonly W[],
  fallback: F,
): ArgumentType<ReadonlySet<W> | F> {
  return {
    arity: atLeast(1),
    fallback,
    accumulates: true,
    parse(args, site: DirectiveSite, earlier): ReadonlySet<W> | ConfigFault {
      const chosen = new Set<W>(earlier);
      for (const arg of args) {
        const wanted = arg.toLowerCase();
        const word = words.find((candidate) => candidate.toLowerCase() === wanted);
        if (word === undefined) return invalidValue(arg);
        if (chosen.has(word)) site.load.warn(site.statement, `duplicate value "${arg}"`);
        chosen.add(word);
      }
      return chosen;
    },
  };
}

/** All arguments as they are, one or more. */
export function texts<F extends readonly string[] | undefined>(fallback: F): ArgumentType<readonly string[] | F> {
  return { arity: atLeast(1), fallback, parse: (args) => args };
}

/** A folder whose files lie under up to three levels of subfolders. */
export interface LeveledPath {
  /** Absolute, by the prefix. */
  readonly path: string;
  /** Number of characters of each level's names. */
  readonly levels: readonly number[];
}

/** `proxy_temp_path /var/tmp 1 2` and its like (ngx_conf_set_path_slot). */
export function leveledPath<F extends LeveledPath | undefined>(fallback: F): ArgumentType<LeveledPath | F> {
  return {
    arity: between(1, 4),
    fallback,
    parse([path = "", ...rest], site): LeveledPath | ConfigFault {
      const levels = rest.map((level) => parseInteger(level) ?? 0);
      if (levels.includes(0)) return directiveFault(site, "invalid value");
      return { path: site.load.fullPath(path), levels };
    },
  };
}

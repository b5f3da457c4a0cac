/** Types of directive arguments with one value: what nginx's ngx_conf_set_*_slot functions take and refuse. */
import {
  type ArgumentType,
  ConfigFault,
  type DirectiveSite,
  directiveFault,
  exactly,
  invalidValue,
} from "./directive.ts";
import { parseInteger, parseOffset, parseSeconds, parseSize, parseTime } from "./units.ts";

const ONE = exactly(1);

/** `on` or `off`. */
export function flag<F extends boolean | undefined>(fallback: F): ArgumentType<boolean | F> {
  return {
    arity: ONE,
    flag: true,
    fallback,
    parse([value = ""], site) {
      const word = value.toLowerCase();
      if (word === "on") return true;
      if (word === "off") return false;
      return new ConfigFault(
        `invalid value "${value}" in "${site.statement.name}" directive, it must be "on" or "off"`,
      );
    },
  };
}

/** A time in milliseconds: `30s`, `500ms`, `1m 30s`. */
export function time<F extends number | undefined>(fallbackMs: F): ArgumentType<number | F> {
  return measured(fallbackMs, parseTime, "invalid value");
}

/** A time in whole seconds: `30s`, `1h`, `1y`. */
export function seconds<F extends number | undefined>(fallback: F): ArgumentType<number | F> {
  return measured(fallback, parseSeconds, "invalid value");
}

/** A size of memory in bytes: `4096`, `8k`, `1m`. */
export function size<F extends number | undefined>(fallbackBytes: F): ArgumentType<number | F> {
  return measured(fallbackBytes, parseSize, "invalid value");
}

/** A size of files and bodies in bytes: as `size`, with `g`. */
export function offset<F extends number | undefined>(fallbackBytes: F): ArgumentType<number | F> {
  return measured(fallbackBytes, parseOffset, "invalid value");
}

/** A whole number, not negative. */
export function number<F extends number | undefined>(fallback: F): ArgumentType<number | F> {
  return measured(fallback, parseInteger, "invalid number");
}

/** A whole number from `low` to `high`, both inclusive (ngx_conf_check_num_bounds). */
export function numberBetween<F extends number | undefined>(
  low: number,
  high: number,
  fallback: F,
): ArgumentType<number | F> {
  return {
    arity: ONE,
    fallback,
    parse([value = ""], site: DirectiveSite): number | ConfigFault {
      const parsed = parseInteger(value);
      if (parsed === undefined) return directiveFault(site, "invalid number");
      return parsed >= low && parsed <= high ? parsed : new ConfigFault(`value must be between ${low} and ${high}`);
    },
  };
}

/** The argument as it is. */
export function text<F extends string | undefined>(fallback: F): ArgumentType<string | F> {
  return { arity: ONE, fallback, parse: ([value = ""]) => value };
}

/** A file or folder; a relative one starts at the prefix (`-p`). The fallback is made absolute by whoever uses it. */
export function path<F extends string | undefined>(fallback: F): ArgumentType<string | F> {
  return { arity: ONE, fallback, parse: ([value = ""], site) => site.load.fullPath(value) };
}

/** A file or folder; a relative one starts at the folder of the main configuration file. */
export function confPath<F extends string | undefined>(fallback: F): ArgumentType<string | F> {
  return { arity: ONE, fallback, parse: ([value = ""], site) => site.load.confPath(value) };
}

/** One word of a list, in any case of letters (ngx_conf_set_enum_slot). */
export function choice<const W extends string, F extends NoInfer<W> | undefined>(
  words: readonly W[],
  fallback: F,
): ArgumentType<W | F> {
  return {
    arity: ONE,
    fallback,
    parse([value = ""]) {
      const wanted = value.toLowerCase();
      return words.find((word) => word.toLowerCase() === wanted) ?? invalidValue(value);
    },
  };
}

function measured<F extends number | undefined>(
  fallback: F,
  parse: (text: string) => number | undefined,
  complaint: string,
): ArgumentType<number | F> {
  return {
    arity: ONE,
    fallback,
    parse([value = ""], site: DirectiveSite): number | ConfigFault {
      return parse(value) ?? directiveFault(site, complaint);
    },
  };
}

/** Types of arguments of directives about TLS, towards clients and upstreams. */

import { type ArgumentType, ConfigFault, exactly } from "../config/directive.ts";
import { choices } from "../config/list-arguments.ts";
import type { Statement } from "../config/syntax.ts";

const PROTOCOLS = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;

/** A value with the place that it was written at: what is wrong with it shows only where TLS is really spoken. */
export interface Stated<T> {
  readonly value: T;
  readonly statement: Statement;
}

/** An argument with its place; undefined where it is set nowhere. */
export function stated<T extends NonNullable<unknown>>(type: ArgumentType<T>): ArgumentType<Stated<T> | undefined> {
  return {
    ...(type.accumulates === true && { accumulates: true }),
    arity: type.arity,
    fallback: undefined,
    parse(args, site, earlier) {
      const value = type.parse(args, site, earlier?.value);
      return value instanceof ConfigFault ? value : { value, statement: site.statement };
    },
  };
}

/** `ssl_protocols` and its like. */
export const protocols: ArgumentType<Stated<ReadonlySet<string>> | undefined> = stated(
  choices(PROTOCOLS, new Set<never>()),
);

/** `ssl_ciphers` and its like, `ssl_ecdh_curve`. */
export const listText: ArgumentType<Stated<string> | undefined> = stated({
  arity: exactly(1),
  fallback: "",
  parse: ([value = ""]) => value,
});

/** One text on each of several lines, in their order (ngx_conf_set_str_array_slot). */
export const textLines: ArgumentType<readonly string[] | undefined> = {
  arity: exactly(1),
  fallback: undefined,
  accumulates: true,
  parse: ([text = ""], _site, earlier) => [...(earlier ?? []), text],
};

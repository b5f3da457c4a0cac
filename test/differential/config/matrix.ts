/** Every directive of hopway's tables at every place, with every number of arguments and many values: texts made by rule. */

import {
  EVENTS,
  HTTP,
  LIMIT_EXCEPT,
  LOCATION,
  LOCATION_IF,
  MAIN,
  SERVER,
  SERVER_IF,
  UPSTREAM,
} from "../../../src/config/directive.ts";
import { nginxModuleOf } from "../../../src/config/unsupported.ts";
import { modules } from "../../../src/modules/list.ts";
import type { ContextName } from "./contexts.ts";

/** One statement, or several, at a place. */
export interface Statements {
  readonly context: ContextName;
  readonly text: string;
}

const KINDS: readonly (readonly [context: ContextName, kind: number])[] = [
  ["location", LOCATION],
  ["http", HTTP],
  ["server", SERVER],
  ["upstream", UPSTREAM],
  ["main", MAIN],
  ["events", EVENTS],
  ["if in server", SERVER_IF],
  ["if in location", LOCATION_IF],
  ["limit_except", LIMIT_EXCEPT],
];

const ARGUMENT_COUNTS = [0, 1, 2, 3, 4, 5, 9, 10];

const VALUES = [
  ...["0", "1", "2", "-1", "64", "0x10", "1.5", "9999999999999999999", "99999999999999999999"],
  ...["10k", "1k", "1x", "1g", "1s", "5m", "1ms", "1M"],
  ...["on", "off", "ON", "none", "all", "any", '""'],
  ...["$nonesuch", '"$a${"', "$remote_addr", "/a", "a b", "a=b", "~(", "127.0.0.1", "127.0.0.1:80"],
];
const TWICE = [
  ["1", "1"],
  ["off", "off"],
  ["on", "on"],
  ["4 4k", "4 4k"],
  ["/a", "/b"],
  ["10s", "1s"],
];

/** Directives that nginx 1.22 does not have: what it says about them is known. */
const NEWER = new Set([
  "add_header_inherit",
  "add_trailer_inherit",
  "http2",
  "keepalive_min_timeout",
  "max_headers",
  "proxy_pass_trailers",
  "proxy_ssl_certificate_cache",
  "proxy_ssl_key_log",
  "ssl_certificate_cache",
  "ssl_certificate_compression",
  "ssl_ech_file",
]);

/** All statements of the matrix, without repetitions. */
export function matrix(): Statements[] {
  const rows = modules.flatMap(({ definition }) => definition.directives);
  const names = [...new Set(rows.map(({ name }) => name))].filter(
    (name) => nginxModuleOf(name) !== undefined && !NEWER.has(name),
  );
  const out = new Map<string, Statements>();
  const add = (context: ContextName, text: string): void => {
    out.set(`${context}\n${text}`, { context, text });
  };
  for (const name of names) {
    const places = KINDS.filter(([, kind]) => rows.some((row) => row.name === name && (row.in & kind) !== 0));
    for (const [context] of KINDS) {
      add(context, `${name} x;`);
      add(context, `${name} x { }`);
    }
    for (const [context] of places) {
      for (const count of ARGUMENT_COUNTS) add(context, `${name}${" x".repeat(count)};`);
    }
    const place = places[0]?.[0];
    if (place === undefined) continue;
    for (const value of VALUES) add(place, `${name} ${value};`);
    for (const [first, second] of TWICE) add(place, `${name} ${first};\n${name} ${second};`);
  }
  return [...out.values()];
}

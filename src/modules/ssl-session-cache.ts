/** The argument of `ssl_session_cache`. */
import { type ArgumentType, between, ConfigFault } from "../config/directive.ts";
import { parseInteger, parseSize } from "../config/units.ts";

/** nginx's least size of a shared zone: eight pages. */
const MIN_CACHE_BYTES = 8 * 4096;

/** How sessions are kept; each worker has a cache of its own. */
export type SessionCache = "off" | "none" | "kept";

/** `off | none | [builtin[:sessions]] [shared:name:size]` (ngx_http_ssl_session_cache). */
export const sessionCache: ArgumentType<SessionCache> = {
  arity: between(1, 2),
  fallback: "none",
  accumulates: true,
  parse(args) {
    let cache: SessionCache = "none";
    for (const arg of args) {
      if (arg === "off" || arg === "none") {
        cache = arg;
        continue;
      }
      cache = "kept";
      if (arg === "builtin") continue;
      const invalid = new ConfigFault(`invalid session cache "${arg}"`);
      if (arg.startsWith("builtin:")) {
        if (parseInteger(arg.slice("builtin:".length)) === undefined) return invalid;
        continue;
      }
      const shared = /^shared:([^:]+):(.*)$/s.exec(arg);
      const bytes = shared === null ? undefined : parseSize(shared[2] ?? "");
      if (bytes === undefined) return invalid;
      if (bytes < MIN_CACHE_BYTES) return new ConfigFault(`session cache "${arg}" is too small`);
    }
    return cache;
  },
};

/** Types of arguments of the `ssl_*` directives, of servers. */
import { type ArgumentType, between, ConfigFault, directiveFault } from "../config/directive.ts";
import { parseInteger, parseSize, parseTime } from "../config/units.ts";

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

/** `ssl_certificate_cache`: how many loaded certificates are kept, and how long. */
export interface CertificateCache {
  readonly max: number;
  readonly inactiveMs: number;
  readonly validMs: number;
}

/** `off | max=N [inactive=time] [valid=time]` (ngx_http_ssl_certificate_cache). */
export const certificateCache: ArgumentType<CertificateCache | "off"> = {
  arity: between(1, 3),
  fallback: "off",
  parse(args, site) {
    let max = 0;
    let inactiveMs = 10_000;
    let validMs = 60_000;
    for (const arg of args) {
      if (arg === "off") return args.length > 1 ? new ConfigFault(`invalid parameter "${arg}"`) : "off";
      const equals = arg.indexOf("=");
      const name = arg.slice(0, equals);
      const value = arg.slice(equals + 1);
      const invalid = new ConfigFault(`invalid parameter "${arg}"`);
      if (name === "max") {
        max = parseInteger(value) ?? 0;
        if (max === 0) return invalid;
        continue;
      }
      const timeMs = parseTime(value);
      if (timeMs === undefined) return invalid;
      if (name === "inactive") inactiveMs = timeMs;
      else if (name === "valid") validMs = timeMs;
      else return invalid;
    }
    return max === 0 ? directiveFault(site, 'must have the "max" parameter') : { max, inactiveMs, validMs };
  },
};

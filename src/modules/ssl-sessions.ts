/**
 * Sessions that clients resume: `ssl_session_cache`, `ssl_session_tickets`, `ssl_session_timeout`. Bun's TLS keeps none on
 * the server; clients keep them, sealed as tickets (RFC 5077, RFC 8446 4.6.1).
 */
import { type ArgumentType, between, ConfigFault } from "../config/directive.ts";
import type { LoadContext } from "../config/load-context.ts";
import { parseInteger, parseSize } from "../config/units.ts";
import type { Stated } from "../net/tls-arguments.ts";
import { warnOnce } from "../net/tls-choices.ts";
import type { TlsContextOptions } from "../net/tls-context.ts";

/** nginx's least size of a shared zone: eight pages. */
const MIN_CACHE_BYTES = 8 * 4096;

/** How the server is to keep sessions. */
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

const DEFAULT_TIMEOUT_SECONDS = 300;
/** What OpenSSL makes of a time of 0. */
const ZERO_TIMEOUT_SECONDS = 7200;
/** BoringSSL seals tickets with a new key after two days, and forgets the one before it two days later. */
const MAX_TIMEOUT_SECONDS = 2 * 86_400;

/** What contexts are told of sessions; warns of what they cannot do. */
export function sessionOptions(
  own: {
    readonly sessionCache: Stated<SessionCache> | undefined;
    readonly sessionTickets: boolean;
    readonly sessionTimeout: Stated<number> | undefined;
  },
  load: LoadContext,
): Pick<TlsContextOptions, "sessionTickets" | "sessionTimeout"> {
  const { sessionCache: cache, sessionTickets, sessionTimeout: timeout } = own;
  if (cache?.value === "kept") {
    const instead = sessionTickets
      ? "clients keep them, as tickets"
      : 'and with "ssl_session_tickets off" none is resumed';
    warnOnce(load, cache.statement, `"ssl_session_cache" ignored: Bun's TLS keeps no sessions, ${instead}`);
  }
  let seconds = timeout?.value ?? DEFAULT_TIMEOUT_SECONDS;
  if (seconds === 0) seconds = ZERO_TIMEOUT_SECONDS;
  if (timeout !== undefined && seconds > MAX_TIMEOUT_SECONDS) {
    const why = "two days: Bun's TLS changes the keys of tickets";
    warnOnce(load, timeout.statement, `"ssl_session_timeout" is no longer than ${why}`);
    seconds = MAX_TIMEOUT_SECONDS;
  }
  return { sessionTickets, sessionTimeout: seconds };
}

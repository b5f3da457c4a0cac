/**
 * Directives that tune TLS, as they stand in the http block of nearly every configuration: checked as nginx checks them,
 * and without effect as long as no server can listen with TLS (`listen ... ssl` is refused).
 */
import { flag, seconds, size, text } from "../config/arguments.ts";
import {
  type AcceptedRow,
  type ArgumentType,
  between,
  ConfigFault,
  HTTP,
  Module,
  SERVER,
} from "../config/directive.ts";
import { choices } from "../config/list-arguments.ts";
import { parseInteger, parseSize } from "../config/units.ts";

const NO_TLS = "no server listens with TLS";

function tuning(name: string, check: ArgumentType<unknown>): AcceptedRow {
  return {
    name,
    in: HTTP | SERVER,
    arity: check.arity,
    check,
    doc: "Tunes TLS, which is not there yet.",
    accepted: NO_TLS,
  };
}

/** nginx's least size of a shared zone: eight pages. */
const MIN_CACHE_BYTES = 8 * 4096;

/** `off | none | [builtin[:sessions]] [shared:name:size]` (ngx_http_ssl_session_cache). */
const sessionCache: ArgumentType<undefined> = {
  arity: between(1, 2),
  fallback: undefined,
  accumulates: true,
  parse(args) {
    for (const arg of args) {
      if (arg === "off" || arg === "none" || arg === "builtin") continue;
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
    return undefined;
  },
};

const PROTOCOLS = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;

export const tlsDefaults: Module = new Module({
  name: "tls_defaults",
  directives: [
    tuning("ssl_protocols", choices(PROTOCOLS, undefined)),
    tuning("ssl_ciphers", text(undefined)),
    tuning("ssl_prefer_server_ciphers", flag(undefined)),
    tuning("ssl_ecdh_curve", text(undefined)),
    tuning("ssl_session_cache", sessionCache),
    tuning("ssl_session_timeout", seconds(undefined)),
    tuning("ssl_session_tickets", flag(undefined)),
    tuning("ssl_buffer_size", size(undefined)),
  ],
  create: () => ({}),
});

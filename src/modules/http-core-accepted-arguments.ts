/** Argument types of http core directives that have no effect here: only nginx's checks. */
import { type ArgumentType, between, ConfigFault, directiveFault, exactly } from "../config/directive.ts";
import { parseInteger, parseOffset, parseSeconds, parseSize } from "../config/units.ts";
import { compileTemplate } from "../template/template.ts";
import { usePool } from "./thread-pools.ts";

/** The least size of nginx's memory pools on 64-bit machines, and what each size is a multiple of. */
const MIN_POOL_BYTES = 112;
const POOL_ALIGNMENT = 16;

/** `connection_pool_size`, `request_pool_size` (ngx_http_core_pool_size). */
export const poolSize: ArgumentType<undefined> = {
  arity: exactly(1),
  fallback: undefined,
  parse([value = ""], site) {
    const bytes = parseSize(value);
    if (bytes === undefined) return directiveFault(site, "invalid value");
    if (bytes < MIN_POOL_BYTES) return new ConfigFault(`the pool size must be no less than ${MIN_POOL_BYTES}`);
    if (bytes % POOL_ALIGNMENT !== 0) {
      return new ConfigFault(`the pool size must be a multiple of ${POOL_ALIGNMENT}`);
    }
    return undefined;
  },
};

/** `aio off|on|threads[=pool]` (ngx_http_core_set_aio); on is good where nginx is built for it. */
export const aioMode: ArgumentType<undefined> = {
  arity: exactly(1),
  fallback: undefined,
  parse([value = ""], site) {
    if (value === "off" || value === "on" || value === "threads") return undefined;
    if (value.startsWith("threads=")) {
      const name = compileTemplate(value.slice("threads=".length), site);
      if (name instanceof ConfigFault) return name;
      if (name.constant !== undefined) usePool(site.load, name.constant, site.statement);
      return undefined;
    }
    return directiveFault(site, "invalid value");
  },
};

/** `directio off|size` (ngx_http_core_directio). */
export const directioSize: ArgumentType<undefined> = {
  arity: exactly(1),
  fallback: undefined,
  parse([value = ""], site) {
    return value === "off" || parseOffset(value) !== undefined ? undefined : directiveFault(site, "invalid value");
  },
};

/** `open_file_cache off | max=N [inactive=time]` (ngx_http_core_open_file_cache). */
export const openFileCache: ArgumentType<undefined> = {
  arity: between(1, 2),
  fallback: undefined,
  parse(args) {
    let hasMax = false;
    for (const arg of args) {
      if (arg === "off") continue;
      const max = arg.startsWith("max=") ? parseInteger(arg.slice("max=".length)) : undefined;
      if (max !== undefined && max > 0) hasMax = true;
      else if (!arg.startsWith("inactive=") || parseSeconds(arg.slice("inactive=".length)) === undefined) {
        return new ConfigFault(`invalid "open_file_cache" parameter "${arg}"`);
      }
    }
    if (hasMax || args.includes("off")) return undefined;
    return new ConfigFault('"open_file_cache" must have the "max" parameter');
  },
};

/** `send_lowat`: nginx warns where the system has no such thing. */
export const lowWater: ArgumentType<number> = {
  arity: exactly(1),
  fallback: 0,
  parse([value = ""], site) {
    const bytes = parseSize(value);
    if (bytes === undefined) return directiveFault(site, "invalid value");
    site.load.warn(site.statement, `"${site.statement.name}" is not supported, ignored`);
    return bytes;
  },
};

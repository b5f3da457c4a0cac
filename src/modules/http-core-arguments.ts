/** Argument types that only http core directives have. */
import { type ArgumentType, between, ConfigFault, directiveFault, exactly } from "../config/directive.ts";
import { parseSeconds, parseSize, parseTime } from "../config/units.ts";
import type { CoreSettings } from "../http/settings.ts";
import { compileTemplate, type Template } from "../template/template.ts";

/** `keepalive_timeout 75s [60s]`: the second time goes into a Keep-Alive header. */
export const keepaliveTimeout: ArgumentType<CoreSettings["keepaliveTimeout"]> = {
  arity: between(1, 2),
  fallback: { timeoutMs: 75_000, headerSeconds: 0 },
  parse([timeout = "", header], site) {
    const timeoutMs = parseTime(timeout);
    const headerSeconds = header === undefined ? 0 : parseSeconds(header);
    if (timeoutMs === undefined || headerSeconds === undefined) return directiveFault(site, "invalid value");
    return { timeoutMs, headerSeconds };
  },
};

/** A size that may hold variables: checked at once where it holds none (ngx_http_set_complex_value_size_slot). */
export const rateTemplate: ArgumentType<Template | undefined> = {
  arity: exactly(1),
  fallback: undefined,
  parse([value = ""], site) {
    const compiled = compileTemplate(value, site);
    if (compiled instanceof ConfigFault || compiled.constant === undefined) return compiled;
    return parseSize(compiled.constant) === undefined ? directiveFault(site, "invalid value") : compiled;
  },
};

/** `error_log` inside the http block: where the requests of a level are logged (ngx_http_core_error_log). */
import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import type { CoreSettings } from "../http/settings.ts";
import { useMainErrorLog } from "../net/error-log.ts";
import { addErrorLog } from "../net/error-log-directive.ts";

/** `error_log FILE|stderr|syslog:... [LEVEL]`; a level may have several. */
export function applyErrorLog(own: CoreSettings, site: DirectiveSite): ConfigFault | undefined {
  const log = addErrorLog(own.errorLog, site.statement.args, site);
  if (log instanceof ConfigFault) return log;
  own.errorLog = log;
  return undefined;
}

/** Levels of a load that log where the main level does. */
const loggingAsMain = perLoad<Set<object>>(() => new Set());

/** A level without an error_log logs where its outer level does; the http block, where the main level does. */
export function inheritErrorLog(own: CoreSettings, outer: CoreSettings | undefined, load: LoadContext): void {
  if (own.errorLog !== undefined) return;
  const asMain = loggingAsMain(load);
  if (outer !== undefined && !asMain.has(outer)) {
    own.errorLog = outer.errorLog;
    return;
  }
  asMain.add(own);
  useMainErrorLog(load, (log) => {
    own.errorLog = log;
  });
}

/** The arguments of `error_log`, which are the same at the main, http, server and location levels. */
import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import { DEBUG, ERR, ErrorLog, type ErrorTarget, type LogLevel, levelByName, standardError } from "./error-log.ts";
import { type LogFile, logFile } from "./log-file.ts";
import { parseSyslog, type SyslogTarget } from "./syslog.ts";

/** nginx's parts of the debug log: any of them stands for all of them here. */
const debugParts = ["core", "alloc", "mutex", "event", "http", "mail", "stream"].map((part) => `debug_${part}`);

/**
 * Adds what one `error_log` directive says to the logs that its level has already: `own.errorLog = addErrorLog(own.errorLog, ...)`.
 * Faults in nginx's words.
 */
export function addErrorLog(
  current: ErrorLog | undefined,
  args: readonly string[],
  site: DirectiveSite,
): ErrorLog | ConfigFault {
  const to = destination(args[0] ?? "", site);
  if (to instanceof ConfigFault) return to;
  const level = levelOf(args.slice(1));
  if (level instanceof ConfigFault) return level;
  const target: ErrorTarget = { level, to };
  return new ErrorLog([...(current?.targets ?? []), target]);
}

function destination(text: string, site: DirectiveSite): LogFile | SyslogTarget | ConfigFault {
  if (text === "stderr") return standardError;
  if (text.startsWith("syslog:")) return parseSyslog(text);
  if (text.startsWith("memory:")) return new ConfigFault("hopway was built without debug support");
  return logFile(site.load, site.load.fullPath(text));
}

function levelOf(args: readonly string[]): LogLevel | ConfigFault {
  let level: LogLevel | undefined;
  let parts = false;
  for (const name of args) {
    if (debugParts.includes(name)) {
      if (level !== undefined && !parts) return new ConfigFault(`invalid log level "${name}"`);
      level = DEBUG;
      parts = true;
      continue;
    }
    const found = levelByName(name);
    if (found === undefined) return new ConfigFault(`invalid log level "${name}"`);
    if (level !== undefined) return new ConfigFault(`duplicate log level "${name}"`);
    level = found;
  }
  return level ?? ERR;
}

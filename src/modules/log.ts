/** Access logs (ngx_http_log_module). */
import { flag } from "../config/arguments.ts";
import {
  atLeast,
  between,
  ConfigFault,
  type DirectiveSite,
  HTTP,
  HTTP_SERVER_LOCATION,
  invalidParameter,
  LIMIT_EXCEPT,
  LOCATION_IF,
  Module,
  SERVER,
} from "../config/directive.ts";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import { parseSize, parseTime } from "../config/units.ts";
import { phaseHandlers } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { ALERT, CRIT, ERR } from "../net/error-log.ts";
import { ENOTDIR, pathStatus } from "../net/file.ts";
import { numberedError } from "../net/libc.ts";
import { declaredLogs, type LogFile, logFile } from "../net/log-file.ts";
import { parseSyslog, SyslogTarget } from "../net/syslog.ts";
import { compileTemplate, type Template } from "../template/template.ts";
import { checkedRoot } from "./file-path.ts";
import { compileLogFormat, type LogFormat, readyFormat } from "./log-format.ts";
import { appendToLog, type OpenLogCacheSettings, parseOpenLogCache } from "./open-log-files.ts";

/** nginx's --http-log-path, as Debian builds it. */
const DEFAULT_ACCESS_LOG = "/var/log/nginx/access.log";

/** One `access_log`. */
interface AccessLog {
  /** A file, the system log, or a file whose name depends on the request. */
  readonly to: LogFile | SyslogTarget | Template;
  readonly format: LogFormat;
  /** Lines are only written where this is neither empty nor "0". */
  readonly condition: Template | undefined;
}

interface LogSettings {
  logs: AccessLog[] | undefined;
  off: boolean;
  cache: OpenLogCacheSettings | "off" | undefined;
  logsSubrequests: boolean | undefined;
}

/** Formats of a load by name, in lower case: nginx compares them so when a log names one. */
const formats = perLoad<Map<string, LogFormat>>((load) => {
  const combined = readyFormat("combined", load);
  return new Map(combined === undefined ? [] : [["combined", combined]]);
});

/** The format of that name; the ready-made ones are compiled when a log names them. */
function findFormat(name: string, load: LoadContext): LogFormat | undefined {
  const known = formats(load);
  const key = name.toLowerCase();
  const format = known.get(key) ?? readyFormat(key, load);
  if (format !== undefined) known.set(key, format);
  return format;
}

/** Buffers of files; several logs that share one must agree. */
const buffers = perLoad<Map<LogFile, { readonly bytes: number; readonly flushMs: number }>>(() => new Map());

function addFormat(_own: LogSettings, site: DirectiveSite): ConfigFault | undefined {
  const known = formats(site.load);
  const name = site.statement.args[0] ?? "";
  for (const format of known.values()) {
    if (format.name === name) return new ConfigFault(`duplicate "log_format" name "${name}"`);
  }
  const format = compileLogFormat(site);
  if (format instanceof ConfigFault) return format;
  known.set(name.toLowerCase(), format);
  return undefined;
}

function addLog(own: LogSettings, site: DirectiveSite): ConfigFault | undefined {
  const [target = "", formatName = "combined", ...options] = site.statement.args;
  if (target === "off") {
    own.off = true;
    const [, extra] = site.statement.args;
    return extra === undefined ? undefined : invalidParameter(extra);
  }
  const to = destination(target, site);
  if (to instanceof ConfigFault) return to;
  const format = findFormat(formatName, site.load);
  if (format === undefined) return new ConfigFault(`unknown log format "${formatName}"`);
  const parsed = parseOptions(target, options, site);
  if (parsed instanceof ConfigFault) return parsed;
  if (parsed.bufferBytes > 0) {
    const fault = setBuffer(to, target, parsed, site);
    if (fault !== undefined) return fault;
  }
  own.logs ??= [];
  own.logs.push({ to, format, condition: parsed.condition });
  return undefined;
}

function destination(target: string, site: DirectiveSite): AccessLog["to"] | ConfigFault {
  if (target.startsWith("syslog:")) return parseSyslog(target);
  if (target.includes("$")) return compileTemplate(site.load.fullPath(target), site);
  return logFile(site.load, site.load.fullPath(target));
}

interface LogOptions {
  readonly bufferBytes: number;
  readonly flushMs: number;
  readonly condition: Template | undefined;
}

function parseOptions(target: string, options: readonly string[], site: DirectiveSite): LogOptions | ConfigFault {
  let bufferBytes = 0;
  let flushMs = 0;
  let condition: Template | undefined;
  for (const option of options) {
    const value = option.slice(option.indexOf("=") + 1);
    if (option.startsWith("buffer=")) {
      bufferBytes = parseSize(value) ?? 0;
      if (bufferBytes === 0) return new ConfigFault(`invalid buffer size "${value}"`);
    } else if (option.startsWith("flush=")) {
      flushMs = parseTime(value) ?? 0;
      if (flushMs === 0) return new ConfigFault(`invalid flush time "${value}"`);
    } else if (option === "gzip" || option.startsWith("gzip=")) {
      if (option !== "gzip" && !/^[1-9]$/.test(value)) return new ConfigFault(`invalid compression level "${value}"`);
      return new ConfigFault('parameter "gzip" of "access_log" is not implemented by hopway');
    } else if (option.startsWith("if=")) {
      const compiled = compileTemplate(value, site);
      if (compiled instanceof ConfigFault) return compiled;
      condition = compiled;
    } else {
      return invalidParameter(option);
    }
  }
  if (flushMs > 0 && bufferBytes === 0) return new ConfigFault(`no buffer is defined for access_log "${target}"`);
  return { bufferBytes, flushMs, condition };
}

function setBuffer(
  to: AccessLog["to"],
  target: string,
  { bufferBytes, flushMs }: LogOptions,
  site: DirectiveSite,
): ConfigFault | undefined {
  if (to instanceof SyslogTarget) return new ConfigFault("logs to syslog cannot be buffered");
  if ("evaluate" in to) return new ConfigFault("buffered logs cannot have variables in name");
  const known = buffers(site.load);
  const other = known.get(to);
  if (other !== undefined && (other.bytes !== bufferBytes || other.flushMs !== flushMs)) {
    return new ConfigFault(`access_log "${target}" already defined with conflicting parameters`);
  }
  known.set(to, { bytes: bufferBytes, flushMs });
  return undefined;
}

function setCache(own: LogSettings, site: DirectiveSite): ConfigFault | undefined {
  if (own.cache !== undefined) return new ConfigFault('"open_log_file_cache" directive is duplicate');
  const cache = parseOpenLogCache(site);
  if (cache instanceof ConfigFault) return cache;
  own.cache = cache;
  return undefined;
}

/** The log phase: one line per log, whatever became of the request. */
function logHandler(r: Request): void {
  const { off, logs, cache, logsSubrequests } = logModule.of(r.location);
  if (off || logs === undefined || (r.owner !== undefined && !logsSubrequests)) return;
  for (const { to, format, condition } of logs) {
    if (condition !== undefined) {
      const value = condition.evaluate(r);
      if (value === "" || value === "0") continue;
    }
    const line = format.line(r);
    if (to instanceof SyslogTarget) to.send(to.severity, line);
    else if ("evaluate" in to) writeNamed(r, to, `${line}\n`, cache ?? "off");
    else to.append(`${line}\n`);
  }
}

/** Writes to a file named by the request; only where the request's root is there, as clients may name any host. */
function writeNamed(r: Request, name: Template, line: string, cache: OpenLogCacheSettings | "off"): void {
  const root = checkedRoot(r);
  if (root === undefined) return;
  const status = pathStatus(root);
  if (typeof status === "number" || !status.isFolder) {
    const errno = typeof status === "number" ? status : ENOTDIR;
    r.log(ERR, `testing "${root}" existence failed (${numberedError(errno)}) while logging request`);
    return;
  }
  const failure = appendToLog(name.evaluate(r), line, cache);
  if (failure !== undefined) r.log(failure.startsWith("open") ? CRIT : ALERT, `${failure} while logging request`);
}

export const logModule: Module<LogSettings> = new Module<LogSettings>({
  name: "http_log",
  directives: [
    {
      name: "log_format",
      in: HTTP,
      arity: atLeast(2),
      doc: "What a line of an access log holds.",
      apply: addFormat,
    },
    {
      name: "access_log",
      in: HTTP_SERVER_LOCATION | LOCATION_IF | LIMIT_EXCEPT,
      arity: atLeast(1),
      doc: "Where requests are logged.",
      apply: addLog,
    },
    {
      name: "open_log_file_cache",
      in: HTTP_SERVER_LOCATION,
      arity: between(1, 4),
      doc: "Keeps log files open whose names have variables.",
      apply: setCache,
    },
    {
      name: "log_subrequest",
      in: HTTP_SERVER_LOCATION,
      arg: flag(false),
      set: "logsSubrequests",
      doc: "Logs the requests of auth_request, too.",
    },
  ],
  create: () => ({ logs: undefined, off: false, cache: undefined, logsSubrequests: undefined }),
  merge(own, outer, scope, load) {
    own.cache ??= outer?.cache;
    if (own.logs !== undefined || own.off || outer === undefined) return undefined;
    own.logs = outer.logs;
    own.off = outer.off;
    if (own.logs === undefined && !own.off && scope.kind === SERVER) {
      const format = findFormat("combined", load);
      if (format !== undefined) {
        own.logs = [{ to: logFile(load, DEFAULT_ACCESS_LOG), format, condition: undefined }];
      }
    }
    return undefined;
  },
  register: (load) => {
    phaseHandlers(load).log.push(logHandler);
  },
  finish(_http, load) {
    // Log files outlive a reload: one that is not buffered any more must hear of it, too.
    for (const file of declaredLogs(load)) {
      const buffer = buffers(load).get(file);
      file.setBuffer(buffer?.bytes ?? 0, buffer?.flushMs ?? 0);
    }
    return undefined;
  },
});

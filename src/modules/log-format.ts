/** `log_format`: text with variables, written as nginx's log module writes them (ngx_http_log_compile_format). */
import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import type { LoadContext } from "../config/load-context.ts";
import type { Statement } from "../config/syntax.ts";
import { isoDate, logDate, secondsText } from "../http/date.ts";
import type { Request } from "../http/request.ts";
import { nowMs } from "../net/timers.ts";
import { validUtf8 } from "../net/utf8.ts";
import { type Variable, variables } from "../template/variables.ts";
import { escapeJsonValue, escapeLogValue, type LogEscape } from "./log-escape.ts";
import { statusText } from "./variables-response.ts";

/** Makes a request's line, without its newline. */
export interface LogFormat {
  readonly name: string;
  line(r: Request): string;
}

type Part = (r: Request) => string;

/** Values that the log module makes itself: computed when the line is written, and never escaped. */
const ownParts: ReadonlyMap<string, Part> = new Map<string, Part>([
  ["pipe", (r) => (r.pipelined ? "p" : ".")],
  ["time_local", () => logDate(Date.now())],
  ["time_iso8601", () => isoDate(Date.now())],
  ["msec", () => secondsText(Date.now())],
  ["request_time", (r) => secondsText(nowMs() - r.startMs)],
  ["status", statusText],
  ["bytes_sent", (r) => String(r.bytesSent)],
  ["body_bytes_sent", (r) => String(r.bodyBytesSent)],
  ["request_length", (r) => String(r.receivedBytes)],
]);

/** In hopway's own JSON, where numbers have no leading zeros and text is UTF-8. */
const jsonParts: ReadonlyMap<string, Part> = new Map([...ownParts, ["status", (r) => String(Number(statusText(r)))]]);

/** A variable's value; `-` where there is none, except in JSON and unescaped logs. */
function variablePart(variable: Variable, escaping: LogEscape): Part {
  switch (escaping) {
    case "json":
      return (r) => escapeJsonValue(variable.get(r) ?? "");
    case "none":
      return (r) => variable.get(r) ?? "";
    default:
      return (r) => {
        const value = variable.get(r);
        return value === undefined ? "-" : escapeLogValue(value);
      };
  }
}

/** A format that needs no `log_format`. */
interface ReadyFormat {
  readonly text: string;
  readonly escaping: LogEscape;
}

const field = (name: string, variable = name): string => `"${name}":"$${variable}"`;

const READY: ReadonlyMap<string, ReadyFormat> = new Map<string, ReadyFormat>([
  // nginx's own.
  [
    "combined",
    {
      text: '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
      escaping: "default",
    },
  ],
  // What a WebSocket was, beside what combined says.
  [
    "websocket",
    {
      text:
        '$remote_addr - $remote_user [$time_local] "$request" $status $bytes_sent "$http_origin" "$http_user_agent" ' +
        "time=$request_time upstream=$upstream_addr in=$websocket_messages_in/$websocket_bytes_in " +
        "out=$websocket_messages_out/$websocket_bytes_out close=$websocket_close_code/$websocket_close_by " +
        "pings=$websocket_pings subprotocol=$websocket_subprotocol",
      escaping: "default",
    },
  ],
  // One object per line; what is not there is an empty string.
  [
    "json",
    {
      text: `{${[
        field("time", "time_iso8601"),
        field("remote_addr"),
        field("remote_user"),
        field("host"),
        field("method", "request_method"),
        field("uri", "request_uri"),
        field("protocol", "server_protocol"),
        '"status":$status',
        '"bytes_sent":$bytes_sent',
        '"request_length":$request_length',
        '"request_time":$request_time',
        field("referer", "http_referer"),
        field("user_agent", "http_user_agent"),
        field("origin", "http_origin"),
        field("upstream_addr"),
        field("upstream_status"),
        field("upstream_response_time"),
        ...[
          "messages_in",
          "messages_out",
          "bytes_in",
          "bytes_out",
          "close_code",
          "close_by",
          "duration",
          "subprotocol",
          "pings",
        ].map((name) => field(`websocket_${name}`)),
      ].join(",")}}`,
      escaping: "json",
    },
  ],
]);

/** A format that is there without `log_format`, by its name in lower case; one of the configuration goes before it. */
export function readyFormat(name: string, load: LoadContext): LogFormat | undefined {
  const ready = READY.get(name);
  if (ready === undefined) return undefined;
  const isJson = ready.escaping === "json";
  const parts = compileParts(ready.text, ready.escaping, load, undefined, isJson ? jsonParts : ownParts);
  const line = joined(parts instanceof ConfigFault ? [] : parts);
  return { name, line: isJson ? (r) => validUtf8(line(r)) : line };
}

/** Compiles `log_format name [escape=...] text...`. */
export function compileLogFormat(site: DirectiveSite): LogFormat | ConfigFault {
  const [name = "", ...rest] = site.statement.args;
  const escaping = rest[0]?.startsWith("escape=") ? rest.shift()?.slice("escape=".length) : "default";
  if (escaping !== "default" && escaping !== "json" && escaping !== "none") {
    return new ConfigFault(`unknown log format escaping "${escaping}"`);
  }
  const parts: (string | Part)[] = [];
  for (const text of rest) {
    const compiled = compileParts(text, escaping, site.load, site.statement);
    if (compiled instanceof ConfigFault) return compiled;
    parts.push(...compiled);
  }
  return { name, line: joined(parts) };
}

const NAME = /[A-Za-z0-9_]*/y;

function compileParts(
  text: string,
  escaping: LogEscape,
  load: LoadContext,
  statement: Statement | undefined,
  own = ownParts,
): (string | Part)[] | ConfigFault {
  const parts: (string | Part)[] = [];
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf("$", at);
    if (dollar !== at) {
      const end = dollar < 0 ? text.length : dollar;
      parts.push(text.slice(at, end));
      at = end;
      continue;
    }
    const braced = text.charAt(dollar + 1) === "{";
    NAME.lastIndex = dollar + (braced ? 2 : 1);
    const name = NAME.exec(text)?.[0] ?? "";
    at = dollar + (braced ? 2 : 1) + name.length;
    if (braced) {
      if (text.charAt(at) !== "}") {
        if (dollar + 2 >= text.length) return new ConfigFault(`invalid parameter "${text.slice(dollar)}"`);
        return new ConfigFault(`the closing bracket in "${name}" variable is missing`);
      }
      at++;
    }
    if (name === "") return new ConfigFault(`invalid parameter "${text.slice(dollar)}"`);
    parts.push(own.get(name) ?? variablePart(variables(load).use(name, statement), escaping));
  }
  return parts;
}

/** One function for the whole line. Hot: it runs for each request. */
function joined(parts: readonly (string | Part)[]): (r: Request) => string {
  return (r) => {
    let line = "";
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      line += typeof part === "string" ? part : part(r);
    }
    return line;
  };
}

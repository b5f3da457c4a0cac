/** Variables by field, cookie and argument name: $http_*, $sent_http_*, $sent_trailer_*, $cookie_*, $arg_*. */
import { httpDate } from "../http/date.ts";
import { HeaderList } from "../http/header-list.ts";
import type { Request } from "../http/request.ts";
import { keepFirst } from "../template/cached-variable.ts";
import type { PrefixVariable, VariableDefinition, VariableGet, VariableRegistry } from "../template/variables.ts";

/** Reads the fields that a variable name stands for from a list. */
type FieldRead = (list: HeaderList) => string | undefined;

/** The fields of a name in which `_` stands for `-` (or for itself), joined with `, ` as RFC 9110 section 5.3 allows. */
function readFields(name: string, separator: string): FieldRead {
  const key = name.replaceAll("_", "-");
  if (key === name) return (list) => list.getJoined(key, separator);
  return (list) => {
    const { keys, values, count } = list;
    let joined: string | undefined;
    for (let i = 0; i < count; i++) {
      const candidate = keys[i]!;
      // Underscores are rare in field names: underscores_in_headers lets them in.
      if (candidate !== key && (candidate.length !== key.length || candidate.replaceAll("_", "-") !== key)) continue;
      joined = joined === undefined ? values[i]! : joined + separator + values[i]!;
    }
    return joined;
  };
}

/** `$http_name`. Cookie fields are joined as RFC 6265 section 5.4 wants it. */
function requestField(name: string): VariableGet {
  const read = readFields(name, name === "cookie" ? "; " : ", ");
  return (r) => read(r.headers);
}

function responseField(name: string): VariableGet {
  const read = readFields(name, ", ");
  return (r) => read(r.out.list);
}

function connectionField(r: Request): string {
  if (r.out.status === 101) return "upgrade";
  // nginx has dropped its mark when it logs a request that ended as it should.
  return r.keepAlive && !r.completed ? "keep-alive" : "close";
}

function keepAliveField(r: Request): string | undefined {
  const { headerSeconds } = r.location.core.keepaliveTimeout;
  return r.keepAlive && !r.completed && headerSeconds > 0 ? `timeout=${headerSeconds}` : undefined;
}

function lastModifiedField(r: Request): string | undefined {
  const { lastModifiedText, lastModifiedSeconds } = r.out;
  if (lastModifiedText !== undefined) return lastModifiedText;
  return lastModifiedSeconds === -1 ? undefined : httpDate(lastModifiedSeconds * 1000);
}

/** Response fields that are kept outside the list, as in ngx_http_variables.c. */
const sentFields: readonly VariableDefinition[] = [
  { name: "sent_http_content_type", get: (r) => r.out.contentTypeText },
  {
    name: "sent_http_content_length",
    get: (r) => (r.out.contentLength >= 0 ? String(r.out.contentLength) : undefined),
  },
  { name: "sent_http_location", get: (r) => r.out.location },
  { name: "sent_http_last_modified", get: lastModifiedField },
  { name: "sent_http_connection", get: connectionField },
  { name: "sent_http_keep_alive", get: keepAliveField },
  { name: "sent_http_transfer_encoding", get: (r) => (r.chunkedOut ? "chunked" : undefined) },
  { name: "sent_http_server", get: (r) => r.out.server },
  { name: "sent_http_date", get: (r) => r.out.date },
];

const SPACE = 0x20;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;

/** A cookie of one Cookie field, by a lower-case name (ngx_http_parse_multi_header_lines). */
export function cookieValue(field: string, name: string): string | undefined {
  const end = field.length;
  let i = 0;
  while (i < end) {
    if (hasNameAt(field, i, name)) {
      let at = i + name.length;
      while (at < end && field.charCodeAt(at) === SPACE) at++;
      if (at < end && field.charCodeAt(at) === 0x3d) {
        at++;
        while (at < end && field.charCodeAt(at) === SPACE) at++;
        const last = field.indexOf(";", at);
        return last < 0 ? field.substring(at) : field.substring(at, last);
      }
      // nginx has read past the character after the name: a separator there is not seen as one.
      i = at < end ? at + 1 : end;
    }
    while (i < end && !isSeparator(field.charCodeAt(i))) i++;
    i++;
    while (i < end && field.charCodeAt(i) === SPACE) i++;
  }
  return undefined;
}

function isSeparator(c: number): boolean {
  return c === SEMICOLON || c === COMMA;
}

/** Whether a lower-case name stands in the text at `from`, in any case of letters. */
function hasNameAt(text: string, from: number, name: string): boolean {
  if (from + name.length > text.length) return false;
  for (let i = 0; i < name.length; i++) {
    const c = text.charCodeAt(from + i);
    if ((c >= 0x41 && c <= 0x5a ? c | 0x20 : c) !== name.charCodeAt(i)) return false;
  }
  return true;
}

function cookie(name: string): VariableGet {
  return (r) => {
    const { headers } = r;
    for (let i = 0; i < headers.count; i++) {
      if (headers.keys[i] !== "cookie") continue;
      const value = cookieValue(headers.values[i]!, name);
      if (value !== undefined) return value;
    }
    return undefined;
  };
}

/** The first argument of a lower-case name, in any case of letters; one without `=` does not count (ngx_http_arg). */
export function argumentValue(args: string, name: string): string | undefined {
  let from = 0;
  while (from < args.length) {
    const equals = from + name.length;
    if (args.charCodeAt(equals) === 0x3d && hasNameAt(args, from, name)) {
      const end = args.indexOf("&", equals);
      return end < 0 ? args.substring(equals + 1) : args.substring(equals + 1, end);
    }
    const next = args.indexOf("&", from);
    if (next < 0) return undefined;
    from = next + 1;
  }
  return undefined;
}

function argument(name: string): VariableGet {
  if (name === "") return () => undefined;
  return (r) => (r.args === undefined ? undefined : argumentValue(r.args, name));
}

/** The trailers that the response ends with, looked up by name. */
function trailer(name: string): VariableGet {
  const read = readFields(name, ", ");
  return (r) => {
    const lines = r.out.trailers?.(r);
    if (lines === undefined) return undefined;
    const list = new HeaderList();
    for (const line of lines.split("\r\n")) {
      const colon = line.indexOf(": ");
      if (colon > 0) list.add(line.slice(0, colon), line.slice(colon + 2));
    }
    return read(list);
  };
}

/** The fields of responses that have variables of their own; each keeps its first value. */
export function sentFieldVariables(registry: VariableRegistry): VariableDefinition[] {
  return sentFields.map(({ name, get }) => ({ name, get: keepFirst(registry, get) }));
}

/** Fields whose variables nginx has by name: the configuration cannot define them anew. */
const REQUEST_FIELDS = ["host", "user_agent", "referer", "via", "x_forwarded_for", "cookie"];

/** `$http_host` and the others of a fixed name. */
export const requestFieldVariables: readonly VariableDefinition[] = REQUEST_FIELDS.map((name) => ({
  name: `http_${name}`,
  get: requestField(name),
}));

/** The families of variables whose names end in the name of a field, cookie or argument. */
export function fieldPrefixes(registry: VariableRegistry): PrefixVariable[] {
  return [
    { prefix: "http_", get: requestField },
    { prefix: "sent_http_", get: (name) => keepFirst(registry, responseField(name)) },
    { prefix: "sent_trailer_", get: (name) => keepFirst(registry, trailer(name)) },
    { prefix: "cookie_", get: cookie },
    { prefix: "arg_", get: argument },
  ];
}

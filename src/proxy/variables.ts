/** `$proxy_*` and `$upstream_*` (ngx_http_proxy_module.c, ngx_http_upstream.c). */
import { secondsText } from "../http/date.ts";
import { asciiLowerCase, type HeaderList } from "../http/header-list.ts";
import type { Request, UpstreamState, UpstreamView } from "../http/request.ts";
import type { PrefixVariable, VariableDefinition, VariableGet } from "../template/variables.ts";

/**
 * One value per try, joined by `, `, and by ` : ` where an internal redirect led to another upstream; undefined while
 * none was tried. The mark between two upstreams (a state with peer "") shows as the separator only.
 */
function joinStates(
  states: readonly UpstreamState[] | undefined,
  text: (state: UpstreamState) => string,
): string | undefined {
  if (states === undefined || states.length === 0) return undefined;
  if (states.length === 1) return text(states[0]!);
  let joined = "";
  for (let i = 0; i < states.length; i++) {
    joined += text(states[i]!);
    const next = states[i + 1];
    if (next === undefined) break;
    if (next.peer !== "") joined += ", ";
    else {
      joined += " : ";
      i++;
    }
  }
  return joined;
}

function perTry(name: string, text: (state: UpstreamState) => string): VariableDefinition {
  return { name, get: (r) => joinStates(r.upstreamStates, text) };
}

function timeText(ms: number): string {
  return ms < 0 ? "-" : secondsText(ms);
}

const tries: readonly VariableDefinition[] = [
  perTry("upstream_addr", (state) => state.peer),
  perTry("upstream_status", (state) => (state.status === 0 ? "-" : String(state.status))),
  perTry("upstream_connect_time", (state) => timeText(state.connectMs)),
  perTry("upstream_header_time", (state) => timeText(state.headerMs)),
  perTry("upstream_response_time", (state) => timeText(state.responseMs)),
  perTry("upstream_response_length", (state) => String(state.responseLength)),
  perTry("upstream_bytes_received", (state) => String(state.bytesReceived)),
  perTry("upstream_bytes_sent", (state) => String(state.bytesSent)),
];

/** Nothing is cached here: as in nginx for a location without proxy_cache. */
const notFound: VariableGet = () => undefined;

/** Reads the exchange that the current location has started; undefined before, and after an internal redirect. */
type ViewOf = (r: Request) => UpstreamView | undefined;

function proxyDefinitions(viewOf: ViewOf): readonly VariableDefinition[] {
  return [
    { name: "proxy_host", get: (r) => viewOf(r)?.hostHeader },
    { name: "proxy_port", get: (r) => viewOf(r)?.portText },
    { name: "proxy_add_x_forwarded_for", get: addForwardedFor },
    { name: "proxy_internal_body_length", get: (r) => bodyLength(viewOf(r)) },
    { name: "proxy_internal_chunked", get: (r) => (viewOf(r)?.chunked === true ? "chunked" : undefined) },
  ];
}

const cacheVariables: readonly VariableDefinition[] = [
  { name: "upstream_cache_status", get: notFound },
  { name: "upstream_cache_last_modified", get: notFound },
  { name: "upstream_cache_etag", get: notFound },
];

/** X-Forwarded-For of the client with its own address at the end. */
function addForwardedFor(r: Request): string {
  const forwarded = r.headers.getJoined("x-forwarded-for", ", ");
  const address = r.remoteAddress;
  return forwarded === undefined ? address : `${forwarded}, ${address}`;
}

function bodyLength(upstream: UpstreamView | undefined): string | undefined {
  return upstream === undefined || upstream.bodyLength < 0 ? undefined : String(upstream.bodyLength);
}

/** Values of the fields that a variable's name means: any case, `_` for `-`; several joined by `, `. */
function fieldValue(headers: HeaderList | undefined, rest: string): string | undefined {
  if (headers === undefined) return undefined;
  let joined: string | undefined;
  for (let i = 0; i < headers.count; i++) {
    const key = headers.keys[i]!;
    if (key.length !== rest.length || key.replaceAll("-", "_") !== rest) continue;
    const value = headers.values[i]!;
    joined = joined === undefined ? value : `${joined}, ${value}`;
  }
  return joined;
}

/** The value of the first Set-Cookie for that name, in any case of letters (ngx_http_parse_set_cookie_lines). */
function cookieValue(headers: HeaderList | undefined, name: string): string | undefined {
  if (headers === undefined) return undefined;
  for (let i = 0; i < headers.count; i++) {
    if (headers.keys[i] !== "set-cookie") continue;
    const line = headers.values[i]!;
    if (asciiLowerCase(line.slice(0, name.length)) !== name) continue;
    const rest = /^ *= *([^;]*)/.exec(line.slice(name.length));
    if (rest !== null) return rest[1];
  }
  return undefined;
}

const prefixes: readonly PrefixVariable[] = [
  { prefix: "upstream_http_", get: (rest) => (r) => fieldValue(r.upstream?.responseHeaders, rest) },
  { prefix: "upstream_trailer_", get: (rest) => (r) => fieldValue(r.upstream?.responseTrailers, rest) },
  { prefix: "upstream_cookie_", get: (rest) => (r) => cookieValue(r.upstream?.responseHeaders, rest) },
];

/** What a module registers. */
export interface VariableSet {
  readonly definitions: readonly VariableDefinition[];
  readonly prefixes: readonly PrefixVariable[];
}

/** Of ngx_http_proxy_module; `viewOf` reads the module's context of a request. */
export function proxyVariables(viewOf: ViewOf): VariableSet {
  return { definitions: proxyDefinitions(viewOf), prefixes: [] };
}

/** Of ngx_http_upstream. */
export const upstreamVariables: VariableSet = { definitions: [...tries, ...cacheVariables], prefixes };

/**
 * Which header lines of an upstream's response reach the client, and where each one goes: nginx's
 * ngx_http_upstream_headers_in table with `proxy_hide_header`, `proxy_pass_header` and `proxy_ignore_headers`.
 */
import { flag } from "../config/arguments.ts";
import { type ActionRow, type Directive, exactly, HTTP_SERVER_LOCATION } from "../config/directive.ts";
import { choices } from "../config/list-arguments.ts";
import { asciiLowerCase } from "../http/header-list.ts";

/** What `proxy_ignore_headers` may name. */
const IGNORABLE = [
  "X-Accel-Redirect",
  "X-Accel-Expires",
  "X-Accel-Limit-Rate",
  "X-Accel-Buffering",
  "X-Accel-Charset",
  "Expires",
  "Cache-Control",
  "Set-Cookie",
  "Vary",
] as const;

/** A header of an upstream that can be made to have no effect. */
export type IgnorableHeader = (typeof IGNORABLE)[number];

/** The settings that the rows below fill. */
export interface ResponseHeaderSettings {
  hideHeaders: string[] | undefined;
  passHeaders: string[] | undefined;
  ignoreHeaders: ReadonlySet<IgnorableHeader> | undefined;
  passTrailers: boolean | undefined;
}

/** The settings of a level on which nothing is said. */
export function newResponseHeaderSettings(): ResponseHeaderSettings {
  return { hideHeaders: undefined, passHeaders: undefined, ignoreHeaders: undefined, passTrailers: undefined };
}

function nameRow(name: string, set: "hideHeaders" | "passHeaders", doc: string): ActionRow<ResponseHeaderSettings> {
  return {
    name,
    in: HTTP_SERVER_LOCATION,
    arity: exactly(1),
    doc,
    apply(own, site) {
      const list = own[set] ?? [];
      list.push(site.statement.args[0] ?? "");
      own[set] = list;
      return undefined;
    },
  };
}

/** `proxy_hide_header`, `proxy_pass_header`, `proxy_ignore_headers` and those of other prefixes. */
export function responseHeaderRows(prefix: string): readonly Directive<ResponseHeaderSettings>[] {
  return [
    nameRow(`${prefix}_hide_header`, "hideHeaders", "Hides a header line of the upstream from the client."),
    nameRow(`${prefix}_pass_header`, "passHeaders", "Passes a header line that is hidden otherwise."),
    {
      name: `${prefix}_ignore_headers`,
      in: HTTP_SERVER_LOCATION,
      arg: choices<IgnorableHeader, ReadonlySet<IgnorableHeader>>(IGNORABLE, new Set()),
      set: "ignoreHeaders",
      doc: "Header lines of the upstream that have no effect on the proxy.",
    },
  ];
}

/** `proxy_pass_trailers`: other protocols have no trailers. */
export const trailersRow: Directive<ResponseHeaderSettings> = {
  name: "proxy_pass_trailers",
  in: HTTP_SERVER_LOCATION,
  arg: flag(false),
  set: "passTrailers",
  doc: "Whether trailer fields of the upstream are passed on.",
};

/** Both lists of a level replace the outer level's, each for itself. */
export function mergeResponseHeaders(own: ResponseHeaderSettings, outer: ResponseHeaderSettings | undefined): void {
  own.hideHeaders ??= outer?.hideHeaders;
  own.passHeaders ??= outer?.passHeaders;
}

/** What no protocol shows unless `proxy_pass_header` names it. */
export const HIDDEN_ALWAYS: readonly string[] = [
  "X-Accel-Expires",
  "X-Accel-Redirect",
  "X-Accel-Limit-Rate",
  "X-Accel-Buffering",
  "X-Accel-Charset",
];

/** What becomes of a header line. Lines without an action are copied. */
export const COPY = 0;
/** Hidden, or decided anew for the client's connection. */
export const DROP = 1;
export const REFRESH = 2;
export const SET_COOKIE = 3;
/** Of lines from here on a second one is ignored, as by ngx_http_upstream_process_header_line. */
export const ONCE = 4;
export const CONTENT_TYPE = 5;
export const LOCATION_LINE = 6;
export const SERVER_LINE = 7;
export const DATE = 8;
export const LAST_MODIFIED = 9;
export const ETAG = 10;

/** Names that are treated specially, lower case. */
const SPECIAL: ReadonlyMap<string, number> = new Map([
  ["content-type", CONTENT_TYPE],
  ["content-length", DROP],
  ["transfer-encoding", DROP],
  ["connection", DROP],
  ["keep-alive", DROP],
  ["status", ONCE],
  ["date", DATE],
  ["server", SERVER_LINE],
  ["last-modified", LAST_MODIFIED],
  ["location", LOCATION_LINE],
  ["refresh", REFRESH],
  ["set-cookie", SET_COOKIE],
  ["etag", ETAG],
  ["expires", ONCE],
  ["accept-ranges", ONCE],
  ["x-accel-expires", ONCE],
  ["x-accel-redirect", ONCE],
  ["x-accel-limit-rate", ONCE],
  ["x-accel-buffering", ONCE],
  ["x-accel-charset", ONCE],
]);

/** The rules of a level, compiled. */
export interface ResponseHeaderRules {
  /** Action by lower-case name. */
  readonly actions: ReadonlyMap<string, number>;
  readonly ignored: ReadonlySet<IgnorableHeader>;
  /** Server and Date, where they are passed, are the upstream's or none at all (ngx_http_proxy_process_header). */
  readonly ownServerOrNone: boolean;
}

/** How a protocol differs from the others in what its clients see. */
export interface HeaderHabits {
  /** Header lines that are hidden by themselves. */
  readonly hidden: readonly string[];
  readonly ownServerOrNone: boolean;
}

/** Of `proxy_pass` (ngx_http_proxy_hide_headers). */
export const PROXY_HABITS: HeaderHabits = {
  hidden: ["Date", "Server", "X-Pad", ...HIDDEN_ALWAYS],
  ownServerOrNone: true,
};

/** Compiles the settings of a level (ngx_http_upstream_hide_headers_hash): `proxy_pass_header` wins over hiding. */
export function compileResponseHeaders(
  settings: ResponseHeaderSettings,
  { hidden, ownServerOrNone }: HeaderHabits,
): ResponseHeaderRules {
  const passed = new Set((settings.passHeaders ?? []).map(asciiLowerCase));
  const actions = new Map(SPECIAL);
  for (const name of [...hidden, ...(settings.hideHeaders ?? [])]) {
    const key = asciiLowerCase(name);
    if (!passed.has(key)) actions.set(key, DROP);
  }
  return { actions, ignored: settings.ignoreHeaders ?? new Set(), ownServerOrNone };
}

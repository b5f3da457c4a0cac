/** nginx's http core: servers, locations, and what serving itself depends on (ngx_http_core_module.c). */
import { choice, flag, number, offset, size, time } from "../config/arguments.ts";
import {
  type ActionRow,
  atLeast,
  between,
  ConfigFault,
  type Directive,
  exactly,
  HTTP,
  HTTP_SERVER_LOCATION,
  LIMIT_EXCEPT,
  LOCATION,
  LOCATION_IF,
  MAIN,
  Module,
  type Scope,
  SERVER,
} from "../config/directive.ts";
import { bufs, choices, leveledPath } from "../config/list-arguments.ts";
import { builtinTypes } from "../http/mime-types.ts";
import type { CoreSettings } from "../http/settings.ts";
import { declareTempDirectory, defaultTempDirectory } from "../http/temp-directory.ts";
import { applyErrorPage } from "./error-page-directive.ts";
import { acceptedCoreRows } from "./http-core-accepted.ts";
import { keepaliveTimeout, rateTemplate } from "./http-core-arguments.ts";
import { applyErrorLog, inheritErrorLog } from "./http-error-log.ts";
import { applyListen, type ServerListen } from "./listen-directive.ts";
import { applyLimitExcept, applyLocation } from "./location-directive.ts";
import { applyAlias, applyRoot, inheritRoot } from "./root-directive.ts";
import { addServerNames, type ServerName } from "./server-name.ts";
import { closeServer, compileServing, openServer } from "./serving-tree.ts";
import { applyTypes } from "./types-directive.ts";

/** The settings of one level, with what only its compilation needs. */
export interface HttpCoreSettings extends CoreSettings {
  /** Of a server: its `listen` lines, in order. */
  listens: ServerListen[];
  /** Of a server, in order; the first one is `$server_name`. */
  serverNames: ServerName[];
}

const SERVER_LEVEL = HTTP | SERVER;
const WITH_IF = HTTP_SERVER_LOCATION | LOCATION_IF;
const KEEPALIVE_NOT_FOR = new Set(["msie6"] as const);

function block(
  name: string,
  where: number,
  opens: number,
  arity: ActionRow<HttpCoreSettings>["arity"],
  doc: string,
  apply: ActionRow<HttpCoreSettings>["apply"],
): ActionRow<HttpCoreSettings> {
  return { name, in: where, opens, arity, doc, apply };
}

const blocks: readonly Directive<HttpCoreSettings>[] = [
  block("http", MAIN, HTTP, exactly(0), "Holds everything about HTTP.", () => undefined),
  {
    ...block("server", HTTP, SERVER, exactly(0), "A virtual server.", (_own, _site, opened) => openServer(opened!)),
    close: (_own, _site, opened) => closeServer(opened),
  },
  block("location", SERVER | LOCATION, LOCATION, between(1, 2), "Settings for the URIs that match.", applyLocation),
  block("limit_except", LOCATION, LIMIT_EXCEPT, atLeast(1), "Limits methods other than these.", applyLimitExcept),
  {
    name: "types",
    in: HTTP_SERVER_LOCATION,
    arity: exactly(0),
    entries: true,
    doc: "Content types by file extension.",
    apply: applyTypes,
  },
];

const serverRows: readonly Directive<HttpCoreSettings>[] = [
  { name: "listen", in: SERVER, arity: atLeast(1), doc: "An address the server listens on.", apply: applyListen },
  { name: "server_name", in: SERVER, arity: atLeast(1), doc: "Names the server answers for.", apply: addServerNames },
  {
    name: "client_header_timeout",
    in: SERVER_LEVEL,
    arg: time(60_000),
    set: "clientHeaderTimeoutMs",
    doc: "Longest time a request's head may take.",
  },
  {
    name: "client_header_buffer_size",
    in: SERVER_LEVEL,
    arg: size(1024),
    set: "clientHeaderBufferBytes",
    doc: "First buffer for a request's head.",
  },
  {
    name: "large_client_header_buffers",
    in: SERVER_LEVEL,
    arg: bufs({ number: 4, size: 8192 }),
    set: "largeClientHeaderBuffers",
    doc: "Number and size of further buffers: the longest line is one buffer.",
  },
  {
    name: "max_headers",
    in: SERVER_LEVEL,
    arg: number(1000),
    set: "maxHeaders",
    doc: "Most header lines of a request.",
  },
  {
    name: "ignore_invalid_headers",
    in: SERVER_LEVEL,
    arg: flag(true),
    set: "ignoreInvalidHeaders",
    doc: "Drops header lines with invalid names instead of refusing the request.",
  },
  {
    name: "underscores_in_headers",
    in: SERVER_LEVEL,
    arg: flag(false),
    set: "underscoresInHeaders",
    doc: "Underscores count as valid in header names.",
  },
  {
    name: "merge_slashes",
    in: SERVER_LEVEL,
    arg: flag(true),
    set: "mergeSlashes",
    doc: "Adjacent slashes of a URI become one.",
  },
];

const locationRows: readonly Directive<HttpCoreSettings>[] = [
  {
    name: "root",
    in: WITH_IF,
    arity: exactly(1),
    doc: "Folder that URIs are looked up in.",
    apply: applyRoot,
  },
  {
    name: "alias",
    in: LOCATION,
    arity: exactly(1),
    doc: "Folder or file that replaces the location's part of the URI.",
    apply: applyAlias,
  },
  {
    name: "default_type",
    in: HTTP_SERVER_LOCATION,
    arg: { arity: exactly(1), fallback: "text/plain", parse: ([type = ""]) => type },
    set: "defaultType",
    doc: "Content type of files without a known extension.",
  },
  {
    name: "client_max_body_size",
    in: HTTP_SERVER_LOCATION,
    arg: offset(1024 * 1024),
    set: "clientMaxBodyBytes",
    doc: "Largest request body; 0 for any.",
  },
  {
    name: "client_body_buffer_size",
    in: HTTP_SERVER_LOCATION,
    arg: size(16 * 1024),
    set: "clientBodyBufferBytes",
    doc: "A larger request body goes to a temporary file.",
  },
  {
    name: "client_body_timeout",
    in: HTTP_SERVER_LOCATION,
    arg: time(60_000),
    set: "clientBodyTimeoutMs",
    doc: "Longest silence while reading a request body.",
  },
  {
    name: "client_body_temp_path",
    in: HTTP_SERVER_LOCATION,
    arg: leveledPath(defaultTempDirectory("client_body")),
    set: "clientBodyTempPath",
    doc: "Folder for large request bodies.",
  },
  {
    name: "client_body_in_file_only",
    in: HTTP_SERVER_LOCATION,
    arg: choice(["off", "on", "clean"], "off"),
    set: "clientBodyInFileOnly",
    doc: "Keeps every request body in a file.",
  },
  {
    name: "send_timeout",
    in: HTTP_SERVER_LOCATION,
    arg: time(60_000),
    set: "sendTimeoutMs",
    doc: "Longest time a client may take no bytes of a response.",
  },
  {
    name: "keepalive_timeout",
    in: HTTP_SERVER_LOCATION,
    arg: keepaliveTimeout,
    set: "keepaliveTimeout",
    doc: "How long an idle connection is kept; 0 for not at all.",
  },
  {
    name: "keepalive_min_timeout",
    in: HTTP_SERVER_LOCATION,
    arg: time(0),
    set: "keepaliveMinTimeoutMs",
    doc: "How long an idle connection is kept at least when the worker shuts down.",
  },
  {
    name: "keepalive_requests",
    in: HTTP_SERVER_LOCATION,
    arg: number(1000),
    set: "keepaliveRequests",
    doc: "Requests a connection may carry.",
  },
  {
    name: "keepalive_time",
    in: HTTP_SERVER_LOCATION,
    arg: time(3_600_000),
    set: "keepaliveTimeMs",
    doc: "Age after which a connection is not kept.",
  },
  {
    name: "keepalive_disable",
    in: HTTP_SERVER_LOCATION,
    arg: { ...choices(["none", "msie6", "safari"], KEEPALIVE_NOT_FOR), arity: between(1, 2) },
    set: "keepaliveDisable",
    doc: "Browsers whose connections are not kept.",
  },
  {
    name: "lingering_close",
    in: HTTP_SERVER_LOCATION,
    arg: choice(["off", "on", "always"], "on"),
    set: "lingeringClose",
    doc: "Whether to read on before closing, so that the client gets the response.",
  },
  {
    name: "lingering_time",
    in: HTTP_SERVER_LOCATION,
    arg: time(30_000),
    set: "lingeringTimeMs",
    doc: "Longest time of a lingering close.",
  },
  {
    name: "lingering_timeout",
    in: HTTP_SERVER_LOCATION,
    arg: time(5_000),
    set: "lingeringTimeoutMs",
    doc: "Longest silence in a lingering close.",
  },
  {
    name: "reset_timedout_connection",
    in: HTTP_SERVER_LOCATION,
    arg: flag(false),
    set: "resetTimedoutConnection",
    doc: "Timed-out connections are reset instead of closed.",
  },
  {
    name: "server_tokens",
    in: HTTP_SERVER_LOCATION,
    arg: choice(["off", "on", "build"], "on"),
    set: "serverTokens",
    doc: "Whether the version is shown.",
  },
  {
    name: "absolute_redirect",
    in: HTTP_SERVER_LOCATION,
    arg: flag(true),
    set: "absoluteRedirect",
    doc: "Redirects name scheme and host.",
  },
  {
    name: "server_name_in_redirect",
    in: HTTP_SERVER_LOCATION,
    arg: flag(false),
    set: "serverNameInRedirect",
    doc: "Redirects name the first server_name.",
  },
  {
    name: "port_in_redirect",
    in: HTTP_SERVER_LOCATION,
    arg: flag(true),
    set: "portInRedirect",
    doc: "Redirects name the port.",
  },
  { name: "etag", in: HTTP_SERVER_LOCATION, arg: flag(true), set: "etag", doc: "ETag for files." },
  {
    name: "if_modified_since",
    in: HTTP_SERVER_LOCATION,
    arg: choice(["off", "exact", "before"], "exact"),
    set: "ifModifiedSince",
    doc: "How If-Modified-Since is compared.",
  },
  {
    name: "max_ranges",
    in: HTTP_SERVER_LOCATION,
    arg: number(Number.MAX_SAFE_INTEGER),
    set: "maxRanges",
    doc: "Most ranges of a request; 0 for none.",
  },
  {
    name: "chunked_transfer_encoding",
    in: HTTP_SERVER_LOCATION,
    arg: flag(true),
    set: "chunkedTransferEncoding",
    doc: "Chunked responses to HTTP/1.1 clients.",
  },
  {
    name: "msie_padding",
    in: HTTP_SERVER_LOCATION,
    arg: flag(true),
    set: "msiePadding",
    doc: "Pads short error pages for old browsers.",
  },
  {
    name: "recursive_error_pages",
    in: HTTP_SERVER_LOCATION,
    arg: flag(false),
    set: "recursiveErrorPages",
    doc: "Error pages may have error pages.",
  },
  { name: "error_page", in: WITH_IF, arity: atLeast(2), doc: "What is served for a status.", apply: applyErrorPage },
  {
    name: "satisfy",
    in: HTTP_SERVER_LOCATION,
    arg: choice(["all", "any"], "all"),
    set: "satisfy",
    doc: "Whether all access checks must allow, or one.",
  },
  {
    name: "auth_delay",
    in: HTTP_SERVER_LOCATION,
    arg: time(0),
    set: "authDelayMs",
    doc: "How long an answer with 401 is held back.",
  },
  {
    name: "internal",
    in: LOCATION,
    arity: exactly(0),
    doc: "Only for requests made inside the server.",
    apply(own) {
      if (own.internal !== undefined) return new ConfigFault('"internal" directive is duplicate');
      own.internal = true;
      return undefined;
    },
  },
  { name: "limit_rate", in: WITH_IF, arg: rateTemplate, set: "limitRate", doc: "Bytes per second of a response." },
  {
    name: "limit_rate_after",
    in: WITH_IF,
    arg: rateTemplate,
    set: "limitRateAfter",
    doc: "Bytes that limit_rate leaves out.",
  },
  {
    name: "log_not_found",
    in: HTTP_SERVER_LOCATION,
    arg: flag(true),
    set: "logNotFound",
    doc: "Logs files that are not found.",
  },
  {
    name: "error_log",
    in: HTTP_SERVER_LOCATION,
    arity: atLeast(1),
    doc: "Where errors are logged, from which level on.",
    apply: applyErrorLog,
  },
];

export const httpCore = new Module<HttpCoreSettings>({
  name: "http_core",
  directives: [...blocks, ...serverRows, ...locationRows, ...acceptedCoreRows],
  create: () => ({ listens: [] as ServerListen[], serverNames: [] as ServerName[] }) as unknown as HttpCoreSettings,
  merge(own, outer, scope: Scope, load) {
    inheritRoot(own, outer, scope, load);
    own.types ??= outer?.types ?? builtinTypes;
    own.errorPages ??= outer?.errorPages;
    own.internal ??= false;
    inheritErrorLog(own, outer, load);
    if ((scope.kind & HTTP_SERVER_LOCATION) !== 0) declareTempDirectory(load, own.clientBodyTempPath);
    return undefined;
  },
  finish: compileServing,
});

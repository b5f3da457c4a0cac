/** `proxy_pass` and what it depends on (ngx_http_proxy_module.c): the table, its merge, the content handler. */
import { flag, offset, size, time } from "../config/arguments.ts";
import {
  type ArgumentType,
  between,
  ConfigFault,
  type Directive,
  type DirectiveSite,
  directiveFault,
  exactly,
  HTTP_SERVER_LOCATION,
  LIMIT_EXCEPT,
  LOCATION,
  LOCATION_IF,
  Module,
  type Scope,
} from "../config/directive.ts";
import { type Buffers, bufs, type LeveledPath, leveledPath } from "../config/list-arguments.ts";
import type { LoadContext } from "../config/load-context.ts";
import { parseSize } from "../config/units.ts";
import { locationOf } from "../http/registry.ts";
import { declareTempDirectory, defaultTempDirectory } from "../http/temp-directory.ts";
import { normalIP } from "../net/address.ts";
import { compileTemplate, hasVariables, type Template } from "../template/template.ts";
import { variables } from "../template/variables.ts";
import { upstreams } from "../upstream/upstream-set.ts";
import { cacheRows } from "./cache-rows.ts";
import { type CookieSettings, cookieRows, mergeCookies, newCookieSettings } from "./cookies.ts";
import { proxyHandler } from "./handler.ts";
import {
  type NextUpstreamCondition,
  type NextUpstreamSettings,
  newNextUpstreamSettings,
  nextUpstreamRows,
} from "./next-upstream.ts";
import { proxyPassUrl, proxyPlace } from "./proxy-url.ts";
import { mergeRedirects, type RedirectSettings, type RedirectSource, redirectRow } from "./redirect.ts";
import {
  compileRequestHeaders,
  mergeRequestHeaders,
  newRequestHeaderSettings,
  type RequestHeadBuilder,
  type RequestHeaderSettings,
  requestHeaderRows,
} from "./request-headers.ts";
import {
  compileResponseHeaders,
  mergeResponseHeaders,
  newResponseHeaderSettings,
  type ResponseHeaderRules,
  type ResponseHeaderSettings,
  responseHeaderRows,
} from "./response-header-rules.ts";
import type { ProxyTarget } from "./target.ts";
import { proxyVariables, upstreamVariables } from "./variables.ts";

/** The settings of one level. Times in ms, sizes in bytes. */
export interface ProxySettings
  extends RequestHeaderSettings,
    ResponseHeaderSettings,
    RedirectSettings,
    CookieSettings,
    NextUpstreamSettings {
  target: ProxyTarget | undefined;
  connectTimeoutMs: number;
  readTimeoutMs: number;
  sendTimeoutMs: number;
  buffering: boolean;
  requestBuffering: boolean;
  bufferBytes: number;
  buffers: Buffers;
  busyBuffersBytes: number | undefined;
  maxTempFileBytes: number;
  tempFileWriteBytes: number | undefined;
  tempPath: LeveledPath;
  ignoreClientAbort: boolean;
  interceptErrors: boolean;
  socketKeepalive: boolean;
  limitRate: Template | undefined;
  localAddress: Template | "off" | undefined;
  nextUpstream: ReadonlySet<NextUpstreamCondition>;
  nextUpstreamTries: number;
  nextUpstreamTimeoutMs: number;
  /** Compiled by the merge. */
  buildHead: RequestHeadBuilder;
  responseHeaderRules: ResponseHeaderRules;
}

const PAGE_BYTES = 4096;
const MEGABYTE = 1024 * 1024;

/** `proxy_bind address | off`; `transparent` needs rights and routes that a worker does not have here. */
const bindAddress: ArgumentType<Template | "off" | undefined> = {
  arity: between(1, 2),
  fallback: undefined,
  parse([address = "", word], site) {
    if (word === "transparent") {
      return new ConfigFault('"transparent" parameter of "proxy_bind" is not supported by hopway');
    }
    if (word !== undefined) return new ConfigFault(`invalid parameter "${word}"`);
    if (address === "off") return "off";
    const compiled = compileTemplate(address, site);
    if (compiled instanceof ConfigFault || compiled.constant === undefined) return compiled;
    return normalIP(compiled.constant) === undefined ? new ConfigFault(`invalid address "${address}"`) : compiled;
  },
};

const rateText: ArgumentType<Template | undefined> = {
  arity: exactly(1),
  fallback: undefined,
  parse([text = ""], site) {
    const compiled = compileTemplate(text, site);
    if (compiled instanceof ConfigFault || compiled.constant === undefined) return compiled;
    return parseSize(compiled.constant) === undefined ? directiveFault(site, "invalid value") : compiled;
  },
};

const rows: readonly Directive<ProxySettings>[] = [
  {
    name: "proxy_pass",
    in: LOCATION | LOCATION_IF | LIMIT_EXCEPT,
    arity: exactly(1),
    doc: "Passes requests to an upstream.",
    apply: applyProxyPass,
  },
  {
    name: "proxy_connect_timeout",
    in: HTTP_SERVER_LOCATION,
    arg: time(60_000),
    set: "connectTimeoutMs",
    doc: "Longest time to connect to a peer.",
  },
  {
    name: "proxy_read_timeout",
    in: HTTP_SERVER_LOCATION,
    arg: time(60_000),
    set: "readTimeoutMs",
    doc: "Longest silence between two reads from the upstream; of a tunnel, in both directions.",
  },
  {
    name: "proxy_send_timeout",
    in: HTTP_SERVER_LOCATION,
    arg: time(60_000),
    set: "sendTimeoutMs",
    doc: "Longest time the upstream may take no bytes of a request.",
  },
  {
    name: "proxy_buffering",
    in: HTTP_SERVER_LOCATION,
    arg: flag(true),
    set: "buffering",
    doc: "Reads responses ahead of a slow client.",
  },
  {
    name: "proxy_request_buffering",
    in: HTTP_SERVER_LOCATION,
    arg: flag(true),
    set: "requestBuffering",
    doc: "Reads a request's body whole before asking the upstream.",
  },
  {
    name: "proxy_buffer_size",
    in: HTTP_SERVER_LOCATION,
    arg: size(PAGE_BYTES),
    set: "bufferBytes",
    doc: "Largest head of a response.",
  },
  {
    name: "proxy_buffers",
    in: HTTP_SERVER_LOCATION,
    arg: bufs({ number: 8, size: PAGE_BYTES }),
    set: "buffers",
    doc: "Memory for reading ahead: number and size of buffers.",
  },
  {
    name: "proxy_busy_buffers_size",
    in: HTTP_SERVER_LOCATION,
    arg: size(undefined),
    set: "busyBuffersBytes",
    doc: "Checked against proxy_buffers as nginx does.",
  },
  {
    name: "proxy_max_temp_file_size",
    in: HTTP_SERVER_LOCATION,
    arg: offset(1024 * MEGABYTE),
    set: "maxTempFileBytes",
    doc: "Largest temporary file for reading ahead; 0 for none.",
  },
  {
    name: "proxy_temp_file_write_size",
    in: HTTP_SERVER_LOCATION,
    arg: size(undefined),
    set: "tempFileWriteBytes",
    doc: "Checked against proxy_buffers as nginx does.",
  },
  {
    name: "proxy_temp_path",
    in: HTTP_SERVER_LOCATION,
    arg: leveledPath(defaultTempDirectory("proxy")),
    set: "tempPath",
    doc: "Folder for temporary files.",
  },
  {
    name: "proxy_ignore_client_abort",
    in: HTTP_SERVER_LOCATION,
    arg: flag(false),
    set: "ignoreClientAbort",
    doc: "Goes on with the upstream when the client has gone.",
  },
  {
    name: "proxy_intercept_errors",
    in: HTTP_SERVER_LOCATION,
    arg: flag(false),
    set: "interceptErrors",
    doc: "error_page holds for the upstream's statuses too.",
  },
  {
    name: "proxy_socket_keepalive",
    in: HTTP_SERVER_LOCATION,
    arg: flag(false),
    set: "socketKeepalive",
    doc: "TCP keep-alive on connections to the upstream.",
  },
  {
    name: "proxy_limit_rate",
    in: HTTP_SERVER_LOCATION,
    arg: rateText,
    set: "limitRate",
    doc: "Bytes per second read from the upstream.",
  },
  {
    name: "proxy_bind",
    in: HTTP_SERVER_LOCATION,
    arg: bindAddress,
    set: "localAddress",
    doc: "Local address of connections to the upstream.",
  },
];

function applyProxyPass(own: ProxySettings, site: DirectiveSite): ConfigFault | undefined {
  if (own.target !== undefined) return directiveFault(site, "is duplicate");
  const [text = ""] = site.statement.args;
  const place = proxyPlace(site.scope);
  const location = locationOf(site.scope);
  const known = upstreams(site.load);
  if (hasVariables(text)) {
    const compiled = compileTemplate(text, site);
    if (compiled instanceof ConfigFault) return compiled;
    own.target = { template: compiled, url: undefined, upstream: undefined, upstreams: known, prefix: place.prefix };
  } else {
    const url = proxyPassUrl(text, place);
    if (url instanceof ConfigFault) return url;
    if (url.tls) return new ConfigFault('"proxy_pass" to https:// is not supported yet');
    const upstream = known.implicit(url.host, url.port, site, url.portWritten);
    own.target = { template: undefined, url, upstream, upstreams: known, prefix: place.prefix };
  }
  location.handler = proxyHandler;
  if ((location.kind === "prefix" || location.kind === "exact") && location.name.endsWith("/")) {
    location.autoRedirect = true;
  }
  return undefined;
}

/** What `proxy_redirect default` is made of. */
function redirectSource(target: ProxyTarget | undefined): RedirectSource | "variables" | undefined {
  if (target === undefined) return undefined;
  return target.url === undefined ? "variables" : { text: target.url.text, uri: target.url.uri, prefix: target.prefix };
}

function merge(
  own: ProxySettings,
  outer: ProxySettings | undefined,
  scope: Scope,
  load: LoadContext,
): ConfigFault | undefined {
  mergeRequestHeaders(own, outer);
  mergeResponseHeaders(own, outer);
  mergeCookies(own, outer);
  // A level inside a location (`if`, `limit_except`) goes where its location goes, unless it says otherwise.
  if ((scope.kind & (LOCATION_IF | LIMIT_EXCEPT)) !== 0 && own.target === undefined && outer?.target !== undefined) {
    own.target = outer.target;
    const location = locationOf(scope);
    location.handler ??= proxyHandler;
  }
  const source = redirectSource(own.target);
  mergeRedirects(own, outer, source === "variables" ? undefined : source);
  const fault = checkBuffers(own);
  if (fault !== undefined) return fault;
  own.buildHead = compileRequestHeaders(own);
  own.responseHeaderRules = compileResponseHeaders(own);
  if ((scope.kind & HTTP_SERVER_LOCATION) !== 0) declareTempDirectory(load, own.tempPath);
  return undefined;
}

/** nginx's checks of the buffers against each other (ngx_http_proxy_merge_loc_conf). */
function checkBuffers(own: ProxySettings): ConfigFault | undefined {
  const { buffers, bufferBytes, busyBuffersBytes, tempFileWriteBytes, maxTempFileBytes } = own;
  if (buffers.number < 2) return new ConfigFault('there must be at least 2 "proxy_buffers"');
  const largest = Math.max(bufferBytes, buffers.size);
  const busy = busyBuffersBytes ?? 2 * largest;
  if (busy < largest) {
    return new ConfigFault(
      '"proxy_busy_buffers_size" must be equal to or greater than the maximum of the value of "proxy_buffer_size" and one of the "proxy_buffers"',
    );
  }
  if (busy > (buffers.number - 1) * buffers.size) {
    return new ConfigFault(
      '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one buffer',
    );
  }
  if ((tempFileWriteBytes ?? 2 * largest) < largest) {
    return new ConfigFault(
      '"proxy_temp_file_write_size" must be equal to or greater than the maximum of the value of "proxy_buffer_size" and one of the "proxy_buffers"',
    );
  }
  if (maxTempFileBytes !== 0 && maxTempFileBytes < largest) {
    return new ConfigFault(
      '"proxy_max_temp_file_size" must be equal to zero to disable temporary files usage or must be equal to or greater than the maximum of the value of "proxy_buffer_size" and one of the "proxy_buffers"',
    );
  }
  return undefined;
}

export const proxyModule: Module<ProxySettings> = new Module<ProxySettings>({
  name: "http_proxy",
  directives: [
    ...rows,
    ...cacheRows,
    ...(requestHeaderRows as readonly Directive<ProxySettings>[]),
    ...(responseHeaderRows as readonly Directive<ProxySettings>[]),
    ...(cookieRows as readonly Directive<ProxySettings>[]),
    ...(nextUpstreamRows as readonly Directive<ProxySettings>[]),
    redirectRow((site) => redirectSource(proxyModule.of(site.scope).target)) as Directive<ProxySettings>,
  ],
  create: () =>
    ({
      ...newRequestHeaderSettings(),
      ...newResponseHeaderSettings(),
      ...newCookieSettings(),
      ...newNextUpstreamSettings(),
      redirects: undefined,
      target: undefined,
    }) as unknown as ProxySettings,
  merge,
  register(load: LoadContext) {
    const registry = variables(load);
    const ofProxy = proxyVariables((r) => (r.contexts[proxyModule.id] === undefined ? undefined : r.upstream));
    registry.provide(ofProxy.definitions, ofProxy.prefixes);
    registry.provide(upstreamVariables.definitions, upstreamVariables.prefixes);
  },
});

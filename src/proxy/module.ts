/** `proxy_pass` and what depends on HTTP (ngx_http_proxy_module.c): the rest of its table is upstream-rows.ts. */
import {
  ConfigFault,
  type Directive,
  type DirectiveSite,
  directiveFault,
  exactly,
  HTTP,
  LIMIT_EXCEPT,
  LOCATION,
  LOCATION_IF,
  Module,
  type Scope,
} from "../config/directive.ts";
import type { LoadContext } from "../config/load-context.ts";
import { locationOf } from "../http/registry.ts";
import { compileTemplate, hasVariables } from "../template/template.ts";
import { variables } from "../template/variables.ts";
import { upstreams } from "../upstream/upstream-set.ts";
import { proxyTuningRows } from "./cache-rows.ts";
import { cookieRows, mergeCookies } from "./cookies.ts";
import { passHandler } from "./handler.ts";
import { HttpProtocol } from "./http-protocol.ts";
import { NEXT_UPSTREAM_CONDITIONS } from "./next-upstream.ts";
import { parseEvaluatedUrl, proxyPassUrl, proxyPlace } from "./proxy-url.ts";
import { mergeRedirects, type RedirectSource, redirectRow } from "./redirect.ts";
import {
  mergeRequestHeaders,
  newRequestHeaderSettings,
  type RequestHeaderSettings,
  requestHeaderRows,
} from "./request-headers.ts";
import { PROXY_HABITS, trailersRow } from "./response-header-rules.ts";
import type { PassTarget } from "./target.ts";
import { upstreamRows } from "./upstream-rows.ts";
import {
  mergeUpstream,
  newUpstreamSettings,
  type UpstreamDialect,
  type UpstreamSettings,
} from "./upstream-settings.ts";
import { compileUpstreamTls, type UpstreamSslSettings, upstreamSslRows } from "./upstream-ssl.ts";
import { proxyVariables, upstreamVariables } from "./variables.ts";

/** The settings of one level. */
export interface ProxySettings extends UpstreamSettings, RequestHeaderSettings, UpstreamSslSettings {}

const dialect: UpstreamDialect = {
  prefix: "proxy",
  conditions: NEXT_UPSTREAM_CONDITIONS,
  habits: PROXY_HABITS,
  handler: passHandler(() => proxyModule),
};

const passRow: Directive<ProxySettings> = {
  name: "proxy_pass",
  in: LOCATION | LOCATION_IF | LIMIT_EXCEPT,
  arity: exactly(1),
  doc: "Passes requests to an upstream.",
  apply: applyProxyPass,
};

function applyProxyPass(own: ProxySettings, site: DirectiveSite): ConfigFault | undefined {
  if (own.target !== undefined) return directiveFault(site, "is duplicate");
  const [text = ""] = site.statement.args;
  const place = proxyPlace(site.scope);
  const location = locationOf(site.scope);
  const known = upstreams(site.load);
  const { prefix } = place;
  if (hasVariables(text)) {
    const compiled = compileTemplate(text, site);
    if (compiled instanceof ConfigFault) return compiled;
    own.target = { template: compiled, upstreams: known, prefix, parse: parseEvaluatedUrl };
  } else {
    const url = proxyPassUrl(text, place);
    if (url instanceof ConfigFault) return url;
    const upstream = known.implicit(url.host, url.port, site, url.portWritten);
    own.target = { template: undefined, url, upstream, prefix, evaluated: false };
  }
  location.handler = dialect.handler;
  if ((location.kind === "prefix" || location.kind === "exact") && location.name.endsWith("/")) {
    location.autoRedirect = true;
  }
  return undefined;
}

/** What `proxy_redirect default` is made of. */
function redirectSource(target: PassTarget | undefined): RedirectSource | "variables" | undefined {
  if (target === undefined) return undefined;
  if (target.template !== undefined) return "variables";
  return { text: target.url.text, uri: target.url.uri, prefix: target.prefix };
}

function merge(
  own: ProxySettings,
  outer: ProxySettings | undefined,
  scope: Scope,
  load: LoadContext,
): ConfigFault | undefined {
  mergeRequestHeaders(own, outer);
  mergeCookies(own, outer);
  const fault = mergeUpstream(own, outer, scope, load, dialect);
  const source = redirectSource(own.target);
  mergeRedirects(own, outer, source === "variables" ? undefined : source);
  const malformed = scope.kind === HTTP ? undefined : (own.headerFault ?? own.bodyFault);
  if (malformed !== undefined || fault !== undefined) return malformed ?? fault;
  own.protocol = new HttpProtocol(own);
  compileTls(own, load);
  return undefined;
}

/** Files are only looked at where TLS may be spoken: to https://, or to what variables say. */
function compileTls(own: ProxySettings, load: LoadContext): void {
  if (own.target === undefined || (own.target.template === undefined && !own.target.url.tls)) return;
  const tls = compileUpstreamTls(own, "proxy", load);
  if (tls instanceof ConfigFault) load.fail(undefined, tls.message);
  else own.tls = tls;
}

export const proxyModule: Module<ProxySettings> = new Module<ProxySettings>({
  name: "http_proxy",
  directives: [
    passRow,
    ...upstreamRows<ProxySettings>(dialect),
    ...(upstreamSslRows("proxy") as readonly Directive<ProxySettings>[]),
    ...proxyTuningRows,
    ...(requestHeaderRows as readonly Directive<ProxySettings>[]),
    trailersRow as Directive<ProxySettings>,
    ...(cookieRows as readonly Directive<ProxySettings>[]),
    redirectRow((site) => redirectSource(proxyModule.of(site.scope).target)) as Directive<ProxySettings>,
  ],
  create: () => ({ ...newUpstreamSettings(), ...newRequestHeaderSettings() }) as ProxySettings,
  merge,
  register(load: LoadContext) {
    const registry = variables(load);
    const ofProxy = proxyVariables((r) => (r.passedBy === proxyModule.id ? r.upstream : undefined));
    registry.provide(ofProxy.definitions, ofProxy.prefixes);
    registry.provide(upstreamVariables.definitions, upstreamVariables.prefixes);
  },
});

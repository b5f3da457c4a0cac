/** What `proxy_pass` and its like would do with a request: everything but doing it. */
import type { Scope } from "../config/directive.ts";
import type { Statement } from "../config/syntax.ts";
import { GONE_HEADERS } from "../http/header-list.ts";
import type { Location } from "../http/location.ts";
import type { Request, UpstreamView } from "../http/request.ts";
import { proxyModule } from "../proxy/module.ts";
import { scgiModule } from "../proxy/scgi.ts";
import { evaluateUrl, type PassTarget } from "../proxy/target.ts";
import type { ExchangeTarget, OutgoingRequest } from "../proxy/upstream-protocol.ts";
import { uwsgiModule } from "../proxy/uwsgi.ts";
import { resolverModule } from "../upstream/resolver-module.ts";
import { ipPeerAddress, literalAddress, Upstream } from "../upstream/upstream.ts";
import type { Outcome } from "./trace.ts";

const KINDS = [
  { directive: "proxy_pass", module: proxyModule },
  { directive: "uwsgi_pass", module: uwsgiModule },
  { directive: "scgi_pass", module: scgiModule },
] as const;

/** Stands where the address of a name is only known at run time (RFC 5737). */
const SOME_ADDRESS = "198.51.100.1";

/** The request ends before an upstream is asked. */
export interface EarlyEnd {
  readonly status: number;
  readonly why: string;
}

/**
 * Describes what a location's `proxy_pass` does with a request; undefined for a location that has none.
 */
export function proxiedOutcome(
  location: Location,
  statement: Statement,
  scope: Scope,
  original: (statement: Statement) => Statement,
): ((r: Request) => Outcome | EarlyEnd) | undefined {
  const kind = KINDS.find(({ module }) => module.of(location).target !== undefined);
  if (kind === undefined || location.handler === undefined) return undefined;
  const { module, directive } = kind;
  const line = passLine(directive, statement, scope);
  return (r) => {
    const settings = module.of(r.location);
    const target = exchangeTarget(settings.target!, r);
    if ("status" in target) return target;
    const { url, upstream } = target;
    if (upstream.peers.every(({ down }) => down)) return { status: 502, why: "no live upstreams: all are down" };
    const request: OutgoingRequest = {
      hostHeader: url.hostHeader,
      bodyLength: r.contentLength,
      chunked: r.chunked && !settings.requestBuffering,
      head: "",
      method: r.method,
      uri: "",
      fixedBody: undefined,
    };
    const view: UpstreamView = {
      ...request,
      portText: url.portText,
      responseHeaders: GONE_HEADERS,
      responseTrailers: undefined,
      logText: undefined,
      releaseHeaders: () => {},
    };
    r.upstream = view;
    r.passedBy = module.id;
    if (!settings.protocol.makeRequest(r, target, request)) return { status: 500, why: "its request cannot be made" };
    return {
      kind: "proxied",
      directive,
      statement: line,
      url: url.text,
      upstream: upstream.explicit ? upstream.name : url.portText === "" ? url.host : `${url.host}:${url.port}`,
      block: upstream.explicit && upstream.statement !== undefined ? original(upstream.statement) : undefined,
      peers: upstream.peers.map(({ server, backup, down }) => ({ server, backup, down })),
      head: directive === "proxy_pass" ? request.head : "",
      uri: request.uri,
    };
  };
}

/** Where a request goes, without asking a resolver. */
function exchangeTarget(pass: PassTarget, r: Request): ExchangeTarget | EarlyEnd {
  if (pass.template === undefined) return pass;
  const { source } = pass.template;
  const url = evaluateUrl(pass, r);
  if (url === undefined) return { status: 500, why: `${source} is no URL here: "${pass.template.evaluate(r)}"` };
  const common = { url, prefix: pass.prefix, evaluated: true };
  const known = pass.upstreams.find(url.host, url.port, url.portWritten);
  if (known !== undefined) return { ...common, upstream: known };
  const literal = literalAddress(url.host, url.port);
  if (literal === undefined && url.port === 0) return { status: 500, why: `no port in upstream "${url.host}"` };
  if (literal === undefined && resolverModule.of(r.location).resolver === undefined) {
    return { status: 502, why: `no resolver defined to resolve ${url.host}` };
  }
  return { ...common, upstream: Upstream.ofAddresses(url.host, [literal ?? ipPeerAddress(SOME_ADDRESS, url.port)]) };
}

/** The line itself: an `if` without one uses that of its location. */
function passLine(directive: string, statement: Statement, scope: Scope): Statement | undefined {
  const own = statement.block?.find(({ name }) => name === directive);
  return own ?? scope.parent?.statement?.block?.find(({ name }) => name === directive);
}

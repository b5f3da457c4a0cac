/** The content handler of `proxy_pass`: finds out where a request goes and starts its exchange. */
import { failed, finalize } from "../http/phases.ts";
import type { Request } from "../http/request.ts";
import { AGAIN } from "../http/verdict.ts";
import { ResolveFault } from "../upstream/resolver.ts";
import { resolverModule } from "../upstream/resolver-module.ts";
import { literalAddress, Upstream } from "../upstream/upstream.ts";
import { ProxyExchange } from "./exchange.ts";
import { proxyModule } from "./module.ts";
import type { ProxyUrl } from "./proxy-url.ts";
import { evaluateTarget, type ProxyTarget } from "./target.ts";

/** Starts proxying; the exchange finalizes the request. */
export function proxyHandler(r: Request): number {
  const settings = proxyModule.of(r.location);
  const target = settings.target!;
  const url = evaluateTarget(target, r);
  if (url === undefined) return 500;
  const { upstream } = target;
  if (upstream !== undefined) {
    begin(r, url, upstream, target);
    return AGAIN;
  }
  if (url.tls) {
    r.logError("https:// upstreams are not supported yet");
    return 500;
  }
  return findUpstream(r, url, target);
}

function begin(r: Request, url: ProxyUrl, upstream: Upstream, target: ProxyTarget): void {
  const evaluated = target.url === undefined;
  const exchange = new ProxyExchange(r, proxyModule.of(r.location), {
    url,
    upstream,
    prefix: target.prefix,
    evaluated,
  });
  r.contexts[proxyModule.id] = exchange;
  exchange.start();
}

/** A URL made of variables: the name of an upstream block, an address, or a name that the resolver is asked for. */
function findUpstream(r: Request, url: ProxyUrl, target: ProxyTarget): number {
  const known = target.upstreams.find(url.host);
  if (known !== undefined) {
    begin(r, url, known, target);
    return AGAIN;
  }
  const literal = literalAddress(url.host, url.port);
  if (literal !== undefined) {
    begin(r, url, Upstream.ofAddresses(url.host, [literal]), target);
    return AGAIN;
  }
  const { resolver, resolverTimeoutMs } = resolverModule.of(r.location);
  if (resolver === undefined) {
    r.logError(`no resolver defined to resolve ${url.host}`);
    return 502;
  }
  const cached = resolver.known(url.host);
  if (cached !== undefined) {
    begin(r, url, Upstream.ofResolved(url.host, cached, url.port), target);
    return AGAIN;
  }
  resolver
    .resolve(url.host, resolverTimeoutMs)
    .then((answer) => {
      if (r.finished || !r.connection.open) return;
      if (answer instanceof ResolveFault) {
        r.logError(answer.message(url.host));
        finalize(r, 502);
        return;
      }
      begin(r, url, Upstream.ofResolved(url.host, answer, url.port), target);
    })
    .catch((error: unknown) => failed(r, error));
  return AGAIN;
}

/** The content handler of `proxy_pass` and its like: finds out where a request goes and starts its exchange. */

import { failed, finalize } from "../http/finalize.ts";
import type { Request } from "../http/request.ts";
import type { Handler } from "../http/settings.ts";
import { AGAIN } from "../http/verdict.ts";
import { ResolveFault } from "../upstream/resolver.ts";
import { resolverModule } from "../upstream/resolver-module.ts";
import { literalAddress, Upstream } from "../upstream/upstream.ts";
import { UpstreamExchange } from "./exchange.ts";
import type { ProxyUrl } from "./proxy-url.ts";
import { type EvaluatedPass, evaluateUrl } from "./target.ts";
import type { ExchangeTarget } from "./upstream-protocol.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";
import { markUpstream } from "./upstream-tries.ts";

/** As much of a module as a request needs. */
interface SettingsModule {
  readonly id: number;
  of(level: { readonly settings: object[] }): UpstreamSettings;
}

/** The module that a handler belongs to; asked at run time, as the module names its handler in its own table. */
type ModuleOf = () => SettingsModule;

/** Starts an exchange with the settings of a module; the exchange finalizes the request. */
export function passHandler(moduleOf: ModuleOf): Handler {
  return (r) => {
    const module = moduleOf();
    const target = module.of(r.location).target!;
    // Nothing is known of the next upstream before it is found, and nothing any more of the last (ngx_http_upstream_create).
    r.upstream = undefined;
    if (target.template === undefined) {
      markUpstream(r);
      begin(r, module, target);
      return AGAIN;
    }
    const url = evaluateUrl(target, r);
    if (url === undefined) return 500;
    markUpstream(r);
    return findUpstream(r, module, url, target);
  };
}

function begin(r: Request, module: SettingsModule, target: ExchangeTarget): void {
  r.passedBy = module.id;
  new UpstreamExchange(r, module.of(r.location), target).start();
}

/** Where a request goes whose URL was made from variables. */
function evaluated(pass: EvaluatedPass, url: ProxyUrl, upstream: Upstream): ExchangeTarget {
  return { url, upstream, prefix: pass.prefix, evaluated: true };
}

/** A URL made of variables: the name of an upstream block, an address, or a name that the resolver is asked for. */
function findUpstream(r: Request, module: SettingsModule, url: ProxyUrl, pass: EvaluatedPass): number {
  const known = pass.upstreams.find(url.host, url.port, url.portWritten);
  if (known !== undefined) {
    begin(r, module, evaluated(pass, url, known));
    return AGAIN;
  }
  if (url.port === 0 && !url.host.startsWith("unix:")) {
    r.logError(`no port in upstream "${url.host}"`);
    return 500;
  }
  const literal = literalAddress(url.host, url.port);
  if (literal !== undefined) {
    begin(r, module, evaluated(pass, url, Upstream.ofAddresses(url.host, [literal])));
    return AGAIN;
  }
  const { resolver, resolverTimeoutMs } = resolverModule.of(r.location);
  if (resolver === undefined) {
    r.logError(`no resolver defined to resolve ${url.host}`);
    return 502;
  }
  const cached = resolver.known(url.host);
  if (cached !== undefined) {
    begin(r, module, evaluated(pass, url, Upstream.ofResolved(url.host, cached, url.port)));
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
      begin(r, module, evaluated(pass, url, Upstream.ofResolved(url.host, answer, url.port)));
    })
    .catch((error: unknown) => failed(r, error));
  return AGAIN;
}

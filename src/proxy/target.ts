/** Where a request goes: the `proxy_pass` or its like of its level, evaluated where it holds variables. */
import type { Request } from "../http/request.ts";
import type { Template } from "../template/template.ts";
import type { UpstreamSet } from "../upstream/upstream-set.ts";
import type { ProxyUrl, ProxyUrlFault } from "./proxy-url.ts";
import type { ExchangeTarget } from "./upstream-protocol.ts";

/** A compiled `proxy_pass`, `uwsgi_pass` or `scgi_pass`: a URL that is the same for all requests has its `template` missing. */
export type PassTarget = (ExchangeTarget & { readonly template: undefined }) | EvaluatedPass;

/** A URL that holds variables. */
export interface EvaluatedPass {
  readonly template: Template;
  /** Where the host of an evaluated URL is looked for first. */
  readonly upstreams: UpstreamSet;
  /** The location's prefix that the URL's URI part replaces. */
  readonly prefix: string;
  /** Splits an evaluated URL. */
  readonly parse: (text: string) => ProxyUrl | ProxyUrlFault;
}

/** The URL for a request; undefined (and logged) where variables made something that is none. */
export function evaluateUrl(pass: EvaluatedPass, r: Request): ProxyUrl | undefined {
  const parsed = pass.parse(pass.template.evaluate(r));
  if ("fault" in parsed) {
    r.logError(parsed.fault);
    return undefined;
  }
  return parsed;
}

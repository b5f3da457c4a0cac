/** Where a request goes: the `proxy_pass` or its like of its level, evaluated where it holds variables. */
import type { Request } from "../http/request.ts";
import type { Template } from "../template/template.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { UpstreamSet } from "../upstream/upstream-set.ts";
import type { ProxyUrl, ProxyUrlFault } from "./proxy-url.ts";

/** A compiled `proxy_pass`, `uwsgi_pass` or `scgi_pass`. */
export interface PassTarget {
  /** Set where the URL holds variables: evaluated for each request. */
  readonly template: Template | undefined;
  /** Set where it holds none. */
  readonly url: ProxyUrl | undefined;
  readonly upstream: Upstream | undefined;
  /** Where the host of an evaluated URL is looked for first. */
  readonly upstreams: UpstreamSet;
  /** The location's prefix that the URL's URI part replaces. */
  readonly prefix: string;
  /** Splits an evaluated URL. */
  readonly parse: (text: string) => ProxyUrl | ProxyUrlFault;
}

/** The URL for a request; undefined (and logged) where variables made something that is none. */
export function evaluateTarget(target: PassTarget, r: Request): ProxyUrl | undefined {
  if (target.url !== undefined) return target.url;
  const parsed = target.parse(target.template!.evaluate(r));
  if ("fault" in parsed) {
    r.logError(parsed.fault);
    return undefined;
  }
  return parsed;
}

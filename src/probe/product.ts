/** Who answered: what Server, Via and other fields say, and what pages of errors look like. */
import { fieldOf, type HttpAnswer } from "./http-answer.ts";

/** Products that the lines of `cause-lines.ts` are for. */
export const PRODUCTS = ["nginx", "Apache", "HAProxy", "Caddy", "Traefik", "ALB", "Cloudflare"] as const;
export type Product = (typeof PRODUCTS)[number];

export interface Responder {
  /** Undefined for one that has no lines of its own here. */
  readonly product: Product | undefined;
  /** As it calls itself, or as it is told by; "" where nothing tells. */
  readonly name: string;
  /** The text is the proxy's own, and not passed on from what is behind it. */
  readonly own: boolean;
  /** Proxies on the way, as they say themselves. */
  readonly via: string;
}

interface Sign {
  readonly product: Product | undefined;
  readonly name: string;
  /** Its own error pages. */
  readonly page?: RegExp;
  readonly server?: RegExp;
  readonly field?: string;
}

/** The outermost first: what a content network adds tells more than what is behind it. */
const SIGNS: readonly Sign[] = [
  {
    product: "Cloudflare",
    name: "Cloudflare",
    server: /^cloudflare$/i,
    field: "CF-RAY",
    page: /cloudflare|error code: (?:5|1)\d\d/i,
  },
  {
    product: "ALB",
    name: "an AWS load balancer",
    server: /^awselb\//i,
    page: /^<html>\r\n<head><title>\d{3} [^<]*<\/title><\/head>\r\n<body>\r\n<center>(?:(?!nginx).)*$/is,
  },
  { product: undefined, name: "CloudFront", server: /^CloudFront$/i, field: "X-Amz-Cf-Id" },
  { product: undefined, name: "Akamai", server: /AkamaiGHost/i },
  { product: undefined, name: "Fastly or Varnish", server: /varnish/i, field: "X-Varnish" },
  { product: undefined, name: "Envoy", server: /^envoy$/i, page: /^(?:upstream connect error|no healthy upstream)/i },
  {
    product: "nginx",
    name: "nginx",
    server: /^(?:nginx|openresty|tengine|angie|freenginx)/i,
    page: /<center>(?:nginx|openresty|hopway|angie|tengine)/i,
  },
  { product: "nginx", name: "hopway", server: /^hopway/i, page: /<center>hopway/i },
  {
    product: "Apache",
    name: "Apache",
    server: /^Apache/i,
    page: /^<!DOCTYPE HTML PUBLIC "-\/\/(?:IETF\/\/DTD HTML 2\.0|W3C\/\/DTD HTML 4\.01)\/\/EN"[^>]*>\s*<html><head>\s*<title>\d{3} /i,
  },
  { product: "Caddy", name: "Caddy", server: /^Caddy/i, page: /^$/ },
  {
    product: "HAProxy",
    name: "HAProxy",
    server: /^haproxy/i,
    page: /<html><body><h1>\d{3} [^<]*<\/h1>\s*[^<]*<\/body><\/html>/i,
  },
  {
    product: "Traefik",
    name: "Traefik",
    page: /^(?:404 page not found|Bad Gateway|Gateway Timeout|Service Unavailable|no available server)\s*$/,
  },
  { product: undefined, name: "Microsoft IIS", server: /^Microsoft-IIS/i },
  { product: undefined, name: "LiteSpeed", server: /^LiteSpeed/i },
];

/** Reads who answered from an answer. */
export function responderOf(answer: HttpAnswer): Responder {
  const server = fieldOf(answer, "Server");
  const via = fieldOf(answer, "Via");
  for (const { product, name, page, server: pattern, field } of SIGNS) {
    const named = (pattern?.test(server) ?? false) || (field !== undefined && fieldOf(answer, field) !== "");
    const own = page?.test(answer.body) ?? false;
    // A page alone tells those that send no Server field.
    const byPage = own && answer.body !== "" && server === "";
    if (named || byPage) return { product, name: server !== "" && pattern?.test(server) ? server : name, own, via };
  }
  return { product: productOfVia(via), name: server || fieldOf(answer, "X-Powered-By"), own: false, via };
}

function productOfVia(via: string): Product | undefined {
  return PRODUCTS.find((product) => new RegExp(`\\b${product}\\b`, "i").test(via));
}

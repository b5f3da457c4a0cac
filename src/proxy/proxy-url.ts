/** The argument of `proxy_pass`: parsed once at load, or per request where it holds variables (ngx_http_proxy_pass). */
import { ConfigFault, LOCATION, type Scope } from "../config/directive.ts";
import { parseAddress } from "../net/address.ts";

const HTTP_PORT = 80;
const HTTPS_PORT = 443;

/** The parts of a `proxy_pass` URL (ngx_http_proxy_vars_t). */
export interface ProxyUrl {
  /** As written. */
  readonly text: string;
  /** Without `://`: `http`, `uwsgi`. */
  readonly scheme: string;
  readonly tls: boolean;
  /** What `upstreams(load).implicit` is asked for: a name, an IP literal (IPv6 in brackets), or `unix:` and a path. */
  readonly host: string;
  /** The written port, else the scheme's; 0 for a Unix socket. */
  readonly port: number;
  readonly portWritten: boolean;
  /** `$proxy_host`, the default Host: without the scheme's own port; `localhost` for a Unix socket. */
  readonly hostHeader: string;
  /** `$proxy_port`; "" for a Unix socket. */
  readonly portText: string;
  /** From the first `/` or `?` after the address; "" where there is none: the request's URI is passed as it is then. */
  readonly uri: string;
}

/** Where a `proxy_pass` stands, as far as URIs depend on it. */
export interface ProxyPlace {
  /** The location's prefix that the URI of `proxy_pass` replaces; "" where it replaces nothing. */
  readonly prefix: string;
  /** A URI part is refused here. */
  readonly withoutUri: boolean;
}

/** Why a URL is refused, in nginx's words, without the position. */
export interface ProxyUrlFault {
  readonly fault: string;
}

/** Splits a URL. Faults are worded as for the configuration. */
export function parseProxyUrl(text: string): ProxyUrl | ProxyUrlFault {
  const scheme = /^https?:\/\//i.exec(text)?.[0];
  if (scheme === undefined) return { fault: "invalid URL prefix" };
  const tls = scheme.length === "https://".length;
  const schemeName = tls ? "https" : "http";
  const rest = text.slice(scheme.length);
  const ownPort = tls ? HTTPS_PORT : HTTP_PORT;
  const parsed = parseAddress(rest, { listen: false, uriPart: true, defaultPort: ownPort });
  if ("fault" in parsed) return { fault: `${parsed.fault} in upstream "${rest}"` };
  const { port, noPort, uri } = parsed;
  if (parsed.address?.family === "unix") {
    return {
      text,
      scheme: schemeName,
      tls,
      host: `unix:${parsed.host}`,
      port: 0,
      portWritten: false,
      hostHeader: "localhost",
      portText: "",
      uri,
    };
  }
  const usual = noPort || port === ownPort;
  return {
    text,
    scheme: schemeName,
    tls,
    host: parsed.host,
    port,
    portWritten: !noPort,
    hostHeader: usual ? parsed.host : `${parsed.host}:${parsed.portText}`,
    portText: usual ? String(ownPort) : parsed.portText,
    uri,
  };
}

/** As `parseProxyUrl` for a URL made of variables: a URI that begins with `?` gets its `/` (ngx_http_proxy_eval). */
export function parseEvaluatedUrl(text: string): ProxyUrl | ProxyUrlFault {
  const parsed = parseProxyUrl(text);
  const bare = /^https?:\/\/$/i.test(text);
  if (bare || ("fault" in parsed && parsed.fault === "invalid URL prefix")) {
    return { fault: `invalid URL prefix in "${text}"` };
  }
  if ("fault" in parsed) return parsed;
  return parsed.uri.startsWith("?") ? { ...parsed, uri: `/${parsed.uri}` } : parsed;
}

/** The place of a directive, from the level that it stands in. */
export function proxyPlace(scope: Scope): ProxyPlace {
  if (scope.kind !== LOCATION) return { prefix: "", withoutUri: true };
  const args = scope.statement?.args ?? [];
  const [first = "", second] = args;
  if (second === undefined) {
    if (first.startsWith("@") || first.startsWith("~")) return { prefix: "", withoutUri: true };
    // `location =/x` and `location ^~/x` may be written without a space.
    if (first.startsWith("=")) return { prefix: first.slice(1), withoutUri: false };
    if (first.startsWith("^~")) return { prefix: first.slice(2), withoutUri: false };
    return { prefix: first, withoutUri: false };
  }
  return first.startsWith("~") ? { prefix: "", withoutUri: true } : { prefix: second, withoutUri: false };
}

const URI_NOT_ALLOWED =
  '"proxy_pass" cannot have URI part in location given by regular expression, or inside named location, ' +
  'or inside "if" statement, or inside "limit_except" block';

/** Parses a `proxy_pass` argument without variables for its place. */
export function proxyPassUrl(text: string, place: ProxyPlace): ProxyUrl | ConfigFault {
  const parsed = parseProxyUrl(text);
  if ("fault" in parsed) return new ConfigFault(parsed.fault);
  if (place.withoutUri && parsed.uri !== "") return new ConfigFault(URI_NOT_ALLOWED);
  return parsed;
}

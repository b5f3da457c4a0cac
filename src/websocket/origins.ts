/**
 * `websocket_allowed_origins`: browsers let any page open a WebSocket to any host, with that host's cookies, and only
 * tell the host from where (RFC 6455, 10.2). Whoever does not look at `Origin` can be used by other sites.
 */
import { ConfigFault, invalidParameter } from "../config/directive.ts";
import { compileRegex } from "../config/regex.ts";
import { asciiLowerCase } from "../http/header-list.ts";

/** An origin as browsers send it: scheme, host, and the port where it is not the scheme's own. */
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-f:.]+\]|[^/:@?#[\]]+)(?::(\d{1,5}))?$/;
const ENTRY = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(\[[0-9a-f:.]+\]|(?:\*?\.)?[^/:@?#[\]*\s$]+)(?::(\d{1,5}|\*))?$/;
/** Nobody's host, and meant as something else. */
const WORDS: ReadonlySet<string> = new Set(["on", "off", "none", "all", "any", "self"]);

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: "80", https: "443", ws: "80", wss: "443" };

/** One host, with wildcards. */
interface HostRule {
  /** undefined: http or https. */
  readonly scheme: string | undefined;
  /** Without the `*.` or `.` before it. */
  readonly host: string;
  readonly subdomains: boolean;
  /** The host by its own name; not with `*.`. */
  readonly itself: boolean;
  /** undefined: the scheme's own; `*`: any. */
  readonly port: string | undefined;
}

export interface OriginRules {
  readonly any: boolean;
  readonly sameOrigin: boolean;
  /** `Origin: null`: pages from files, sandboxed frames. */
  readonly opaque: boolean;
  /** Handshakes without Origin, which do not come from a browser; undefined where nothing is said of them. */
  readonly missing: boolean | undefined;
  readonly hosts: readonly HostRule[];
  readonly regexes: readonly RegExp[];
}

/** Compiles the arguments of one directive. */
export function parseOrigins(args: readonly string[]): OriginRules | ConfigFault {
  const hosts: HostRule[] = [];
  const regexes: RegExp[] = [];
  let missing: boolean | undefined;
  for (const arg of args) {
    if (arg === "*" || arg === "same-origin" || arg === "null") continue;
    if (arg.startsWith("none=")) {
      if (arg !== "none=allow" && arg !== "none=deny") return invalidParameter(arg);
      missing = arg === "none=allow";
    } else if (arg.startsWith("~")) {
      const regex = parseRegex(arg);
      if (regex instanceof ConfigFault) return regex;
      regexes.push(regex);
    } else {
      const rule = parseHost(arg);
      if (rule === undefined) return new ConfigFault(`invalid origin "${arg}"`);
      hosts.push(rule);
    }
  }
  const has = (word: string): boolean => args.includes(word);
  return { any: has("*"), sameOrigin: has("same-origin"), opaque: has("null"), missing, hosts, regexes };
}

/** An expression must fit the whole origin: `~example\.com` is not to let `https://example.com.evil.net` in. */
function parseRegex(text: string): RegExp | ConfigFault {
  const caseless = text.startsWith("~*");
  const pattern = text.slice(caseless ? 2 : 1);
  const compiled = compileRegex(pattern, caseless);
  if (compiled instanceof ConfigFault) return compiled;
  const whole = compileRegex(`\\A(?:${pattern})\\z`, caseless);
  return whole instanceof ConfigFault ? whole : whole.regex;
}

function parseHost(text: string): HostRule | undefined {
  const lower = asciiLowerCase(text);
  const match = ENTRY.exec(lower);
  if (match === null || WORDS.has(lower)) return undefined;
  const [, scheme, written = "", port] = match;
  const host = written.replace(/^\*?\./, "");
  const itself = !written.startsWith("*.");
  const isDefault = scheme !== undefined && port === DEFAULT_PORTS[scheme];
  return { scheme, host, subdomains: host !== written, itself, port: isDefault ? undefined : port };
}

/**
 * Whether a handshake with these `Origin` lines may pass. `host` is the request's Host as the client sent it.
 */
export function allowsOrigin(rules: OriginRules, origins: readonly string[], host: string): boolean {
  const [sent] = origins;
  if (sent === undefined) return rules.missing ?? rules.any;
  // Two of them: whoever reads the other one would see another site.
  if (origins.length > 1) return false;
  if (rules.any) return true;
  if (rules.regexes.some((regex) => regex.test(sent))) return true;
  const origin = asciiLowerCase(sent);
  if (origin === "null") return rules.opaque;
  const match = ORIGIN.exec(origin);
  if (match === null) return false;
  const [, scheme = "", name = "", port] = match;
  const shownPort = port === DEFAULT_PORTS[scheme] ? undefined : port;
  if (rules.sameOrigin && isSame(scheme, name, shownPort, asciiLowerCase(host))) return true;
  return rules.hosts.some((rule) => fits(rule, scheme, name, shownPort));
}

/** By host and port; the scheme of the request is not known for sure behind a proxy that ends TLS. */
function isSame(scheme: string, name: string, port: string | undefined, host: string): boolean {
  const ownPort = DEFAULT_PORTS[scheme];
  const bare = ownPort !== undefined && host.endsWith(`:${ownPort}`) ? host.slice(0, -ownPort.length - 1) : host;
  return bare === (port === undefined ? name : `${name}:${port}`);
}

function fits(rule: HostRule, scheme: string, name: string, port: string | undefined): boolean {
  if (rule.scheme === undefined ? scheme !== "http" && scheme !== "https" : rule.scheme !== scheme) return false;
  if (rule.port !== "*" && rule.port !== port) return false;
  return (rule.itself && name === rule.host) || (rule.subdomains && name.endsWith(`.${rule.host}`));
}

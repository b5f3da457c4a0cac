/** `server_name` and the choice of a server by name (ngx_http_core_server_name, ngx_http_server_names). */
import { hostname } from "node:os";
import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import type { LoadContext } from "../config/load-context.ts";
import { compileRegex } from "../config/regex.ts";
import type { Statement } from "../config/syntax.ts";
import type { AddressServers, Server } from "../http/location.ts";
import type { Request } from "../http/request.ts";
import { type CaptureGroups, captureNames } from "../template/captures.ts";

export interface ServerName {
  /** Lower case; of an expression, the whole text with its `~`. */
  readonly name: string;
  readonly regex: RegExp | undefined;
  readonly capture: CaptureGroups | undefined;
  readonly statement: Statement | undefined;
}

/** Adds the names of a `server_name` line. */
export function addServerNames(own: { serverNames: ServerName[] }, site: DirectiveSite): ConfigFault | undefined {
  for (const text of site.statement.args) {
    const name = parseServerName(text, site);
    if (name instanceof ConfigFault) return name;
    own.serverNames.push(name);
  }
  return undefined;
}

function parseServerName(text: string, site: DirectiveSite): ServerName | ConfigFault {
  const { statement } = site;
  if (text.startsWith("~")) {
    if (text === "~") return new ConfigFault(`empty regex in server name "${text}"`);
    const pattern = text.slice(1);
    // As nginx: a pattern without capitals is matched without regard to case, and host names come in lower case anyway.
    const compiled = compileRegex(pattern, true);
    if (compiled instanceof ConfigFault) return compiled;
    const capture = captureNames(compiled, site);
    if (capture instanceof ConfigFault) return capture;
    return { name: text, regex: compiled.regex, capture, statement };
  }
  if (text.startsWith("*") && !text.startsWith("*.")) return new ConfigFault(`server name "${text}" is invalid`);
  if (text.includes("/")) site.load.warn(statement, `server name "${text}" has suspicious symbols`);
  const name = (text === "$hostname" ? hostname() : text).toLowerCase();
  if (!validWildcard(name)) return new ConfigFault(`invalid server name or wildcard "${text}"`);
  return { name, regex: undefined, capture: undefined, statement };
}

/** A wildcard stands alone at one end: `*.example.com`, `.example.com`, `www.example.*`. */
function validWildcard(name: string): boolean {
  if (name.includes("..")) return false;
  const stars = name.split("*").length - 1;
  if (stars === 0) return true;
  if (stars > 1) return false;
  return name.startsWith("*.") || (name.endsWith(".*") && !name.startsWith("."));
}

/** One server with its names, as one listening address sees it. */
export interface NamedServer {
  readonly server: Server;
  readonly names: readonly ServerName[];
}

/**
 * Compiles the choice for one address: exact names, wildcards at the front (longest first), wildcards at the end, then
 * expressions in order. Names taken already are warned about.
 */
export function compileNames(
  addressText: string,
  defaultServer: Server,
  named: readonly NamedServer[],
  load: LoadContext,
): AddressServers {
  const exact = new Map<string, Server>();
  const heads = new Map<string, Server>();
  const tails = new Map<string, Server>();
  const regexes: { readonly name: ServerName; readonly server: Server }[] = [];
  const add = (map: Map<string, Server>, key: string, server: Server, name: ServerName): void => {
    if (map.has(key)) {
      load.warn(undefined, `conflicting server name "${name.name}" on ${addressText}, ignored`);
      return;
    }
    map.set(key, server);
  };
  for (const { server, names } of named) {
    for (const name of names) {
      if (name.regex !== undefined) regexes.push({ name, server });
      else if (name.name.startsWith("*.")) add(heads, name.name.slice(1), server, name);
      else if (name.name.startsWith(".")) {
        add(exact, name.name.slice(1), server, name);
        if (!heads.has(name.name)) heads.set(name.name, server);
      } else if (name.name.endsWith(".*")) add(tails, name.name.slice(0, -1), server, name);
      else add(exact, name.name, server, name);
    }
  }
  if (named.length === 1 && regexes.length === 0) return { defaultServer, find: () => undefined };
  const headList = longestFirst(heads);
  const tailList = longestFirst(tails);
  return {
    defaultServer,
    find(host: string, r: Request): Server | undefined {
      const found = exact.get(host);
      if (found !== undefined) return found;
      if (host === "") return undefined;
      for (const [suffix, server] of headList) if (host.length > suffix.length && host.endsWith(suffix)) return server;
      for (const [prefix, server] of tailList)
        if (host.length > prefix.length && host.startsWith(prefix)) return server;
      for (const { name, server } of regexes) {
        const match = name.regex!.exec(host);
        if (match === null) continue;
        r.captures = match;
        name.capture?.(r, match);
        return server;
      }
      return undefined;
    },
  };
}

function longestFirst(map: Map<string, Server>): [string, Server][] {
  return [...map].sort(([a], [b]) => b.length - a.length);
}

/** `server_name` and the choice of a server by name (ngx_http_core_server_name, ngx_http_server_names). */
import { hostname } from "node:os";
import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import type { LoadContext } from "../config/load-context.ts";
import type { Statement } from "../config/syntax.ts";
import { asciiLowerCase } from "../http/header-list.ts";
import type { Server, ServerChoice } from "../http/location.ts";
import type { Request } from "../http/request.ts";
import { type CaptureGroups, compileCapturing } from "../template/captures.ts";
import { MapKeys } from "./map-hostnames.ts";

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
  if (text.startsWith("*") ? text.length < 3 || !text.startsWith("*.") : text === ".") {
    return new ConfigFault(`server name "${text}" is invalid`);
  }
  if (text.includes("/")) site.load.warn(statement, `server name "${text}" has suspicious symbols`);
  if (text.startsWith("~")) {
    if (text === "~") return new ConfigFault(`empty regex in server name "${text}"`);
    const pattern = text.slice(1);
    // As nginx: a pattern without capitals is matched without regard to case, and host names come in lower case anyway.
    const compiled = compileCapturing(pattern, true, site);
    if (compiled instanceof ConfigFault) return compiled;
    const { regex, capture } = compiled;
    return { name: text, regex, capture, statement };
  }
  const name = asciiLowerCase(text.toLowerCase() === "$hostname" ? hostname() : text);
  return { name, regex: undefined, capture: undefined, statement };
}

/** One server with its names, as one listening address sees it. */
export interface NamedServer {
  readonly server: Server;
  readonly names: readonly ServerName[];
}

/**
 * Compiles the choice for one address: exact names, wildcards at the front (longest first), wildcards at the end, then
 * expressions in order. Names taken already are warned about; malformed wildcards are errors, as in nginx only where
 * there is a choice at all.
 */
export function compileNames(
  addressText: string,
  defaultServer: Server,
  named: readonly NamedServer[],
  load: LoadContext,
): ServerChoice {
  const keys = new MapKeys<Server>();
  const regexes: { readonly name: ServerName; readonly server: Server }[] = [];
  if (named.length === 1 && named[0]!.names.every(({ regex }) => regex === undefined)) {
    return { defaultServer, find: () => undefined };
  }
  for (const { server, names } of named) {
    for (const name of names) {
      if (name.regex !== undefined) {
        regexes.push({ name, server });
        continue;
      }
      const outcome = keys.addHostname(name.name, server);
      if (outcome === "conflict") {
        load.warn(undefined, `conflicting server name "${name.name}" on ${addressText}, ignored`);
      } else if (outcome === "invalid") {
        load.fail(undefined, `invalid server name or wildcard "${name.name}" on ${addressText}`);
      }
    }
  }
  return {
    defaultServer,
    find(host: string, r: Request | undefined): Server | undefined {
      const found = keys.find(host);
      if (found !== undefined || host === "") return found;
      for (const { name, server } of regexes) {
        const match = name.regex!.exec(host);
        if (match === null) continue;
        if (r !== undefined) {
          r.captures = match;
          name.capture?.(r, match);
        }
        return server;
      }
      return undefined;
    },
  };
}

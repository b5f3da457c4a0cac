/** From merged levels to what requests see: servers, location trees, listening addresses (ngx_http.c). */
import { type ConfigFault, LOCATION, type Scope, SERVER } from "../config/directive.ts";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import type { AddressServers, HttpConfig, Location, LocationTree, Server } from "../http/location.ts";
import { headerFilters, locationOf, phaseHandlers } from "../http/registry.ts";
import type { RequestHeadLimits } from "../http/request-head.ts";
import type { CoreSettings } from "../http/settings.ts";
import { type Address, addressText } from "../net/address.ts";
import { listenSockets } from "../net/listen.ts";
import { variables } from "../template/variables.ts";
import { httpCore } from "./http-core.ts";
import { defaultListen, type ServerListen } from "./listen-directive.ts";
import { openLevel } from "./location-directive.ts";
import { compileNames, type NamedServer, type ServerName } from "./server-name.ts";
import { sslModule } from "./ssl.ts";
import { missingCertificate } from "./ssl-listen.ts";

/** The servers behind one listening socket. */
export interface BoundServers {
  readonly address: Address;
  /** For connections to the address itself, or to any address that has no entry of its own. */
  readonly servers: AddressServers;
  /** On a wildcard socket: addresses of the same port that have servers of their own. */
  readonly specific: ReadonlyMap<string, AddressServers>;
}

/** What one load serves. */
export interface Serving {
  readonly config: HttpConfig;
  /** By the text of the socket's address. */
  readonly bound: ReadonlyMap<string, BoundServers>;
}

/** The compiled http block of a load; undefined without one. */
export const servingOf = perLoad<{ serving: Serving | undefined }>(() => ({ serving: undefined }));

/** A server's own level is a location too: what holds outside all locations. */
export function openServer(opened: Scope): undefined {
  openLevel(opened, httpCore.of(opened), "", "server");
}

/** When the block ends: the default address and name, and locations that stand twice. */
export function closeServer(opened: Scope): ConfigFault | undefined {
  const own = httpCore.of(opened);
  if (own.listens.length === 0) own.listens.push(defaultListen(opened.statement));
  if (own.serverNames.length === 0) {
    own.serverNames.push({ name: "", regex: undefined, capture: undefined, statement: opened.statement });
  }
  return undefined;
}

/** Compiles everything; runs when all levels are merged. */
export function compileServing(http: Scope, load: LoadContext): ConfigFault | undefined {
  const servers: Server[] = [];
  const config: HttpConfig & { slotCount: number } = {
    servers,
    phases: phaseHandlers(load),
    headerFilters: headerFilters(load),
    // The main level's log may be named after the http block.
    get errorLog() {
      return httpCore.of(http).errorLog;
    },
    slotCount: 0,
  };
  const listening: Listening[] = [];
  for (const scope of http.children) {
    if (scope.kind !== SERVER) continue;
    const own = httpCore.of(scope);
    const server = compileServer(scope, config, load);
    servers.push(server);
    listening.push({ scope, server, listens: own.listens, names: own.serverNames });
  }
  // After the locations, as in nginx: of two faults it is the later one.
  const registry = variables(load);
  registry.finish(load);
  config.slotCount = registry.slotCount;
  const bound = bindAddresses(listening, load);
  servingOf(load).serving = { config, bound };
  return undefined;
}

function compileServer(scope: Scope, config: HttpConfig, load: LoadContext): Server {
  const level = locationOf(scope);
  const named = new Map<string, Location>();
  for (const child of scope.children) {
    if (child.kind !== LOCATION) continue;
    const location = locationOf(child);
    if (location.kind !== "named") continue;
    // nginx does not mind a second location of that name, and never uses it.
    if (!named.has(location.name)) named.set(location.name, location);
  }
  const names = httpCore.of(scope).serverNames;
  const first = names[0]?.name ?? "";
  const name = first.startsWith(".") ? first.slice(1) : first;
  const { core } = level;
  const { tls } = sslModule.of(scope);
  return { name, level, core, headLimits: headLimits(core), tree: compileTree(scope, load), tls, named, http: config };
}

function headLimits(core: CoreSettings): RequestHeadLimits {
  return {
    clientHeaderBufferBytes: core.clientHeaderBufferBytes,
    largeBufferCount: core.largeClientHeaderBuffers.number,
    largeBufferBytes: core.largeClientHeaderBuffers.size,
    mergeSlashes: core.mergeSlashes,
    ignoreInvalidHeaders: core.ignoreInvalidHeaders,
    underscoresInHeaders: core.underscoresInHeaders,
    maxHeaders: core.maxHeaders,
  };
}

const EMPTY_TREE: LocationTree = { exact: new Map(), prefixes: [], regexes: [], redirects: new Map() };

function compileTree(scope: Scope, load: LoadContext): LocationTree {
  const exact = new Map<string, Location>();
  const prefixes = new Map<string, Location>();
  const children = scope.children.filter(({ kind }) => kind === LOCATION);
  const regexes = children.map(locationOf).filter(({ kind }) => kind === "regex");
  // nginx looks at the others in the order of their names: errors come in that order.
  children.sort((a, b) => compareNames(locationOf(a), locationOf(b)));
  for (const child of children) {
    const nested = compileTree(child, load);
    if (nested !== EMPTY_TREE) locationOf(child).tree = nested;
  }
  for (const child of children) {
    const location = locationOf(child);
    if (location.kind === "regex" || location.kind === "named") continue;
    const map = location.kind === "exact" ? exact : prefixes;
    if (map.has(location.name)) load.fail(child.statement, `duplicate location "${location.name}"`);
    map.set(location.name, location);
  }
  if (exact.size === 0 && prefixes.size === 0 && regexes.length === 0) return EMPTY_TREE;
  const redirects = new Map<string, Location>();
  for (const location of [...exact.values(), ...prefixes.values()]) {
    const uri = location.name.slice(0, -1);
    if (location.autoRedirect && !exact.has(uri) && !prefixes.has(uri)) redirects.set(uri, location);
  }
  return { exact, prefixes: longestFirst([...prefixes.values()]), regexes, redirects };
}

function compareNames(a: Location, b: Location): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function longestFirst(locations: Location[]): Location[] {
  return locations.sort((a, b) => b.name.length - a.name.length);
}

interface Listening {
  readonly scope: Scope;
  readonly server: Server;
  readonly listens: readonly ServerListen[];
  readonly names: readonly ServerName[];
}

interface AddressEntry {
  readonly address: Address;
  options: ServerListen;
  defaultServer: Server;
  bind: boolean;
  proxyProtocol: boolean;
  tls: boolean;
  readonly servers: NamedServer[];
}

/** Groups servers by address, decides which addresses get a socket, compiles the choice by name. */
function bindAddresses(listening: readonly Listening[], load: LoadContext): Map<string, BoundServers> {
  const entries = new Map<string, AddressEntry>();
  for (const { server, listens, names } of listening) {
    for (const listen of listens) addListen(entries, listen, { server, names });
  }
  const scopes = new Map(listening.map(({ server, scope }) => [server, scope]));
  const compiled = new Map<string, AddressServers>();
  for (const [text, entry] of entries) {
    const choice = compileNames(text, entry.defaultServer, entry.servers, load);
    const defaultScope = scopes.get(entry.defaultServer)!;
    const tls = entry.tls || sslModule.of(defaultScope).enabled;
    if (entry.tls) {
      const servers = entry.servers.map(({ server }) => scopes.get(server)!);
      const fault = missingCertificate(defaultScope, servers);
      if (fault !== undefined) load.fail(undefined, fault);
    }
    compiled.set(text, { ...choice, proxyProtocol: entry.proxyProtocol, tls });
  }
  const bound = new Map<string, BoundServers>();
  for (const [text, entry] of entries) {
    if (coveredByWildcard(entry, entries)) continue;
    const specific = new Map<string, AddressServers>();
    if (isWildcard(entry.address)) {
      for (const [otherText, other] of entries) {
        if (other !== entry && coveredByWildcard(other, entries) && sameSocketFamily(other.address, entry.address)) {
          specific.set(other.address.host, compiled.get(otherText)!);
        }
      }
    }
    bound.set(text, { address: entry.address, servers: compiled.get(text)!, specific });
    const statement = entry.options.statement;
    if (statement !== undefined) {
      listenSockets(load).push({ address: entry.address, options: entry.options.options, statement });
    }
  }
  return bound;
}

/** Which options and which default server an address has: the `listen` lines do not contradict each other here. */
function addListen(entries: Map<string, AddressEntry>, listen: ServerListen, named: NamedServer): void {
  const text = addressText(listen.address);
  const known = entries.get(text);
  if (known === undefined) {
    entries.set(text, {
      address: listen.address,
      options: listen,
      defaultServer: named.server,
      bind: listen.bind,
      proxyProtocol: listen.proxyProtocol,
      tls: listen.tls,
      servers: [named],
    });
    return;
  }
  known.servers.push(named);
  known.proxyProtocol ||= listen.proxyProtocol;
  known.tls ||= listen.tls;
  if (listen.set) {
    known.options = listen;
    known.bind = true;
  }
  if (listen.defaultServer) {
    known.defaultServer = named.server;
  }
}

function isWildcard(address: Address): boolean {
  return address.host === "0.0.0.0" || address.host === "::";
}

function sameSocketFamily(a: Address, b: Address): boolean {
  return a.family === b.family && a.port === b.port;
}

/** nginx opens one socket for `*:80` and tells connections to `127.0.0.1:80` apart, unless that has `bind`. */
function coveredByWildcard(entry: AddressEntry, entries: ReadonlyMap<string, AddressEntry>): boolean {
  if (entry.address.family === "unix" || entry.bind || isWildcard(entry.address)) return false;
  for (const other of entries.values()) {
    if (other !== entry && isWildcard(other.address) && sameSocketFamily(entry.address, other.address)) return true;
  }
  return false;
}

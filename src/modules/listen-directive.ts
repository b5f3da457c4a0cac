/** `listen`: addresses and socket options of a server (ngx_http_core_listen, ngx_http_add_listen). */
import { ConfigFault, type DirectiveSite, invalidParameter } from "../config/directive.ts";
import { perLoad } from "../config/load-context.ts";
import type { Statement } from "../config/syntax.ts";
import { parseInteger, parseSeconds, parseSize } from "../config/units.ts";
import { type Address, addressText, inetAddress, parseAddress } from "../net/address.ts";
import { defaultListenOptions, type KeepAlive, type ListenOptions } from "../net/listen.ts";
import { NO_HTTP2 } from "./http2.ts";
import { ListenProtocols } from "./listen-protocols.ts";

/** One address of one `listen` line. */
export interface ServerListen {
  readonly address: Address;
  readonly options: ListenOptions;
  /** Socket options were given (or `bind`): the address gets a socket of its own, and may be given them once. */
  readonly set: boolean;
  readonly bind: boolean;
  readonly defaultServer: boolean;
  /** Holds for the address as soon as one of its `listen` lines says so. */
  readonly proxyProtocol: boolean;
  /** As `proxyProtocol`. */
  readonly tls: boolean;
  readonly statement: Statement | undefined;
}

/** Parameters that belong to parts of nginx that are not here yet: refused with the reason. */
const NOT_HERE: Readonly<Record<string, string>> = {
  quic: "HTTP/3 is not supported",
  multipath: "Multipath TCP is not supported",
};

interface Mutable {
  options: ListenOptions;
  set: boolean;
  bind: boolean;
  defaultServer: boolean;
  proxyProtocol: boolean;
  tls: boolean;
  http2: boolean;
}

const NO_PARAMETERS = {
  options: defaultListenOptions,
  set: false,
  bind: false,
  defaultServer: false,
  proxyProtocol: false,
  tls: false,
  http2: false,
};

/** Adds the addresses of a `listen` line to its server; those of a host name when it has been looked up. */
export function applyListen(own: { listens: ServerListen[] }, site: DirectiveSite): ConfigFault | undefined {
  const [text = ""] = site.statement.args;
  const parsed = parseAddress(text, { listen: true, uriPart: false, defaultPort: 80 });
  if ("fault" in parsed) return urlFault(parsed.fault, site);
  const { address, host, port } = parsed;
  if (address !== undefined) return addAddresses(own, withPorts(address, parsed.lastPort), site);
  const { load, statement } = site;
  load.pending.push(
    load.hosts.lookup(host).then((ips) => {
      const addresses = ips.flatMap((ip) => withPorts(inetAddress(ip, port), parsed.lastPort));
      const fault = ips.length === 0 ? urlFault("host not found", site) : addAddresses(own, addresses, site);
      if (fault !== undefined) load.fail(statement, fault.message);
    }),
  );
  return undefined;
}

function urlFault(what: string, { statement }: DirectiveSite): ConfigFault {
  return new ConfigFault(`${what} in "${statement.args[0]}" of the "${statement.name}" directive`);
}

/** One address for each port of a range. */
function withPorts(address: Address, lastPort: number): Address[] {
  if (address.family === "unix") return [address];
  const out: Address[] = [];
  for (let port = address.port; port <= lastPort; port++) out.push({ ...address, port });
  return out;
}

function addAddresses(
  own: { listens: ServerListen[] },
  addresses: readonly Address[],
  site: DirectiveSite,
): ConfigFault | undefined {
  const state: Mutable = { ...NO_PARAMETERS };
  for (const parameter of site.statement.args.slice(1)) {
    const fault = applyParameter(state, parameter, site);
    if (fault !== undefined) return fault;
  }
  for (const address of addresses) {
    const fault = takeAddress(own, address, state, site);
    if (fault !== undefined) return fault;
    const { options, set, bind, defaultServer, proxyProtocol, tls } = state;
    own.listens.push({ address, options, set, bind, defaultServer, proxyProtocol, tls, statement: site.statement });
  }
  return undefined;
}

/** What the `listen` lines read so far have said about one address. */
interface AddressUse {
  /** Settings of the servers that listen there. */
  readonly servers: Set<object>;
  set: boolean;
  defaultServer: boolean;
  protocols: ListenProtocols;
}

const addressUses = perLoad<Map<string, AddressUse>>(() => new Map());

function protocolBits(state: Mutable): number {
  return (state.proxyProtocol ? 1 : 0) + (state.tls ? 2 : 0) + (state.http2 ? 4 : 0);
}

/** One server names an address once; its options and its default server are said once (ngx_http_add_addresses). */
function takeAddress(own: object, address: Address, state: Mutable, site: DirectiveSite): ConfigFault | undefined {
  const uses = addressUses(site.load);
  const text = addressText(address);
  const use = uses.get(text);
  if (use === undefined) {
    const protocols = new ListenProtocols(protocolBits(state));
    uses.set(text, { servers: new Set([own]), set: state.set, defaultServer: state.defaultServer, protocols });
    return undefined;
  }
  if (use.servers.has(own)) return new ConfigFault(`a duplicate listen ${text}`);
  if (state.set && use.set) return new ConfigFault(`duplicate listen options for ${text}`);
  if (state.defaultServer && use.defaultServer) return new ConfigFault(`a duplicate default server for ${text}`);
  use.servers.add(own);
  if (use.protocols.redefinedBy(protocolBits(state), state.set, use.set)) {
    site.load.warn(site.statement, `protocol options redefined for ${text}`);
  }
  use.set ||= state.set;
  use.defaultServer ||= state.defaultServer;
  return undefined;
}

/** A server without `listen` uses port 80, or 8000 when not started by root. */
export function defaultListen(statement: Statement | undefined): ServerListen {
  const port = process.getuid?.() === 0 ? 80 : 8000;
  const address = inetAddress("0.0.0.0", port);
  return { address, ...NO_PARAMETERS, statement };
}

function applyParameter(state: Mutable, parameter: string, site: DirectiveSite): ConfigFault | undefined {
  const equals = parameter.indexOf("=");
  if (equals >= 0) return applyValue(state, parameter, parameter.slice(0, equals), parameter.slice(equals + 1), site);
  switch (parameter) {
    case "default_server":
    case "default":
      state.defaultServer = true;
      return undefined;
    case "bind":
      return setSocket(state, {});
    case "deferred":
      return setSocket(state, { deferred: true });
    case "reuseport":
      return setSocket(state, { reuseport: true });
    case "proxy_protocol":
      state.proxyProtocol = true;
      return undefined;
    case "ssl":
      state.tls = true;
      return undefined;
    case "http2":
      state.http2 = true;
      site.load.warn(site.statement, `the "http2" parameter of "listen" ignored: ${NO_HTTP2}`);
      return undefined;
    default: {
      const reason = NOT_HERE[parameter];
      if (reason === undefined) return invalidParameter(parameter);
      return new ConfigFault(`the "${parameter}" parameter of "${site.statement.name}" cannot be used: ${reason}`);
    }
  }
}

/** A parameter that the socket is made with: the address gets a socket of its own. */
function setSocket(state: Mutable, change: Partial<ListenOptions>): undefined {
  state.options = { ...state.options, ...change };
  state.set = true;
  state.bind = true;
}

function applyValue(
  state: Mutable,
  parameter: string,
  name: string,
  value: string,
  site: DirectiveSite,
): ConfigFault | undefined {
  switch (name) {
    case "backlog": {
      const backlog = parseInteger(value);
      if (backlog === undefined || backlog === 0) return new ConfigFault(`invalid backlog "${parameter}"`);
      return setSocket(state, { backlog });
    }
    case "rcvbuf":
    case "sndbuf": {
      const bytes = parseSize(value);
      if (bytes === undefined) return new ConfigFault(`invalid ${name} "${parameter}"`);
      return setSocket(state, name === "rcvbuf" ? { rcvbufBytes: bytes } : { sndbufBytes: bytes });
    }
    case "fastopen": {
      const fastopen = parseInteger(value);
      if (fastopen === undefined) return new ConfigFault(`invalid fastopen "${parameter}"`);
      return setSocket(state, { fastopen });
    }
    case "ipv6only":
      if (!value.startsWith("o")) return invalidParameter(parameter);
      if (value !== "on" && value !== "off") return new ConfigFault(`invalid ipv6only flags "${value}"`);
      return setSocket(state, { ipv6only: value === "on" });
    case "so_keepalive": {
      const keepAlive = parseKeepAlive(value);
      if (keepAlive === undefined) return new ConfigFault(`invalid so_keepalive value: "${value}"`);
      return setSocket(state, { keepAlive });
    }
    case "accept_filter":
      site.load.warn(site.statement, `accept filters "${parameter}" are not supported on this platform, ignored`);
      return undefined;
    default:
      return invalidParameter(parameter);
  }
}

/** `on`, `off` or `idle:interval:count` with any of the three left out or 0. */
function parseKeepAlive(text: string): KeepAlive | undefined {
  if (text === "on") return { on: true };
  if (text === "off") return { on: false };
  const [idle = "", interval = "", count = "", more] = text.split(":");
  if (more !== undefined) return undefined;
  const idleSeconds = idle === "" ? 0 : parseSeconds(idle);
  const intervalSeconds = interval === "" ? 0 : parseSeconds(interval);
  const probes = count === "" ? 0 : parseInteger(count);
  if (idleSeconds === undefined || intervalSeconds === undefined || probes === undefined) return undefined;
  if (idleSeconds === 0 && intervalSeconds === 0 && probes === 0) return undefined;
  const given = (value: number): number | undefined => (value === 0 ? undefined : value);
  return { on: true, idleSeconds: given(idleSeconds), intervalSeconds: given(intervalSeconds), count: given(probes) };
}

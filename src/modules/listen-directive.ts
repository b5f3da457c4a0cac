/** `listen`: addresses and socket options of a server (ngx_http_core_listen, ngx_http_add_listen). */
import { ConfigFault, type DirectiveSite, invalidParameter } from "../config/directive.ts";
import { perLoad } from "../config/load-context.ts";
import type { Statement } from "../config/syntax.ts";
import { parseInteger, parseSeconds, parseSize } from "../config/units.ts";
import { type Address, addressText, inetAddress, parseAddress } from "../net/address.ts";
import { defaultListenOptions, type KeepAlive, type ListenOptions } from "../net/listen.ts";
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
  readonly statement: Statement | undefined;
}

/** Parameters that belong to parts of nginx that are not here yet: refused with the reason. */
const NOT_HERE: Readonly<Record<string, string>> = {
  ssl: "TLS is not supported yet",
  http2: "HTTP/2 is not supported yet",
  quic: "HTTP/3 is not supported",
  multipath: "Multipath TCP is not supported",
};

interface Mutable {
  options: ListenOptions;
  set: boolean;
  bind: boolean;
  defaultServer: boolean;
  proxyProtocol: boolean;
}

const NO_PARAMETERS = {
  options: defaultListenOptions,
  set: false,
  bind: false,
  defaultServer: false,
  proxyProtocol: false,
};

/** Adds the addresses of a `listen` line to its server. */
export function applyListen(own: { listens: ServerListen[] }, site: DirectiveSite): ConfigFault | undefined {
  const [text = "", ...parameters] = site.statement.args;
  const addresses = listenAddresses(text, site);
  if (addresses instanceof ConfigFault) return addresses;
  const state: Mutable = { ...NO_PARAMETERS };
  for (const parameter of parameters) {
    const fault = applyParameter(state, parameter, addresses[0]!, site);
    if (fault !== undefined) return fault;
  }
  for (const address of addresses) {
    const fault = takeAddress(own, address, state, site);
    if (fault !== undefined) return fault;
    own.listens.push({ address, ...state, statement: site.statement });
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
  return state.proxyProtocol ? 1 : 0;
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

function listenAddresses(text: string, site: DirectiveSite): Address[] | ConfigFault {
  const parsed = parseAddress(text, { listen: true, uriPart: false, defaultPort: 80 });
  if ("fault" in parsed)
    return new ConfigFault(`${parsed.fault} in "${text}" of the "${site.statement.name}" directive`);
  const { address } = parsed;
  if (address === undefined) {
    return new ConfigFault(`host not found in "${text}" of the "${site.statement.name}" directive`);
  }
  if (address.family === "unix") return [address];
  const out: Address[] = [];
  for (let port = parsed.port; port <= parsed.lastPort; port++) out.push({ ...address, port });
  return out;
}

function applyParameter(
  state: Mutable,
  parameter: string,
  address: Address,
  site: DirectiveSite,
): ConfigFault | undefined {
  const equals = parameter.indexOf("=");
  const name = equals < 0 ? parameter : parameter.slice(0, equals);
  const value = equals < 0 ? undefined : parameter.slice(equals + 1);
  const socket = (change: Partial<ListenOptions>): undefined => {
    state.options = { ...state.options, ...change };
    state.set = true;
    state.bind = true;
  };
  switch (name) {
    case "default_server":
    case "default":
      if (value !== undefined) break;
      state.defaultServer = true;
      return undefined;
    case "proxy_protocol":
      if (value !== undefined) break;
      state.proxyProtocol = true;
      return undefined;
    case "bind":
      if (value !== undefined) break;
      return socket({});
    case "backlog": {
      const backlog = parseInteger(value ?? "");
      if (backlog === undefined || backlog === 0) return new ConfigFault(`invalid backlog "${value}"`);
      return socket({ backlog });
    }
    case "rcvbuf":
    case "sndbuf": {
      const bytes = parseSize(value ?? "");
      if (bytes === undefined || bytes === 0) return new ConfigFault(`invalid ${name} "${value}"`);
      return socket(name === "rcvbuf" ? { rcvbufBytes: bytes } : { sndbufBytes: bytes });
    }
    case "fastopen": {
      const fastopen = parseInteger(value ?? "");
      if (fastopen === undefined) return new ConfigFault(`invalid fastopen "${value}"`);
      return socket({ fastopen });
    }
    case "deferred":
      if (value !== undefined) break;
      return socket({ deferred: true });
    case "reuseport":
      if (value !== undefined) break;
      return socket({ reuseport: true });
    case "ipv6only":
      if (value !== "on" && value !== "off") return new ConfigFault(`invalid ipv6only flags "${value}"`);
      if (address.family !== "inet6") {
        return new ConfigFault(`ipv6only is not supported on addr "${addressText(address)}"`);
      }
      return socket({ ipv6only: value === "on" });
    case "so_keepalive": {
      const keepAlive = parseKeepAlive(value ?? "");
      if (keepAlive === undefined) return new ConfigFault(`invalid so_keepalive value: "${value}"`);
      return socket({ keepAlive });
    }
    case "setfib":
    case "accept_filter":
      return new ConfigFault(`${name} "${value}" is not supported on this platform`);
    default:
      break;
  }
  const reason = NOT_HERE[name];
  if (reason !== undefined)
    return new ConfigFault(`the "${name}" parameter of "${site.statement.name}" cannot be used: ${reason}`);
  return invalidParameter(parameter);
}

/** `on`, `off` or `idle:interval:count` with any of the three left out. */
function parseKeepAlive(text: string): KeepAlive | undefined {
  if (text === "on") return { on: true };
  if (text === "off") return { on: false };
  const [idle = "", interval = "", count = "", more] = text.split(":");
  if (more !== undefined || !text.includes(":")) return undefined;
  const idleSeconds = idle === "" ? undefined : parseSeconds(idle);
  const intervalSeconds = interval === "" ? undefined : parseSeconds(interval);
  const probes = count === "" ? undefined : parseInteger(count);
  if (idle !== "" && !idleSeconds) return undefined;
  if (interval !== "" && !intervalSeconds) return undefined;
  if (count !== "" && !probes) return undefined;
  if (idleSeconds === undefined && intervalSeconds === undefined && probes === undefined) return undefined;
  return { on: true, idleSeconds, intervalSeconds, count: probes };
}

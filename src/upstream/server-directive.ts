/** The `server` directive of an `upstream` block. */
import { ConfigFault, type DirectiveSite, invalidParameter } from "../config/directive.ts";
import { parseInteger, parseSeconds } from "../config/units.ts";
import { type ParsedAddress, parseAddress } from "../net/address.ts";
import { DEFAULT_PEER_OPTIONS, type PeerOptions } from "./peer.ts";
import { ipPeerAddress, type Upstream, type UpstreamServer, unixPeerAddress } from "./upstream.ts";

/** Parameters of current nginx that are not there yet: refused by name, so that nobody believes they work. */
const NOT_IMPLEMENTED = /^(?:resolve$|service=|route=|slow_start=)/;

/** The port of a `server` that names none, and of nothing else: `https` changes it nowhere in nginx. */
const DEFAULT_PORT = 80;

interface MutableOptions extends PeerOptions {
  weight: number;
  maxConns: number;
  maxFails: number;
  failTimeoutMs: number;
  backup: boolean;
  down: boolean;
  draining: boolean;
}

/** Reads one parameter into `options`; false where its value or name is not valid. */
function readParameter(text: string, options: MutableOptions): boolean {
  const equals = text.indexOf("=");
  const value = equals < 0 ? "" : text.slice(equals + 1);
  switch (equals < 0 ? text : text.slice(0, equals + 1)) {
    case "weight=":
      options.weight = parseInteger(value) ?? 0;
      return options.weight > 0;
    case "max_conns=":
      options.maxConns = parseInteger(value) ?? -1;
      return options.maxConns >= 0;
    case "max_fails=":
      options.maxFails = parseInteger(value) ?? -1;
      return options.maxFails >= 0;
    case "fail_timeout=":
      options.failTimeoutMs = (parseSeconds(value) ?? -1) * 1000;
      return options.failTimeoutMs >= 0;
    case "backup":
      options.backup = true;
      return true;
    case "down":
      options.down = true;
      return true;
    case "drain":
      options.draining = true;
      return true;
    default:
      return false;
  }
}

/** `server ADDRESS [weight=] [max_conns=] [max_fails=] [fail_timeout=] [backup] [down] [drain]`. */
export function applyServer(upstream: Upstream, site: DirectiveSite): ConfigFault | undefined {
  const [text = "", ...parameters] = site.statement.args;
  const options: MutableOptions = { ...DEFAULT_PEER_OPTIONS };
  for (const parameter of parameters) {
    if (NOT_IMPLEMENTED.test(parameter)) {
      return new ConfigFault(`parameter "${parameter}" of "server" is not implemented by hopway`);
    }
    if (upstream.method.refuses.includes(parameter)) {
      return new ConfigFault(`balancing method does not support parameter "${parameter}"`);
    }
    if (!readParameter(parameter, options)) return invalidParameter(parameter);
  }
  const parsed = parseAddress(text, { listen: false, uriPart: false, defaultPort: DEFAULT_PORT });
  if ("fault" in parsed) return new ConfigFault(`${parsed.fault} in upstream "${text}"`);
  const server: UpstreamServer = { text, options, addresses: [] };
  upstream.servers.push(server);
  resolveServer(server, parsed, site);
  return undefined;
}

function resolveServer(server: UpstreamServer, parsed: ParsedAddress, site: DirectiveSite): void {
  const { address, host, port } = parsed;
  if (address !== undefined) {
    server.addresses = [address.family === "unix" ? unixPeerAddress(address.path) : ipPeerAddress(address.host, port)];
    return;
  }
  const { load, statement } = site;
  load.pending.push(
    load.hosts.lookup(host).then((ips) => {
      server.addresses = ips.map((ip) => ipPeerAddress(ip, port));
      if (ips.length === 0) load.fail(statement, `host not found in upstream "${server.text}"`);
    }),
  );
}

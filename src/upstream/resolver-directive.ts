/** The `resolver` directive; http core has it in its table. */
import { type ArgumentType, atLeast, ConfigFault, type DirectiveSite } from "../config/directive.ts";
import { parseSeconds } from "../config/units.ts";
import { addressText, inetAddress, parseAddress } from "../net/address.ts";
import { NameResolver } from "./resolver.ts";

const DNS_PORT = 53;

/** `resolver ADDRESS ... [valid=TIME] [ipv4=on|off] [ipv6=on|off] [status_zone=NAME]` (ngx_resolver_create). */
export const resolverArgument: ArgumentType<NameResolver | undefined> = {
  arity: atLeast(1),
  fallback: undefined,
  parse: parseResolver,
};

function parseResolver(args: readonly string[], site: DirectiveSite): NameResolver | ConfigFault {
  const named: NamedServer[] = [];
  let validMs: number | undefined;
  let ipv4 = true;
  let ipv6 = true;
  for (const arg of args) {
    const refused = new ConfigFault(`invalid parameter: ${arg}`);
    if (arg.startsWith("valid=")) {
      const seconds = parseSeconds(arg.slice("valid=".length));
      if (seconds === undefined) return refused;
      validMs = seconds * 1000;
    } else if (arg.startsWith("ipv4=") || arg.startsWith("ipv6=")) {
      const value = arg.slice("ipv4=".length);
      if (value !== "on" && value !== "off") return refused;
      if (arg.startsWith("ipv4=")) ipv4 = value === "on";
      else ipv6 = value === "on";
    } else if (!arg.startsWith("status_zone=")) {
      const server = readServer(arg, site);
      if (server instanceof ConfigFault) return server;
      named.push(server);
    }
  }
  if (named.length === 0) return new ConfigFault("no name servers defined");
  if (!ipv4 && !ipv6) return new ConfigFault('"ipv4" and "ipv6" cannot both be "off"');
  const servers: string[] = [];
  site.load.pending.push(collectServers(named, servers, site));
  return new NameResolver({ servers, validMs, ipv4, ipv6 });
}

/** A name server as written, and its addresses: those of a host name come later. */
interface NamedServer {
  readonly text: string;
  readonly addresses: readonly string[] | Promise<readonly string[]>;
}

/** Fills in the addresses in the order of the directive; the first name that is not found is reported. */
async function collectServers(named: readonly NamedServer[], servers: string[], site: DirectiveSite): Promise<void> {
  for (const { text, addresses } of named) {
    const found = await addresses;
    if (found.length === 0) {
      site.load.fail(site.statement, `host not found in resolver "${text}"`);
      return;
    }
    servers.push(...found);
  }
}

function readServer(text: string, site: DirectiveSite): NamedServer | ConfigFault {
  const parsed = parseAddress(text, { listen: false, uriPart: false, defaultPort: DNS_PORT });
  if ("fault" in parsed) return new ConfigFault(`${parsed.fault} in resolver "${text}"`);
  const { address, host, port } = parsed;
  if (address?.family === "unix") return new ConfigFault(`Unix sockets are not supported in resolver "${text}"`);
  if (address !== undefined) return { text, addresses: [addressText(address)] };
  const lookup = site.load.hosts.lookup(host);
  return { text, addresses: lookup.then((ips) => ips.map((ip) => addressText(inetAddress(ip, port)))) };
}

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
  const servers: string[] = [];
  let anyServer = false;
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
      anyServer = true;
      const fault = addServer(arg, servers, site);
      if (fault !== undefined) return fault;
    }
  }
  if (!anyServer) return new ConfigFault("no name servers defined");
  if (!ipv4 && !ipv6) return new ConfigFault('"ipv4" and "ipv6" cannot both be "off"');
  return new NameResolver({ servers, validMs, ipv4, ipv6 });
}

/** Adds a name server's addresses to `servers`; a name's are looked up before the load ends. */
function addServer(text: string, servers: string[], site: DirectiveSite): ConfigFault | undefined {
  const parsed = parseAddress(text, { listen: false, uriPart: false, defaultPort: DNS_PORT });
  if ("fault" in parsed) return new ConfigFault(`${parsed.fault} in resolver "${text}"`);
  const { address, host, port } = parsed;
  if (address?.family === "unix") return new ConfigFault(`Unix sockets are not supported in resolver "${text}"`);
  if (address !== undefined) {
    servers.push(addressText(address));
    return undefined;
  }
  const { load, statement } = site;
  load.pending.push(
    load.hosts.lookup(host).then((ips) => {
      for (const ip of ips) servers.push(addressText(inetAddress(ip, port)));
      if (ips.length === 0) load.fail(statement, `host not found in resolver "${text}"`);
    }),
  );
  return undefined;
}

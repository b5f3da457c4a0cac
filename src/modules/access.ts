/** `allow` and `deny` (ngx_http_access_module). */
import {
  ConfigFault,
  type DirectiveSite,
  exactly,
  HTTP_SERVER_LOCATION,
  invalidParameter,
  LIMIT_EXCEPT,
  Module,
} from "../config/directive.ts";
import { phaseHandlers } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { DECLINED, OK } from "../http/verdict.ts";
import { parseIPv4, parseIPv6 } from "../net/address.ts";
import { ERR } from "../net/error-log.ts";

const FORBIDDEN = 403;
const IPV4_BYTES = 4;
const IPV6_BYTES = 16;

/** Addresses whose first `bits` bits are those of `bytes`: a client's own address must have the same length. */
interface Network {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

interface Rule {
  readonly allow: boolean;
  readonly network: Network | "all" | "unix";
}

interface AccessSettings {
  rules: Rule[] | undefined;
}

/** Reads `10.0.0.0/8`, `2001:db8::/32` or an address; warns where bits beyond the mask are set (ngx_ptocidr). */
function parseNetwork(text: string, site: DirectiveSite): Network | ConfigFault {
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const bytes = parseIPv4(address) ?? parseIPv6(address);
  if (bytes === undefined) return invalidParameter(text);
  const all = bytes.length * 8;
  if (slash < 0) return { bytes, bits: all };
  const mask = text.slice(slash + 1);
  const bits = Number(mask);
  if (!/^[0-9]+$/.test(mask) || bits > all) return invalidParameter(text);
  const network = Uint8Array.from(bytes, (byte, i) => byte & maskByte(bits, i));
  if (network.some((byte, i) => byte !== bytes[i])) {
    site.load.warn(site.statement, `low address bits of ${text} are meaningless`);
  }
  return { bytes: network, bits };
}

/** Byte `index` of a mask with `bits` leading ones. */
function maskByte(bits: number, index: number): number {
  const ones = Math.min(8, Math.max(0, bits - index * 8));
  return (0xff << (8 - ones)) & 0xff;
}

function addRule(own: AccessSettings, site: DirectiveSite): ConfigFault | undefined {
  const text = site.statement.args[0] ?? "";
  const network = text === "all" ? "all" : text === "unix:" ? "unix" : parseNetwork(text, site);
  if (network instanceof ConfigFault) return network;
  own.rules ??= [];
  own.rules.push({ allow: site.statement.name === "allow", network });
  return undefined;
}

function contains(network: Network, address: Uint8Array): boolean {
  const { bytes, bits } = network;
  if (bytes.length !== address.length) return false;
  for (let i = 0; i < bytes.length && i * 8 < bits; i++) {
    if ((address[i]! & maskByte(bits, i)) !== bytes[i]) return false;
  }
  return true;
}

/** The client's address in binary, IPv4 also where it came over IPv6; undefined for a unix socket. */
function clientAddress(r: Request): Uint8Array | undefined {
  const text = r.connection.remoteAddress;
  const bytes = parseIPv4(text) ?? parseIPv6(text);
  if (bytes === undefined || bytes.length === IPV4_BYTES) return bytes;
  const mapped = bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  return mapped ? bytes.subarray(IPV6_BYTES - IPV4_BYTES) : bytes;
}

function accessHandler(r: Request): number {
  const { rules } = accessModule.of(r.location);
  if (rules === undefined) return DECLINED;
  const address = clientAddress(r);
  for (const { allow, network } of rules) {
    const matches =
      network === "all" ||
      (network === "unix" ? address === undefined : address !== undefined && contains(network, address));
    if (!matches) continue;
    if (allow) return OK;
    if (r.location.core.satisfy === "all") r.log(ERR, "access forbidden by rule");
    return FORBIDDEN;
  }
  return DECLINED;
}

function row(name: "allow" | "deny", doc: string) {
  return { name, in: HTTP_SERVER_LOCATION | LIMIT_EXCEPT, arity: exactly(1), doc, apply: addRule };
}

export const accessModule: Module<AccessSettings> = new Module<AccessSettings>({
  name: "http_access",
  directives: [
    row("allow", "Lets clients of an address or network in; the first rule that fits decides."),
    row("deny", "Refuses clients of an address or network."),
  ],
  create: () => ({ rules: undefined }),
  merge(own, outer) {
    own.rules ??= outer?.rules;
    return undefined;
  },
  register: (load) => {
    phaseHandlers(load).access.push(accessHandler);
  },
});

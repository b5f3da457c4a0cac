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
import { type Cidr, inNetwork, parseCidr, plainBytes } from "../net/cidr.ts";
import { ERR } from "../net/error-log.ts";

const FORBIDDEN = 403;
interface Rule {
  readonly allow: boolean;
  readonly network: Cidr | "all" | "unix";
}

interface AccessSettings {
  rules: Rule[] | undefined;
}

/** Reads a network or an address; warns where bits beyond the mask are set. */
function parseNetwork(text: string, site: DirectiveSite): Cidr | ConfigFault {
  const network = parseCidr(text);
  if (network === undefined) return invalidParameter(text);
  if (network.lowBitsSet) site.load.warn(site.statement, `low address bits of ${text} are meaningless`);
  return network;
}

function addRule(own: AccessSettings, site: DirectiveSite): ConfigFault | undefined {
  const text = site.statement.args[0] ?? "";
  const network = text === "all" ? "all" : text === "unix:" ? "unix" : parseNetwork(text, site);
  if (network instanceof ConfigFault) return network;
  own.rules ??= [];
  own.rules.push({ allow: site.statement.name === "allow", network });
  return undefined;
}

/** The client's address in binary, IPv4 also where it came over IPv6; undefined for a unix socket. */
function clientAddress(r: Request): Uint8Array | undefined {
  const text = r.connection.remoteAddress;
  const bytes = parseIPv4(text) ?? parseIPv6(text);
  return bytes === undefined ? undefined : plainBytes(bytes);
}

function accessHandler(r: Request): number {
  const { rules } = accessModule.of(r.location);
  if (rules === undefined) return DECLINED;
  const address = clientAddress(r);
  for (const { allow, network } of rules) {
    const matches =
      network === "all" ||
      (network === "unix" ? address === undefined : address !== undefined && inNetwork(address, network));
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

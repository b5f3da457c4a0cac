/** `allow` and `deny` (ngx_http_access_module). */
import {
  type ConfigFault,
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
import { type Cidr, inNetwork, readCidr } from "../net/cidr.ts";
import { ERR } from "../net/error-log.ts";

const FORBIDDEN = 403;

interface Rule {
  readonly allow: boolean;
  readonly network: Cidr | "all" | "unix";
}

interface AccessSettings {
  rules: Rule[] | undefined;
}

function addRule(own: AccessSettings, site: DirectiveSite): ConfigFault | undefined {
  const text = site.statement.args[0] ?? "";
  const network = text === "all" ? "all" : text === "unix:" ? "unix" : readCidr(text, site);
  if (network === undefined) return invalidParameter(text);
  own.rules ??= [];
  own.rules.push({ allow: site.statement.name === "allow", network });
  return undefined;
}

function accessHandler(r: Request): number {
  const { rules } = accessModule.of(r.location);
  if (rules === undefined) return DECLINED;
  const address = r.clientAddress();
  const isUnix = address.length === 0;
  for (const { allow, network } of rules) {
    const matches = network === "all" || (network === "unix" ? isUnix : inNetwork(address, network));
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

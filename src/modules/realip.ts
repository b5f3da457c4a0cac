/** The client's address as proxies in front of this one report it (ngx_http_realip_module.c). */
import { flag } from "../config/arguments.ts";
import {
  type ArgumentType,
  type Directive,
  type DirectiveSite,
  exactly,
  HTTP_SERVER_LOCATION,
  Module,
} from "../config/directive.ts";
import { forwardedAddress } from "../http/forwarded-address.ts";
import { asciiLowerCase } from "../http/header-list.ts";
import { phaseHandlers } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { DECLINED } from "../http/verdict.ts";
import { formatIPv6 } from "../net/address.ts";
import { type Cidr, parseCidr, readCidr } from "../net/cidr.ts";
import { variables } from "../template/variables.ts";

/** What the address is read from. */
type AddressSource =
  /** The first field of that name. */
  | { readonly kind: "first"; readonly key: string }
  /** All fields of that name, as one list. */
  | { readonly kind: "all"; readonly key: string }
  | { readonly kind: "proxy_protocol" };

/** The trusted proxies of one level. */
interface From {
  readonly networks: Cidr[];
  unix: boolean;
}

interface RealipSettings {
  from: From | undefined;
  source: AddressSource | undefined;
  recursive: boolean | undefined;
}

const X_REAL_IP: AddressSource = { kind: "first", key: "x-real-ip" };

const addressSource: ArgumentType<AddressSource> = {
  arity: exactly(1),
  fallback: X_REAL_IP,
  parse([name = ""]) {
    // Written in another case, the two names below mean a field like any other, as in nginx.
    if (name === "X-Forwarded-For") return { kind: "all", key: "x-forwarded-for" };
    if (name === "proxy_protocol") return { kind: "proxy_protocol" };
    return { kind: "first", key: asciiLowerCase(name) };
  },
};

function addFrom(own: RealipSettings, site: DirectiveSite): undefined {
  const { load, statement } = site;
  const [text = ""] = statement.args;
  own.from ??= { networks: [], unix: false };
  const { from } = own;
  addHandlers(site);
  if (text === "unix:") {
    from.unix = true;
    return;
  }
  const network = readCidr(text, site);
  if (network !== undefined) {
    from.networks.push(network);
    return;
  }
  load.pending.push(
    load.hosts.lookup(text).then((ips) => {
      if (ips.length === 0) load.fail(statement, `host not found in set_real_ip_from "${text}"`);
      for (const ip of ips) {
        const found = parseCidr(ip);
        if (found !== undefined) from.networks.push(found);
      }
    }),
  );
}

/** Only a configuration that trusts somebody pays for the handler. It runs before the limits, which look at its result. */
function addHandlers(site: DirectiveSite): void {
  const handlers = phaseHandlers(site.load);
  if (handlers.postRead.includes(realipHandler)) return;
  handlers.postRead.push(realipHandler);
  handlers.preAccess.unshift(realipHandler);
}

function realipHandler(r: Request): number {
  if (r.realClient !== undefined) return DECLINED;
  const { from, source, recursive } = realip.of(r.location);
  if (from === undefined) return DECLINED;
  const reports = reportsOf(r, source ?? X_REAL_IP);
  if (reports.length === 0) return DECLINED;
  const found = forwardedAddress(r.connection.clientAddress(), reports, from, recursive === true);
  if (found === undefined) return DECLINED;
  const { bytes } = found;
  r.realClient = {
    address: bytes.length === 4 ? bytes.join(".") : formatIPv6(bytes),
    port: source?.kind === "proxy_protocol" ? (r.connection.proxyHeader?.sourcePort ?? 0) : found.port,
    bytes,
  };
  return DECLINED;
}

const NO_REPORTS: readonly string[] = [];

/** The texts that hold addresses. */
function reportsOf(r: Request, source: AddressSource): readonly string[] {
  switch (source.kind) {
    case "all":
      return r.headers.getAll(source.key);
    case "first": {
      const value = r.headers.get(source.key);
      return value === undefined ? NO_REPORTS : [value];
    }
    case "proxy_protocol": {
      const header = r.connection.proxyHeader;
      return header === undefined ? NO_REPORTS : [header.sourceAddress];
    }
  }
}

const directives: readonly Directive<RealipSettings>[] = [
  {
    name: "set_real_ip_from",
    in: HTTP_SERVER_LOCATION,
    arity: exactly(1),
    doc: "An address, network, host name or `unix:` whose word is taken for the client's address.",
    apply: addFrom,
  },
  {
    name: "real_ip_header",
    in: HTTP_SERVER_LOCATION,
    arg: addressSource,
    set: "source",
    doc: "The request field, or `proxy_protocol`, that holds the client's address.",
  },
  {
    name: "real_ip_recursive",
    in: HTTP_SERVER_LOCATION,
    arg: flag(false),
    set: "recursive",
    doc: "Goes back past all trusted addresses in the field, not only past the last one.",
  },
];

export const realip: Module<RealipSettings> = new Module<RealipSettings>({
  name: "http_realip",
  directives,
  create: () => ({ from: undefined, source: undefined, recursive: undefined }),
  merge(own, outer) {
    own.from ??= outer?.from;
    return undefined;
  },
  register: (load) =>
    variables(load).provide([
      { name: "realip_remote_addr", get: (r) => r.connection.remoteAddress },
      {
        name: "realip_remote_port",
        get: (r) => (r.connection.remotePort === 0 ? "" : String(r.connection.remotePort)),
      },
    ]),
});

/** nginx's geo module: a variable that depends on an address (ngx_http_geo_module.c). */
import { between, ConfigFault, type Directive, type DirectiveSite, HTTP, Module } from "../config/directive.ts";
import type { Statement } from "../config/syntax.ts";
import { forwardedAddress, type TrustedProxies } from "../http/forwarded-address.ts";
import type { Request } from "../http/request.ts";
import { parseIPv4, parseIPv6 } from "../net/address.ts";
import { type Cidr, plainBytes, readCidr } from "../net/cidr.ts";
import { defineComputed, definedName } from "../template/cached-variable.ts";
import { type VariableGet, variables } from "../template/variables.ts";
import { Networks, numberOf } from "./geo-networks.ts";
import { AddressRanges } from "./geo-ranges.ts";

/** What stands for an address that is none: unix sockets, IPv6 among IPv4 ranges. */
const NO_ADDRESS = new Uint8Array([255, 255, 255, 255]);
const LAST_ADDRESS = 0xffffffff;
const ANY_IPV4 = new Uint8Array(4);
const ANY_IPV6 = new Uint8Array(16);

class GeoTable {
  /** Set by the first entry: from then on `ranges` comes too late. */
  begun = false;
  ranges: AddressRanges<string> | undefined = undefined;
  rangeDefault: string | undefined = undefined;
  readonly networks = new Networks<string>();
  readonly proxies: Cidr[] = [];
  recursive = false;

  lookup(address: Uint8Array): string {
    if (this.ranges === undefined) return this.networks.find(address) ?? "";
    const plain = plainBytes(address);
    const bytes = plain.length === 4 ? plain : NO_ADDRESS;
    return this.ranges.find(numberOf(bytes)) ?? this.rangeDefault ?? "";
  }
}

function addEntry(table: GeoTable, entry: Statement, site: DirectiveSite): ConfigFault | undefined {
  const { name: key, args } = entry;
  const [value] = args;
  if (value === undefined && key === "ranges") {
    if (table.begun) return new ConfigFault('the "ranges" directive must be the first directive inside "geo" block');
    table.ranges = new AddressRanges();
    return undefined;
  }
  if (value === undefined && key === "proxy_recursive") {
    table.recursive = true;
    return undefined;
  }
  if (value === undefined || args.length !== 1) return new ConfigFault("invalid number of the geo parameters");
  if (key === "proxy") {
    const proxy = network(value, site);
    if (proxy instanceof ConfigFault) return proxy;
    table.proxies.push(proxy);
    return undefined;
  }
  if (table.ranges !== undefined) return addRange(table, table.ranges, key, value, site);
  table.begun = true;
  return addNetwork(table.networks, key, value, site);
}

function network(text: string, site: DirectiveSite): Cidr | ConfigFault {
  return readCidr(text, site) ?? new ConfigFault(`invalid network "${text}"`);
}

function addNetwork(
  networks: Networks<string>,
  key: string,
  value: string,
  site: DirectiveSite,
): ConfigFault | undefined {
  const set = (bytes: Uint8Array, prefixBits: number): void => {
    const old = networks.set(bytes, prefixBits, value);
    if (old === undefined) return;
    site.load.warn(site.statement, `duplicate network "${key}", value: "${value}", old value: "${old}"`);
  };
  if (key === "default") {
    set(ANY_IPV4, 0);
    set(ANY_IPV6, 0);
    return undefined;
  }
  const deletes = key === "delete";
  const cidr = network(deletes ? value : key, site);
  if (cidr instanceof ConfigFault) return cidr;
  if (!deletes) set(cidr.bytes, cidr.prefixBits);
  else if (!networks.delete(cidr.bytes, cidr.prefixBits)) {
    site.load.warn(site.statement, `no network "${value}" to delete`);
  }
  return undefined;
}

function addRange(
  table: GeoTable,
  ranges: AddressRanges<string>,
  key: string,
  value: string,
  site: DirectiveSite,
): ConfigFault | undefined {
  if (key === "default") {
    const old = table.rangeDefault;
    if (old !== undefined) {
      site.load.warn(site.statement, `duplicate default geo range value: "${value}", old value: "${old}"`);
    }
    table.rangeDefault = value;
    return undefined;
  }
  const text = key === "delete" ? value : key;
  const ends = parseRange(text);
  if (ends === undefined) return new ConfigFault(`invalid range "${text}"`);
  if (key === "delete") {
    if (!ranges.delete(ends.start, ends.end)) {
      site.load.warn(site.statement, `no address range "${text}" to delete`);
    }
    return undefined;
  }
  const outcome = ranges.add(ends.start, ends.end, value);
  if (outcome.kind === "overlap") {
    return new ConfigFault(`range "${text}" overlaps "${dotted(outcome.start)}-${dotted(outcome.end)}"`);
  }
  if (outcome.kind === "replaced") {
    const { old } = outcome;
    site.load.warn(site.statement, `duplicate range "${text}", value: "${value}", old value: "${old}"`);
  }
  return undefined;
}

function parseRange(text: string): { readonly start: number; readonly end: number } | undefined {
  const dash = text.indexOf("-");
  if (dash < 0) return undefined;
  const first = parseIPv4(text.slice(0, dash));
  const last = parseIPv4(text.slice(dash + 1));
  if (first === undefined || last === undefined) return undefined;
  const start = numberOf(first);
  const end = numberOf(last);
  // nginx takes the last address of all for an error.
  return start > end || end === LAST_ADDRESS ? undefined : { start, end };
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** The client's address, or the one in the text of a variable; undefined where that is no address. */
function addressOf(r: Request, source: VariableGet | undefined): Uint8Array | undefined {
  if (source !== undefined) {
    const text = source(r);
    return text === undefined ? undefined : (parseIPv4(text) ?? parseIPv6(text));
  }
  const client = r.clientAddress();
  return client.length === 0 ? undefined : client;
}

function applyGeo(site: DirectiveSite): ConfigFault | undefined {
  const words = site.statement.args.map(definedName);
  for (const word of words) if (word instanceof ConfigFault) return word;
  const names = words.filter((word) => typeof word === "string");
  const [first = "", second] = names;
  const source = second === undefined ? undefined : variables(site.load).use(first, site.statement);
  const table = new GeoTable();
  for (const entry of site.statement.block ?? []) {
    const fault = addEntry(table, entry, { ...site, statement: entry });
    if (fault !== undefined) site.load.fail(entry, fault.message);
  }
  const proxies: TrustedProxies = { networks: table.proxies, unix: false };
  const compute: VariableGet = (r) => {
    const address = addressOf(r, source && ((request) => source.get(request)));
    if (address === undefined) return table.lookup(NO_ADDRESS);
    if (proxies.networks.length === 0) return table.lookup(address);
    const forwarded = forwardedAddress(address, r.headers.getAll("x-forwarded-for"), proxies, table.recursive);
    return table.lookup(forwarded?.bytes ?? address);
  };
  return defineComputed(site.load, second ?? first, compute, false);
}

const directives: readonly Directive<object>[] = [
  {
    name: "geo",
    in: HTTP,
    arity: between(1, 2),
    entries: true,
    doc: "A variable whose value depends on an address.",
    apply: (_own, site) => applyGeo(site),
  },
];

export const geo: Module = new Module({ name: "http_geo", directives, create: () => ({}) });

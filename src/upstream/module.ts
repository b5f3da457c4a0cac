/** `upstream` blocks: their servers, load balancing methods and keep-alive settings (ngx_http_upstream_module.c). */
import { number, time } from "../config/arguments.ts";
import {
  type ActionRow,
  type ArgumentType,
  atLeast,
  between,
  ConfigFault,
  type DirectiveSite,
  exactly,
  HTTP,
  invalidParameter,
  Module,
  UPSTREAM,
} from "../config/directive.ts";
import { parseInteger, parseSize } from "../config/units.ts";
import { compileTemplate } from "../template/template.ts";
import { MIN_ZONE_BYTES, refuseZonesWithoutSize, zones } from "../zone/zones.ts";
import { consistentHash } from "./consistent-hash.ts";
import { hash } from "./hash.ts";
import { ipHash } from "./ip-hash.ts";
import { leastConn } from "./least-conn.ts";
import { randomChoice } from "./random.ts";
import { applyServer } from "./server-directive.ts";
import { PEER_ZONE, refuseSmallZones } from "./shared-peers.ts";
import { type Method, ROUND_ROBIN, type Upstream } from "./upstream.ts";
import { upstreams } from "./upstream-set.ts";

/** `keepalive N [local]`. */
interface KeepaliveSize {
  readonly size: number;
  readonly local: boolean;
}

/** What an `upstream` block says. Times in ms; undefined until merged. */
export interface UpstreamSettings {
  /** The upstream that the block defines; undefined elsewhere. */
  upstream: Upstream | undefined;
  keepalive: KeepaliveSize | undefined;
  keepaliveRequests: number | undefined;
  keepaliveTimeMs: number | undefined;
  keepaliveTimeoutMs: number | undefined;
}

/** Current nginx keeps connections without being told to, each for the location that opened it. */
const DEFAULT_KEEPALIVE: KeepaliveSize = { size: 32, local: true };

const keepaliveSize: ArgumentType<KeepaliveSize> = {
  arity: between(1, 2),
  fallback: DEFAULT_KEEPALIVE,
  parse([value = "", word], site): KeepaliveSize | ConfigFault {
    const size = parseInteger(value);
    if (size === undefined) {
      return new ConfigFault(`invalid value "${value}" in "${site.statement.name}" directive`);
    }
    if (word !== undefined && word !== "local") return invalidParameter(word);
    return { size, local: word === "local" };
  },
};

/** A directive that chooses the load balancing method of its block. */
type MethodRow = ActionRow<UpstreamSettings>;

function choose(own: UpstreamSettings, site: DirectiveSite, method: Method): void {
  const { upstream } = own;
  if (upstream === undefined) return;
  // keepalive works on the method that stands before it: one after it takes its place, and nginx says so.
  if (upstream.method !== ROUND_ROBIN || own.keepalive !== undefined)
    site.load.warn(site.statement, "load balancing method redefined");
  upstream.method = method;
}

const NO_BACKUP = ["backup"];

const ipHashRow: MethodRow = {
  name: "ip_hash",
  in: UPSTREAM,
  arity: exactly(0),
  doc: "Chooses by the client's address, so that a client stays with its server.",
  apply(own, site) {
    choose(own, site, { refuses: NO_BACKUP, build: ipHash });
    return undefined;
  },
};

const leastConnRow: MethodRow = {
  name: "least_conn",
  in: UPSTREAM,
  arity: exactly(0),
  doc: "Chooses the server with the fewest connections for its weight.",
  apply(own, site) {
    choose(own, site, { refuses: [], build: leastConn });
    return undefined;
  },
};

const hashRow: MethodRow = {
  name: "hash",
  in: UPSTREAM,
  arity: between(1, 2),
  doc: "Chooses by a key; with consistent, few keys move when a server comes or goes.",
  apply(own, site) {
    const [key = "", word] = site.statement.args;
    const template = compileTemplate(key, site);
    if (template instanceof ConfigFault) return template;
    if (word !== undefined && word !== "consistent") return invalidParameter(word);
    choose(own, site, { refuses: NO_BACKUP, build: word === undefined ? hash : consistentHash });
    if (own.upstream !== undefined) own.upstream.hashKey = template;
    return undefined;
  },
};

const randomRow: MethodRow = {
  name: "random",
  in: UPSTREAM,
  arity: between(0, 2),
  doc: "Chooses by chance; with two, the less loaded of two draws.",
  apply(own, site) {
    const [two, among] = site.statement.args;
    if (two !== undefined && two !== "two") return invalidParameter(two);
    if (among?.startsWith("least_time")) {
      return new ConfigFault(`parameter "${among}" of "random" is not implemented by hopway`);
    }
    if (among !== undefined && among !== "least_conn") return invalidParameter(among);
    choose(own, site, {
      refuses: NO_BACKUP,
      build: (group) => randomChoice(group, two !== undefined, Math.random),
    });
    return undefined;
  },
};

const serverRow: ActionRow<UpstreamSettings> = {
  name: "server",
  in: UPSTREAM,
  arity: atLeast(1),
  doc: "A server of the upstream, with its weight and limits.",
  apply: (own, site) => (own.upstream === undefined ? undefined : applyServer(own.upstream, site)),
};

const upstreamRow: ActionRow<UpstreamSettings> = {
  name: "upstream",
  in: HTTP,
  arity: exactly(1),
  doc: "A group of servers behind one name.",
  opens: UPSTREAM,
  apply(_own, site, opened) {
    const defined = upstreams(site.load).define(site.statement.args[0] ?? "", site);
    if (opened !== undefined) upstreamModule.of(opened).upstream = defined;
    return undefined;
  },
  close(_own, site) {
    // A server that was refused has had its own error.
    const any = site.statement.block?.some(({ name }) => name === "server");
    return any ? undefined : new ConfigFault("no servers are inside upstream");
  },
};

/** `zone NAME [SIZE]`; one of the blocks that name the same zone gives its size. */
const zoneRow: ActionRow<UpstreamSettings> = {
  name: "zone",
  in: UPSTREAM,
  arity: between(1, 2),
  doc: "Shared memory in which all workers keep the state of the block's servers: failures, connections, weights.",
  apply(own, site) {
    const [name = "", sizeText] = site.statement.args;
    if (name === "") return new ConfigFault(`invalid zone name "${name}"`);
    const size = sizeText === undefined ? 0 : parseSize(sizeText);
    if (size === undefined) return new ConfigFault(`invalid zone size "${sizeText}"`);
    if (sizeText !== undefined && size < MIN_ZONE_BYTES) return new ConfigFault(`zone "${name}" is too small`);
    const zone = zones(site.load).declare(name, size, PEER_ZONE);
    if (zone instanceof ConfigFault) return zone;
    if (own.upstream !== undefined) own.upstream.zone = zone;
    return undefined;
  },
};

/** `upstream` and what stands in its block. */
export const upstreamModule: Module<UpstreamSettings> = new Module<UpstreamSettings>({
  name: "http_upstream",
  directives: [
    upstreamRow,
    serverRow,
    ipHashRow,
    leastConnRow,
    hashRow,
    randomRow,
    {
      name: "keepalive",
      in: UPSTREAM,
      arg: keepaliveSize,
      set: "keepalive",
      doc: "How many idle connections to its servers each worker keeps.",
    },
    {
      name: "keepalive_requests",
      in: UPSTREAM,
      arg: number(1000),
      set: "keepaliveRequests",
      doc: "Requests after which a connection to a server is closed.",
    },
    {
      name: "keepalive_time",
      in: UPSTREAM,
      arg: time(3_600_000),
      set: "keepaliveTimeMs",
      doc: "Age at which a connection to a server is no longer kept.",
    },
    {
      name: "keepalive_timeout",
      in: UPSTREAM,
      arg: time(60_000),
      set: "keepaliveTimeoutMs",
      doc: "How long a connection to a server is kept idle.",
    },
    zoneRow,
  ],
  create: () => ({
    upstream: undefined,
    keepalive: undefined,
    keepaliveRequests: undefined,
    keepaliveTimeMs: undefined,
    keepaliveTimeoutMs: undefined,
  }),
  merge(own) {
    const { upstream, keepalive, keepaliveRequests, keepaliveTimeMs, keepaliveTimeoutMs } = own;
    upstream?.keepIdle({
      size: keepalive?.size ?? 0,
      local: keepalive?.local ?? false,
      maxRequests: keepaliveRequests ?? 0,
      maxAgeMs: keepaliveTimeMs ?? 0,
      idleTimeoutMs: keepaliveTimeoutMs ?? 0,
    });
    return undefined;
  },
  finish(_http, load) {
    upstreams(load).complete(load);
    refuseZonesWithoutSize(load, PEER_ZONE);
    refuseSmallZones(load, upstreams(load));
    return undefined;
  },
});

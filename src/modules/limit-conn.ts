/** Limits of requests being served at once for one key: `limit_conn` (ngx_http_limit_conn_module.c). */
import {
  ConfigFault,
  type Directive,
  type DirectiveSite,
  directiveFault,
  exactly,
  HTTP,
  HTTP_SERVER_LOCATION,
  invalidParameter,
  Module,
} from "../config/directive.ts";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import { parseInteger } from "../config/units.ts";
import { phaseHandlers } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { DECLINED } from "../http/verdict.ts";
import { CRIT } from "../net/error-log.ts";
import { compileTemplate, type Template } from "../template/template.ts";
import { variables } from "../template/variables.ts";
import { hold, totalHeld, unhold } from "../zone/zone-holders.ts";
import { type DeclaredZone, declareKeyed, refuseZonesWithoutSize, type ZoneKind, zones } from "../zone/zones.ts";
import {
  inheritLimits,
  isCounted,
  type LimitSettings,
  logLevelOf,
  noLimits,
  parseZoneParameter,
  REFUSED_STATUS,
  refusalRows,
  zoneMissing,
} from "./limit-zone.ts";

/** Longest key, as nginx keeps its length in a byte. */
const MAX_KEY_BYTES = 255;
const MAX_CONNECTIONS = 65_535;

/** No order of use is needed, as nothing is evicted: a full zone refuses. */
const KIND: ZoneKind = {
  owner: "http_limit_conn",
  layout: { cellWords: 16, values: 0, holders: 2, dropsUnheld: true },
  keyFault: (zone, key, before) =>
    `limit_conn_zone "${zone}" uses the "${key}" key while previously it used the "${before}" key`,
};

interface Limit {
  readonly zone: DeclaredZone;
  readonly connections: number;
}

type LimitConnSettings = LimitSettings<Limit>;

/** `$limit_conn_status`. */
type Outcome = "PASSED" | "REJECTED" | "REJECTED_DRY_RUN";

/** What one configuration limits. */
interface LimitConnLoad {
  /** Keys of the zones. */
  readonly keys: Map<DeclaredZone, Template>;
  used: boolean;
}

const loads = perLoad<LimitConnLoad>(() => ({ keys: new Map(), used: false }));

/** An entry that a request counts in until it is over. */
class Held {
  readonly zone: DeclaredZone;
  readonly cell: number;
  readonly serial: number;
  readonly next: Held | undefined;

  constructor(zone: DeclaredZone, cell: number, next: Held | undefined) {
    this.zone = zone;
    this.cell = cell;
    this.serial = zone.table.serial(cell);
    this.next = next;
  }

  release(): void {
    const { zone, cell } = this;
    const { table } = zone;
    table.acquire();
    try {
      if (table.is(cell, this.serial)) unhold(table, cell, zone.slot);
    } finally {
      table.release();
    }
  }
}

/** What a request has been counted in. */
class RequestCount {
  outcome: Outcome = "PASSED";
  held: Held | undefined = undefined;

  release(): void {
    for (let held = this.held; held !== undefined; held = held.next) held.release();
    this.held = undefined;
  }
}

function countOf(r: Request): RequestCount | undefined {
  const known = r.lastingContext(limitConn.id);
  return known instanceof RequestCount ? known : undefined;
}

function beginCount(r: Request): RequestCount {
  const count = new RequestCount();
  r.setLastingContext(limitConn.id, count);
  return count;
}

function limitHandler(load: LimitConnLoad): (r: Request) => number {
  return (r) => {
    const { limits, status, logLevel, dryRun } = limitConn.of(r.location);
    if (limits === undefined || countOf(r) !== undefined) return DECLINED;
    let count: RequestCount | undefined;
    for (const { zone, connections } of limits) {
      const template = load.keys.get(zone);
      const key = template?.evaluate(r) ?? "";
      if (!isCounted(r, zone, key, MAX_KEY_BYTES)) continue;
      count ??= beginCount(r);
      const fault = enter(zone, key, connections, count);
      if (fault === undefined) continue;
      if (fault === "full") {
        const message = `ngx_slab_alloc() failed: no memory in limit_conn_zone "${zone.name}"`;
        r.server.http.errorLog.write(CRIT, 0, message);
      } else {
        const how = dryRun ? ", dry run," : "";
        r.log(logLevelOf(logLevel ?? "error"), `limiting connections${how} by zone "${zone.name}"`);
      }
      count.release();
      count.outcome = dryRun ? "REJECTED_DRY_RUN" : "REJECTED";
      return dryRun ? DECLINED : (status ?? REFUSED_STATUS);
    }
    return DECLINED;
  };
}

/** Counts the request in, or says why not. */
function enter(
  zone: DeclaredZone,
  key: string,
  connections: number,
  count: RequestCount,
): "limit" | "full" | undefined {
  const { table, slot } = zone;
  table.acquire();
  try {
    let cell = table.find(key);
    if (cell === 0) {
      cell = table.insert(key);
      if (cell === 0) return "full";
    } else if (totalHeld(table, cell) >= connections) {
      return "limit";
    }
    if (!hold(table, cell, slot)) return "full";
    count.held = new Held(zone, cell, count.held);
    return undefined;
  } finally {
    table.release();
  }
}

/** The request is over, a tunnel has closed: it does not count any more. */
function releaseHandler(r: Request): void {
  if (r.owner === undefined) countOf(r)?.release();
}

function applyZone(site: DirectiveSite): ConfigFault | undefined {
  const [key = "", word = ""] = site.statement.args;
  const template = compileTemplate(key, site);
  if (template instanceof ConfigFault) return template;
  if (!word.startsWith("zone=")) return invalidParameter(word);
  const parameter = parseZoneParameter(word);
  if (parameter instanceof ConfigFault) return parameter;
  if (parameter.name === "") return zoneMissing(site);
  const zone = declareKeyed(site, parameter.name, parameter.bytes, KIND, key);
  if (zone instanceof ConfigFault) return zone;
  loads(site.load).keys.set(zone, template);
  return undefined;
}

function applyLimit(own: LimitConnSettings, site: DirectiveSite): ConfigFault | undefined {
  const [name = "", number = ""] = site.statement.args;
  const zone = zones(site.load).declare(name, 0, KIND);
  if (zone instanceof ConfigFault) return zone;
  own.limits ??= [];
  if (own.limits.some((limit) => limit.zone === zone)) return directiveFault(site, "is duplicate");
  const connections = parseInteger(number) ?? 0;
  if (connections === 0) return new ConfigFault(`invalid number of connections "${number}"`);
  if (connections > MAX_CONNECTIONS) return new ConfigFault("connection limit must be less 65536");
  own.limits.push({ zone, connections });
  loads(site.load).used = true;
  return undefined;
}

const directives: readonly Directive<LimitConnSettings>[] = [
  {
    name: "limit_conn_zone",
    in: HTTP,
    arity: exactly(2),
    doc: "Shared memory in which requests being served are counted for each value of a key.",
    apply: (_own, site) => applyZone(site),
  },
  {
    name: "limit_conn",
    in: HTTP_SERVER_LOCATION,
    arity: exactly(2),
    doc: "How many requests of one key are served at once; a WebSocket is one for as long as it is open.",
    apply: applyLimit,
  },
  ...refusalRows("limit_conn"),
];

function finish(load: LoadContext): ConfigFault | undefined {
  const limits = loads(load);
  if (limits.used) {
    phaseHandlers(load).preAccess.push(limitHandler(limits));
    phaseHandlers(load).log.push(releaseHandler);
  }
  refuseZonesWithoutSize(load, KIND);
  return undefined;
}

/** `limit_conn` and what belongs to it. */
export const limitConn: Module<LimitConnSettings> = new Module<LimitConnSettings>({
  name: "http_limit_conn",
  directives,
  create: noLimits<Limit>,
  merge: inheritLimits,
  register(load) {
    variables(load).provide([{ name: "limit_conn_status", get: (r) => countOf(r)?.outcome }]);
  },
  finish: (_http, load) => finish(load),
});

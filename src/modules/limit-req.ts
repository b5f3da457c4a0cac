/** Limits of the rate of requests for one key: `limit_req` (ngx_http_limit_req_module.c). */
import {
  between,
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
import type { LoadContext } from "../config/load-context.ts";
import { parseInteger } from "../config/units.ts";
import { phaseHandlers } from "../http/registry.ts";
import { compileTemplate } from "../template/template.ts";
import { variables } from "../template/variables.ts";
import { type DeclaredZone, declareKeyed, refuseZonesWithoutSize, zones } from "../zone/zones.ts";
import { limitRequest, outcomeOf } from "./limit-req-handler.ts";
import { RATE_ZONE, type RateLimit, rateZones } from "./limit-req-zone.ts";
import {
  inheritLimits,
  type LimitSettings,
  noLimits,
  parseZoneParameter,
  refusalRows,
  zoneMissing,
} from "./limit-zone.ts";

/** What a level says of limit_req. */
export type LimitReqSettings = LimitSettings<RateLimit>;

const SECONDS_A_MINUTE = 60;

/** `rate=5r/s`, `rate=30r/m`, or a plain number per second, in thousandths of a request per second. */
function parseRate(word: string): number | ConfigFault {
  const text = word.slice("rate=".length);
  const unit = /r\/[sm]$/.exec(text)?.[0];
  const rate = parseInteger(unit === undefined ? text : text.slice(0, -unit.length)) ?? 0;
  if (rate === 0) return new ConfigFault(`invalid rate "${word}"`);
  return Math.floor((rate * 1000) / (unit === "r/m" ? SECONDS_A_MINUTE : 1));
}

function applyZone(site: DirectiveSite): ConfigFault | undefined {
  const [key = "", ...words] = site.statement.args;
  const template = compileTemplate(key, site);
  if (template instanceof ConfigFault) return template;
  let name = "";
  let bytes = 0;
  let milliRate = 1000;
  for (const word of words) {
    if (word.startsWith("zone=")) {
      const parameter = parseZoneParameter(word);
      if (parameter instanceof ConfigFault) return parameter;
      ({ name, bytes } = parameter);
    } else if (word.startsWith("rate=")) {
      const rate = parseRate(word);
      if (rate instanceof ConfigFault) return rate;
      milliRate = rate;
    } else {
      return invalidParameter(word);
    }
  }
  if (name === "") return zoneMissing(site);
  const zone = declareKeyed(site, name, bytes, RATE_ZONE, key);
  if (zone instanceof ConfigFault) return zone;
  const rateZone = rateZones(site.load).of(zone);
  rateZone.key = template;
  rateZone.milliRate = milliRate;
  return undefined;
}

/** `burst=` and `delay=`: a number of requests, in thousandths. */
function parseRequests(word: string, what: string): number | ConfigFault {
  const count = parseInteger(word.slice(what.length + 1)) ?? 0;
  return count > 0 ? count * 1000 : new ConfigFault(`invalid ${what} value "${word}"`);
}

function applyLimit(own: LimitReqSettings, site: DirectiveSite): ConfigFault | undefined {
  let zone: DeclaredZone | undefined;
  let burst = 0;
  let delay = 0;
  for (const word of site.statement.args) {
    if (word.startsWith("zone=")) {
      const declared = zones(site.load).declare(word.slice("zone=".length), 0, RATE_ZONE);
      if (declared instanceof ConfigFault) return declared;
      zone = declared;
    } else if (word.startsWith("burst=")) {
      const requests = parseRequests(word, "burst");
      if (requests instanceof ConfigFault) return requests;
      burst = requests;
    } else if (word.startsWith("delay=")) {
      const requests = parseRequests(word, "delay");
      if (requests instanceof ConfigFault) return requests;
      delay = requests;
    } else if (word === "nodelay") {
      delay = Number.POSITIVE_INFINITY;
    } else {
      return invalidParameter(word);
    }
  }
  if (zone === undefined) return zoneMissing(site);
  const rateZone = rateZones(site.load).of(zone);
  own.limits ??= [];
  if (own.limits.some((limit) => limit.zone === rateZone)) return directiveFault(site, "is duplicate");
  own.limits.push({ zone: rateZone, burst, delay });
  rateZones(site.load).used = true;
  return undefined;
}

const directives: readonly Directive<LimitReqSettings>[] = [
  {
    name: "limit_req_zone",
    in: HTTP,
    arity: exactly(3),
    doc: "Shared memory in which the rate of requests is kept for each value of a key.",
    apply: (_own, site) => applyZone(site),
  },
  {
    name: "limit_req",
    in: HTTP_SERVER_LOCATION,
    arity: between(1, 3),
    doc: "Delays and refuses requests of one key that come faster than its zone's rate.",
    apply: applyLimit,
  },
  ...refusalRows("limit_req"),
];

function finish(load: LoadContext): ConfigFault | undefined {
  if (rateZones(load).used) {
    phaseHandlers(load).preAccess.push((r) => limitRequest(r, limitReq.of(r.location), limitReq.id));
  }
  refuseZonesWithoutSize(load, RATE_ZONE);
  return undefined;
}

/** `limit_req` and what belongs to it. */
export const limitReq: Module<LimitReqSettings> = new Module<LimitReqSettings>({
  name: "http_limit_req",
  directives,
  create: noLimits<RateLimit>,
  merge: inheritLimits,
  register(load) {
    variables(load).provide([{ name: "limit_req_status", get: (r) => outcomeOf(r, limitReq.id) }]);
  },
  finish: (_http, load) => finish(load),
});

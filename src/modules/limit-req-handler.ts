/** A request at its limits of rate: passed, delayed or refused (ngx_http_limit_req_handler). */
import { Delay } from "../http/delay.ts";
import { resume } from "../http/phases.ts";
import type { Request } from "../http/request.ts";
import { AGAIN, DECLINED } from "../http/verdict.ts";
import { ALERT } from "../net/error-log.ts";
import { sharedNowMs } from "../net/shared-memory.ts";
import type { LimitReqSettings } from "./limit-req.ts";
import type { RateLimit } from "./limit-req-zone.ts";
import { isCounted, lessUrgent, logLevelOf, REFUSED_STATUS } from "./limit-zone.ts";

/** Longest key, as nginx keeps its length in two bytes. */
const MAX_KEY_BYTES = 65_535;

/** `$limit_req_status`. */
type Outcome = "PASSED" | "DELAYED" | "REJECTED" | "DELAYED_DRY_RUN" | "REJECTED_DRY_RUN";

function settle(r: Request, id: number, outcome: Outcome): void {
  r.setLastingContext(id, outcome);
}

/** What became of a request at its limits; undefined when it has come to none. */
export function outcomeOf(r: Request, id: number): string | undefined {
  const known = r.lastingContext(id);
  return typeof known === "string" ? known : undefined;
}

/** The keys of a request that `lookup` let pass in zones before the last; handlers do not interrupt each other. */
const passedKeys: (string | undefined)[] = [];

/** The handler of the pre-access phase; `id` is the module's. */
export function limitRequest(r: Request, settings: LimitReqSettings, id: number): number {
  const { limits, dryRun = false } = settings;
  if (limits === undefined || outcomeOf(r, id) !== undefined) return DECLINED;
  const logLevel = settings.logLevel ?? "error";
  const last = limits.length - 1;
  let found: ReturnType<RateLimit["zone"]["lookup"]> | undefined;
  let limit = limits[0]!;
  passedKeys.length = 0;
  for (let i = 0; i <= last; i++) {
    limit = limits[i]!;
    const { zone, burst } = limit;
    const key = zone.key.evaluate(r);
    passedKeys[i] = undefined;
    if (!isCounted(r, zone.zone, key, MAX_KEY_BYTES)) continue;
    found = zone.lookup(key, burst, i === last, sharedNowMs());
    if (found !== "again") break;
    passedKeys[i] = key;
  }
  if (found === undefined) return DECLINED;
  if (found === "busy" || found === "full") {
    const { name } = limit.zone.zone;
    if (found === "busy") {
      const how = dryRun ? ", dry run" : "";
      r.log(
        logLevelOf(logLevel),
        `limiting requests${how}, excess: ${thousandths(limit.zone.excess)} by zone "${name}"`,
      );
    } else {
      r.server.http.errorLog.write(ALERT, 0, `could not allocate node in limit_req zone "${name}"`);
    }
    settle(r, id, dryRun ? "REJECTED_DRY_RUN" : "REJECTED");
    return dryRun ? DECLINED : (settings.status ?? REFUSED_STATUS);
  }
  const delayMs = accountAll(limits, limit, found === "again" ? 0 : limit.zone.excess);
  if (delayMs === 0) {
    settle(r, id, "PASSED");
    return DECLINED;
  }
  const { excess, name } = longest;
  const how = dryRun ? ", dry run" : "";
  r.log(lessUrgent(logLevel), `delaying request${how}, excess: ${thousandths(excess)}, by zone "${name}"`);
  settle(r, id, dryRun ? "DELAYED_DRY_RUN" : "DELAYED");
  if (dryRun) return DECLINED;
  new Delay(r, delayMs, goOn);
  return AGAIN;
}

function goOn(r: Request): void {
  resume(r, DECLINED);
}

/** What asks for the longest delay, of the last `accountAll`. */
const longest = { excess: 0, name: "" };

/** Counts the request in the zones that have let it pass so far; gives the longest delay, in whole ms. */
function accountAll(limits: readonly RateLimit[], limit: RateLimit, excess: number): number {
  longest.excess = excess;
  longest.name = limit.zone.zone.name;
  let maxMs = delayFor(limit, excess);
  for (let i = passedKeys.length - 1; i >= 0; i--) {
    const key = passedKeys[i];
    if (key === undefined) continue;
    const passed = limits[i]!;
    passed.zone.account(key, sharedNowMs());
    const ms = delayFor(passed, passed.zone.excess);
    if (ms <= maxMs) continue;
    maxMs = ms;
    longest.excess = passed.zone.excess;
    longest.name = passed.zone.zone.name;
  }
  return maxMs;
}

function delayFor({ delay, zone }: RateLimit, excess: number): number {
  return excess <= delay ? 0 : Math.floor(((excess - delay) * 1000) / zone.milliRate);
}

function thousandths(excess: number): string {
  return `${Math.floor(excess / 1000)}.${String(excess % 1000).padStart(3, "0")}`;
}

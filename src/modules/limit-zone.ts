/** What limit_conn and limit_req share: their zone parameter, their keys, what becomes of refused requests. */
import { choice, flag } from "../config/arguments.ts";
import {
  type ArgumentType,
  ConfigFault,
  type DirectiveSite,
  exactly,
  type FieldRow,
  HTTP_SERVER_LOCATION,
} from "../config/directive.ts";
import { parseInteger, parseSize } from "../config/units.ts";
import type { Request } from "../http/request.ts";
import { ERR, INFO, type LogLevel, NOTICE, WARN } from "../net/error-log.ts";
import { type DeclaredZone, MIN_ZONE_BYTES } from "../zone/zones.ts";

/** `zone=NAME:SIZE`. */
export interface ZoneParameter {
  readonly name: string;
  readonly bytes: number;
}

/** Reads `zone=NAME:SIZE`; faults name the whole word, as nginx does. */
export function parseZoneParameter(word: string): ZoneParameter | ConfigFault {
  const colon = word.indexOf(":");
  const bytes = colon < 0 ? undefined : parseSize(word.slice(colon + 1));
  if (bytes === undefined) return new ConfigFault(`invalid zone size "${word}"`);
  if (bytes < MIN_ZONE_BYTES) return new ConfigFault(`zone "${word}" is too small`);
  return { name: word.slice("zone=".length, colon), bytes };
}

/** `"limit_conn_zone" must have "zone" parameter`. */
export function zoneMissing(site: DirectiveSite): ConfigFault {
  return new ConfigFault(`"${site.statement.name}" must have "zone" parameter`);
}

/** Whether a request's key is counted: an empty one is not, and one too long is an error of its own. */
export function isCounted(r: Request, zone: DeclaredZone, key: string, maxBytes: number): boolean {
  if (key === "") return false;
  if (key.length <= maxBytes) return true;
  r.log(ERR, `the value of the "${zone.key}" key is more than ${maxBytes} bytes: "${key}"`);
  return false;
}

/** A level at which limits may be logged. */
type LimitLogLevel = "info" | "notice" | "warn" | "error";

const limitLogLevel: ArgumentType<LimitLogLevel> = choice(["info", "notice", "warn", "error"], "error");

const LEVELS: Readonly<Record<LimitLogLevel, LogLevel>> = { info: INFO, notice: NOTICE, warn: WARN, error: ERR };
const LESS_URGENT: Readonly<Record<LimitLogLevel, LogLevel>> = { info: INFO, notice: INFO, warn: NOTICE, error: WARN };

/** The error log's level for a word. */
export function logLevelOf(word: LimitLogLevel): LogLevel {
  return LEVELS[word];
}

/** One level less urgent: delays are logged so. */
export function lessUrgent(word: LimitLogLevel): LogLevel {
  return LESS_URGENT[word];
}

const LEAST_STATUS = 400;
const GREATEST_STATUS = 599;

/** Status of refused requests where the configuration does not say. */
export const REFUSED_STATUS = 503;

const limitStatus: ArgumentType<number> = {
  arity: exactly(1),
  fallback: REFUSED_STATUS,
  parse([value = ""], site): number | ConfigFault {
    const status = parseInteger(value);
    if (status === undefined) return new ConfigFault(`"${site.statement.name}" directive invalid number`);
    return status >= LEAST_STATUS && status <= GREATEST_STATUS
      ? status
      : new ConfigFault(`value must be between ${LEAST_STATUS} and ${GREATEST_STATUS}`);
  },
};

/** What a level says of requests beyond its limits. */
export interface Refusal {
  status: number | undefined;
  logLevel: LimitLogLevel | undefined;
  dryRun: boolean | undefined;
}

/** A level's limits, those of the level outside where it has none of its own. */
export interface LimitSettings<Limit> extends Refusal {
  limits: Limit[] | undefined;
}

/** A level that says nothing. */
export function noLimits<Limit>(): LimitSettings<Limit> {
  return { limits: undefined, status: undefined, logLevel: undefined, dryRun: undefined };
}

/** Completes a level from the one outside it. */
export function inheritLimits<Limit>(own: LimitSettings<Limit>, outer: LimitSettings<Limit> | undefined): undefined {
  own.limits ??= outer?.limits;
}

/** The directives that say what becomes of refused requests; `limit`: the one whose requests they are. */
export function refusalRows(limit: "limit_conn" | "limit_req"): readonly FieldRow<Refusal>[] {
  return [
    {
      name: `${limit}_log_level`,
      in: HTTP_SERVER_LOCATION,
      arg: limitLogLevel,
      set: "logLevel",
      doc: "Level at which refused requests are logged, and those that are delayed one level lower.",
    },
    {
      name: `${limit}_status`,
      in: HTTP_SERVER_LOCATION,
      arg: limitStatus,
      set: "status",
      doc: "Status of refused requests.",
    },
    {
      name: `${limit}_dry_run`,
      in: HTTP_SERVER_LOCATION,
      arg: flag(false),
      set: "dryRun",
      doc: "Requests beyond the limit are logged, and served at once.",
    },
  ];
}

/** What limit_conn and limit_req share: their zone parameter, levels of logging, statuses. */
import { choice } from "../config/arguments.ts";
import { type ArgumentType, ConfigFault, type DirectiveSite, exactly } from "../config/directive.ts";
import { parseInteger, parseSize } from "../config/units.ts";
import { ERR, INFO, type LogLevel, NOTICE, WARN } from "../net/error-log.ts";
import { MIN_ZONE_BYTES } from "../zone/zones.ts";

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

/** A level at which limits may be logged. */
export type LimitLogLevel = "info" | "notice" | "warn" | "error";

/** limit_conn_log_level, limit_req_log_level. */
export const limitLogLevel: ArgumentType<LimitLogLevel> = choice(["info", "notice", "warn", "error"], "error");

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

/** limit_conn_status, limit_req_status: an error status. */
export const limitStatus: ArgumentType<number> = {
  arity: exactly(1),
  fallback: 503,
  parse([value = ""], site): number | ConfigFault {
    const status = parseInteger(value);
    if (status === undefined) return new ConfigFault(`"${site.statement.name}" directive invalid number`);
    return status >= LEAST_STATUS && status <= GREATEST_STATUS
      ? status
      : new ConfigFault(`value must be between ${LEAST_STATUS} and ${GREATEST_STATUS}`);
  },
};

/** Error log levels, numbered as nginx numbers them: a message is written where its number is at most the log's. */

export type LogLevel = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

export const LOG_STDERR = 0;
export const LOG_EMERG = 1;
export const LOG_ALERT = 2;
export const LOG_CRIT = 3;
export const LOG_ERR = 4;
export const LOG_WARN = 5;
export const LOG_NOTICE = 6;
export const LOG_INFO = 7;
export const LOG_DEBUG = 8;

const names = ["", "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"] as const;

const byName = new Map<string, LogLevel>([
  ["emerg", LOG_EMERG],
  ["alert", LOG_ALERT],
  ["crit", LOG_CRIT],
  ["error", LOG_ERR],
  ["warn", LOG_WARN],
  ["notice", LOG_NOTICE],
  ["info", LOG_INFO],
  ["debug", LOG_DEBUG],
]);

/** The name in the configuration and in log lines: `error`. */
export function levelName(level: LogLevel): string {
  return names[level];
}

/** The level of that name, or undefined. */
export function levelByName(name: string): LogLevel | undefined {
  return byName.get(name);
}

/** Variables that tell the time. */
import { isoDate, logDate } from "../http/date.ts";
import { nowMs } from "../net/timers.ts";
import type { VariableDefinition } from "../template/variables.ts";

/** `1.234`: a time in ms as seconds; a negative one counts as none. */
export function secondsText(ms: number): string {
  const whole = ms > 0 ? Math.floor(ms) : 0;
  const rest = whole % 1000;
  const zeros = rest < 10 ? "00" : rest < 100 ? "0" : "";
  return `${(whole - rest) / 1000}.${zeros}${rest}`;
}

export const timeVariables: readonly VariableDefinition[] = [
  { name: "msec", get: () => secondsText(Date.now()) },
  { name: "request_time", get: (r) => secondsText(nowMs() - r.startMs) },
  { name: "time_iso8601", get: () => isoDate(Date.now()) },
  { name: "time_local", get: () => logDate(Date.now()) },
];

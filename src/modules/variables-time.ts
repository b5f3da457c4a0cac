/** Variables that tell the time. */
import { isoDate, logDate, secondsText } from "../http/date.ts";
import { nowMs } from "../net/timers.ts";
import type { VariableDefinition } from "../template/variables.ts";

export const timeVariables: readonly VariableDefinition[] = [
  { name: "msec", get: () => secondsText(Date.now()) },
  { name: "request_time", get: (r) => secondsText(nowMs() - r.startMs) },
  { name: "time_iso8601", get: () => isoDate(Date.now()) },
  { name: "time_local", get: () => logDate(Date.now()) },
];

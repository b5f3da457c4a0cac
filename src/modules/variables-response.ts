/** Variables of the response on its way out. */
import { parseSize } from "../config/units.ts";
import type { Request } from "../http/request.ts";
import { ERR } from "../net/error-log.ts";
import { keepFirst } from "../template/cached-variable.ts";
import type { VariableDefinition, VariableRegistry } from "../template/variables.ts";

/** The status that is or will be sent, with three digits; 009 for an answer in HTTP/0.9, 000 for none. */
export function statusText(r: Request): string {
  const { status } = r;
  if (status >= 100) return String(status);
  return status === 0 && r.httpVersion === 9 ? "009" : String(status).padStart(3, "0");
}

function setLimitRate(r: Request, value: string): void {
  const rate = parseSize(value);
  if (rate === undefined) r.log(ERR, `invalid $limit_rate "${value}"`);
  else r.limitRate = rate;
}

export const responseVariables: readonly VariableDefinition[] = [
  { name: "bytes_sent", get: (r) => String(r.bytesSent) },
  { name: "body_bytes_sent", get: (r) => String(r.bodyBytesSent) },
  { name: "status", get: statusText },
  { name: "limit_rate", get: (r) => String(r.limitRate ?? 0), set: setLimitRate, changeable: true },
];

/** `$request_completion`. */
export function requestCompletion(registry: VariableRegistry): VariableDefinition {
  return { name: "request_completion", get: keepFirst(registry, (r) => (r.completed ? "OK" : "")) };
}

/** Variables of the response on its way out. */
import { parseSize } from "../config/units.ts";
import type { Request } from "../http/request.ts";
import { ERR } from "../net/error-log.ts";
import { keepFirst } from "../template/cached-variable.ts";
import type { VariableDefinition, VariableRegistry } from "../template/variables.ts";

/** The status that is or will be sent, with three digits; 009 for an answer in HTTP/0.9, 000 for none. */
function statusText(r: Request): string {
  const status = r.errorStatus !== 0 ? r.errorStatus : r.out.status !== 0 ? r.out.status : r.httpVersion === 9 ? 9 : 0;
  return status >= 100 ? String(status) : String(status).padStart(3, "0");
}

function sentBytes(r: Request): number {
  return r.connection.output.sentBytes - r.sentBefore;
}

function setLimitRate(r: Request, value: string): void {
  const rate = parseSize(value);
  if (rate === undefined) r.log(ERR, `invalid $limit_rate "${value}"`);
  else r.limitRate = rate;
}

export const responseVariables: readonly VariableDefinition[] = [
  { name: "bytes_sent", get: (r) => String(sentBytes(r)) },
  { name: "body_bytes_sent", get: (r) => String(Math.max(0, sentBytes(r) - r.headerBytesSent)) },
  { name: "status", get: statusText },
  { name: "limit_rate", get: (r) => String(r.limitRate ?? 0), set: setLimitRate, changeable: true },
];

/** `$request_completion`. */
export function requestCompletion(registry: VariableRegistry): VariableDefinition {
  return { name: "request_completion", get: keepFirst(registry, (r) => (r.completed ? "OK" : "")) };
}

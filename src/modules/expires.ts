/** `expires`: Expires and Cache-Control from one time (part of ngx_http_headers_module). */
import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import { parseSeconds } from "../config/units.ts";
import { httpDate } from "../http/date.ts";
import type { Request } from "../http/request.ts";
import { compileTemplate, type Template } from "../template/template.ts";

/** What an `expires` says once its variables are known. Times in seconds. */
export type Expires =
  | { readonly kind: "off" | "epoch" | "max" }
  /** After the response is sent, or after the file's last change. */
  | { readonly kind: "access" | "modified"; readonly seconds: number }
  /** At that time of the day, local time. */
  | { readonly kind: "daily"; readonly seconds: number };

/** `expires` as configured: decided at load, or from a text with variables for each request. */
export type ExpiresSetting =
  | Expires
  | { readonly kind: "variable"; readonly modified: boolean; readonly text: Template };

const DAY_SECONDS = 86_400;
const NO_CACHE = "no-cache";
const EPOCH_DATE = "Thu, 01 Jan 1970 00:00:01 GMT";
const MAX_DATE = "Thu, 31 Dec 2037 23:55:55 GMT";
const MAX_AGE = "max-age=315360000";

/** Reads the arguments of `expires [modified] time`. */
export function parseExpiresDirective(site: DirectiveSite): ExpiresSetting | ConfigFault {
  const { args } = site.statement;
  const modified = args.length === 2;
  if (modified && args[0] !== "modified") return new ConfigFault('"expires" directive invalid value');
  const text = compileTemplate(args[args.length - 1] ?? "", site);
  if (text instanceof ConfigFault) return text;
  if (text.constant === undefined) return { kind: "variable", modified, text };
  const parsed = parseExpires(text.constant, modified);
  return typeof parsed === "string" ? new ConfigFault(`"expires" directive ${parsed}`) : parsed;
}

/** Reads `30d`, `-1`, `@15h30m`, `epoch`, `max`, `off`; nginx's complaint as text (ngx_http_parse_expires). */
export function parseExpires(value: string, modified: boolean): Expires | string {
  if (!modified && (value === "epoch" || value === "max" || value === "off")) return { kind: value };
  const sign = value.charAt(0);
  if (sign === "@" && modified) return 'daily time cannot be used with "modified" parameter';
  const seconds = parseSeconds(sign === "@" || sign === "+" || sign === "-" ? value.slice(1) : value);
  if (seconds === undefined) return "invalid value";
  if (sign === "@") {
    return seconds > DAY_SECONDS ? "daily time value must be less than 24 hours" : { kind: "daily", seconds };
  }
  return { kind: modified ? "modified" : "access", seconds: sign === "-" ? -seconds : seconds };
}

/** The next time, in seconds since 1970, at which the local day is `seconds` old (ngx_next_time). */
function nextDaily(seconds: number, now: number): number {
  const at = new Date(now * 1000);
  at.setHours(Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60, 0);
  if (at.getTime() / 1000 - now <= 0) at.setDate(at.getDate() + 1);
  return at.getTime() / 1000;
}

/** Puts Expires and Cache-Control into the response's head. */
export function setExpires(r: Request, setting: ExpiresSetting): void {
  let expires: Expires;
  if (setting.kind === "variable") {
    const parsed = parseExpires(setting.text.evaluate(r), setting.modified);
    if (typeof parsed === "string") return;
    expires = parsed;
  } else {
    expires = setting;
  }
  const now = Math.floor(r.out.madeAtMs / 1000);
  switch (expires.kind) {
    case "off":
      return;
    case "epoch":
      setFields(r, EPOCH_DATE, NO_CACHE);
      return;
    case "max":
      setFields(r, MAX_DATE, MAX_AGE);
      return;
    case "daily": {
      const at = nextDaily(expires.seconds, now);
      setFields(r, httpDate(at * 1000), `max-age=${at - now}`);
      return;
    }
    default: {
      const { seconds } = expires;
      if (seconds === 0) {
        setFields(r, httpDate(now * 1000), "max-age=0");
        return;
      }
      const modified = r.out.lastModifiedSeconds;
      const at = seconds + (expires.kind === "modified" && modified !== -1 ? modified : now);
      const age = at - now;
      setFields(r, httpDate(at * 1000), seconds < 0 || age < 0 ? NO_CACHE : `max-age=${age}`);
    }
  }
}

function setFields(r: Request, expires: string, cacheControl: string): void {
  r.out.list.set("Expires", expires);
  r.out.list.set("Cache-Control", cacheControl);
}

/** Times as HTTP and nginx's logs write them. */

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function two(n: number): string {
  return n < 10 ? `0${n}` : `${n}`;
}

/** `07:00:00` of the local time zone. */
function clock(t: Date): string {
  return `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
}

/** `+0000`, or `+00:00` with ":" between. */
function zone(t: Date, separator: string): string {
  const east = -t.getTimezoneOffset();
  const minutes = Math.abs(east);
  return `${east < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${separator}${two(minutes % 60)}`;
}

/** Seconds remembered by a formatter: the present one, and those of files that are asked for often. A power of two. */
const REMEMBERED = 64;

/** A formatter that keeps its last results: the present second is asked for once per request or more. */
class PerSecond {
  private readonly seconds: number[] = new Array<number>(REMEMBERED).fill(Number.NaN);
  private readonly texts: string[] = new Array<string>(REMEMBERED).fill("");
  private readonly format: (t: Date) => string;

  constructor(format: (t: Date) => string) {
    this.format = format;
  }

  at(ms: number): string {
    const second = Math.floor(ms / 1000);
    const slot = second & (REMEMBERED - 1);
    if (second !== this.seconds[slot]) {
      this.seconds[slot] = second;
      this.texts[slot] = this.format(new Date(second * 1000));
    }
    return this.texts[slot]!;
  }
}

const http = new PerSecond((t) => {
  const day = `${DAYS[t.getUTCDay()]}, ${two(t.getUTCDate())} ${MONTHS[t.getUTCMonth()]} ${t.getUTCFullYear()}`;
  return `${day} ${two(t.getUTCHours())}:${two(t.getUTCMinutes())}:${two(t.getUTCSeconds())} GMT`;
});
const log = new PerSecond(
  (t) => `${two(t.getDate())}/${MONTHS[t.getMonth()]}/${t.getFullYear()}:${clock(t)} ${zone(t, "")}`,
);
const iso = new PerSecond(
  (t) => `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}T${clock(t)}${zone(t, ":")}`,
);

/** `Sat, 21 Nov 2026 07:00:00 GMT` (RFC 9110, 5.6.7) for milliseconds since 1970. */
export function httpDate(ms: number): string {
  return http.at(ms);
}

/** `21/Nov/2026:07:00:00 +0000`, local: `$time_local`. */
export function logDate(ms: number): string {
  return log.at(ms);
}

/** `2026-11-21T07:00:00+00:00`, local: `$time_iso8601`. */
export function isoDate(ms: number): string {
  return iso.at(ms);
}

/** `1.234`: a time in ms as seconds; a negative one counts as none. */
export function secondsText(ms: number): string {
  const whole = ms > 0 ? Math.floor(ms) : 0;
  const rest = whole % 1000;
  const zeros = rest < 10 ? "00" : rest < 100 ? "0" : "";
  return `${(whole - rest) / 1000}.${zeros}${rest}`;
}

/** What a date text says, before it is checked. */
interface DateParts {
  year: number;
  month: number;
  day: number;
  /** Index at which `hh:mm:ss` begins. */
  clockAt: number;
  end: number;
}

/** The number that `length` digits from `at` on make; NaN where there is another byte. */
function digits(text: string, at: number, length: number): number {
  let n = 0;
  for (let i = at; i < at + length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    n = n * 10 + digit;
  }
  return n;
}

/** `Sun, 06 Nov 1994 08:49:37 GMT`. */
function rfc822(text: string, comma: number): DateParts {
  const day = digits(text, comma + 2, 2);
  const month = MONTHS.indexOf(text.substr(comma + 5, 3));
  return { year: digits(text, comma + 9, 4), month, day, clockAt: comma + 14, end: comma + 22 };
}

/** `Sunday, 06-Nov-94 08:49:37 GMT`. Years below 70 are of this century. */
function rfc850(text: string, comma: number): DateParts {
  const year = digits(text, comma + 9, 2);
  const day = digits(text, comma + 2, 2);
  const month = MONTHS.indexOf(text.substr(comma + 5, 3));
  return { year: year + (year < 70 ? 2000 : 1900), month, day, clockAt: comma + 12, end: comma + 20 };
}

/** `Sun Nov  6 08:49:37 1994`. */
function asctime(text: string): DateParts {
  const day = text.charCodeAt(8) === 0x20 ? digits(text, 9, 1) : digits(text, 8, 2);
  return { year: digits(text, 20, 4), month: MONTHS.indexOf(text.substr(4, 3)), day, clockAt: 11, end: 24 };
}

const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function daysIn(month: number, year: number): number {
  const leap = month === 1 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return leap ? 29 : DAYS_IN_MONTH[month]!;
}

/**
 * Seconds since 1970 for a date in one of the three forms of RFC 9110, 5.6.7, or -1 for anything else and for times
 * before 1970. As ngx_parse_http_time the weekday's name and the time zone are not looked at.
 */
export function parseHttpDate(text: string): number {
  const comma = text.indexOf(",");
  const space = text.indexOf(" ");
  if (space < 0) return -1;
  let parts: DateParts;
  if (comma < 0 || comma > space) parts = asctime(text);
  else if (text.length - comma < 18) return -1;
  else parts = text.charAt(comma + 4) === "-" ? rfc850(text, comma) : rfc822(text, comma);
  const { year, month, day, clockAt, end } = parts;
  if (month < 0 || text.length < end) return -1;
  if (text.charAt(clockAt + 2) !== ":" || text.charAt(clockAt + 5) !== ":") return -1;
  const hour = digits(text, clockAt, 2);
  const minute = digits(text, clockAt + 3, 2);
  const second = digits(text, clockAt + 6, 2);
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return -1;
  if (!(day >= 1 && day <= daysIn(month, year))) return -1;
  return year >= 1970 ? Date.UTC(year, month, day, hour, minute, second) / 1000 : -1;
}

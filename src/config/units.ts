/** Numbers, sizes and times as they are written in configurations (ngx_parse.c, ngx_string.c). */

/** The largest integer nginx takes. Above 2^53 results are the nearest double, far beyond any use. */
const MAX_EXACT = 2n ** 63n - 1n;
const MAX_INTEGER = Number(MAX_EXACT);

/** A decimal integer without sign, as ngx_atoi; undefined for anything else. */
export function parseInteger(text: string): number | undefined {
  if (!/^[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  return value < MAX_INTEGER || BigInt(text) <= MAX_EXACT ? value : undefined;
}

const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ["k", 1024],
  ["m", 1024 * 1024],
]);
const OFFSET_UNITS: ReadonlyMap<string, number> = new Map([...SIZE_UNITS, ["g", 1024 * 1024 * 1024]]);

/** `4096`, `8k`, `1m` in bytes (ngx_parse_size); undefined when malformed or too large. */
export function parseSize(text: string): number | undefined {
  return parseScaled(text, SIZE_UNITS);
}

/** As `parseSize`, with `g` as well (ngx_parse_offset). */
export function parseOffset(text: string): number | undefined {
  return parseScaled(text, OFFSET_UNITS);
}

function parseScaled(text: string, units: ReadonlyMap<string, number>): number | undefined {
  const unit = units.get(text.slice(-1).toLowerCase());
  const value = parseInteger(unit === undefined ? text : text.slice(0, -1));
  if (value === undefined || unit === undefined) return value;
  const bytes = value * unit;
  return bytes < MAX_INTEGER ? bytes : undefined;
}

/** Units of time in the order in which they may follow each other, largest first. */
const TIME_UNITS: ReadonlyMap<string, { readonly step: number; readonly seconds: number }> = new Map([
  ["y", { step: 1, seconds: 365 * 86_400 }],
  ["M", { step: 2, seconds: 30 * 86_400 }],
  ["w", { step: 3, seconds: 7 * 86_400 }],
  ["d", { step: 4, seconds: 86_400 }],
  ["h", { step: 5, seconds: 3600 }],
  ["m", { step: 6, seconds: 60 }],
  ["s", { step: 7, seconds: 1 }],
]);
const MONTH_STEP = 2;
const SECOND_STEP = 7;
const MILLISECOND_STEP = 8;
const LAST_STEP = 9;

/** `1d 12h`, `30s`, `250ms` or plain seconds, in milliseconds. As ngx_parse_time: no months and no years here. */
export function parseTime(text: string): number | undefined {
  return parseDuration(text, false);
}

/** `1y`, `1M`, `90s` or plain seconds, in seconds; no `ms` here (ngx_parse_time with is_sec). */
export function parseSeconds(text: string): number | undefined {
  return parseDuration(text, true);
}

function parseDuration(text: string, inSeconds: boolean): number | undefined {
  const scale = inSeconds ? 1 : 1000;
  let step = inSeconds ? 0 : MONTH_STEP;
  let total = 0;
  let anyDigit = false;
  let position = 0;
  while (position < text.length) {
    const digits = /^[0-9]*/.exec(text.slice(position))?.[0] ?? "";
    anyDigit ||= digits !== "";
    const value = Number(digits);
    position += digits.length;
    if (value > MAX_INTEGER) return undefined;
    if (position === text.length) {
      total += value * scale;
      break;
    }
    const letter = text.charAt(position++);
    if (letter === "m" && text.charAt(position) === "s") {
      if (inSeconds || step >= MILLISECOND_STEP) return undefined;
      position++;
      step = MILLISECOND_STEP;
      total += value;
    } else if (letter === " ") {
      if (step >= SECOND_STEP) return undefined;
      step = LAST_STEP;
      total += value * scale;
    } else {
      const unit = TIME_UNITS.get(letter);
      if (unit === undefined || step >= unit.step) return undefined;
      step = unit.step;
      total += value * unit.seconds * scale;
    }
    while (text.charAt(position) === " ") position++;
  }
  return anyDigit && total <= MAX_INTEGER ? total : undefined;
}

/** Byte ranges of files (ngx_http_range_filter_module; RFC 9110, 14). */
import { Module } from "../config/directive.ts";
import { parseHttpDate } from "../http/date.ts";
import { headerFilters } from "../http/registry.ts";
import type { Request } from "../http/request.ts";

/** One range, with what stands before its bytes in the body. */
export interface BodyRange {
  /** First byte and the one after the last. */
  readonly start: number;
  readonly end: number;
  /** Boundary and fields of a part; "" for a single range. */
  readonly head: string;
}

/** The body of a 206. */
export interface RangedBody {
  readonly ranges: readonly BodyRange[];
  /** The last boundary; "" for a single range. */
  readonly tail: string;
}

/** Largest off_t, as text: longer numbers are refused. */
const MAX_OFFSET = "9223372036854775807";
const BOUNDARY_DIGITS = 20;
const RANGE_UNIT = "bytes=";
const NOT_SATISFIABLE = 416;

/** Number of the last multipart body: its boundary. */
let boundaryCount = 0;

/** The ranges that the response's head announced; undefined when the body is sent as a whole. */
export function rangedBody(r: Request): RangedBody | undefined {
  const body = r.context(rangeModule.id);
  return body instanceof PlannedRanges ? body : undefined;
}

class PlannedRanges implements RangedBody {
  readonly ranges: readonly BodyRange[];
  readonly tail: string;
  constructor(ranges: readonly BodyRange[], tail: string) {
    this.ranges = ranges;
    this.tail = tail;
  }
}

/** What a Range field asks for; "ignore" where nginx sends the whole body, "unsatisfiable" for a 416. */
export type WantedRanges = readonly { readonly start: number; readonly end: number }[] | "ignore" | "unsatisfiable";

/** Reads a Range field for a body of `length` bytes, as ngx_http_range_parse. */
export function parseRanges(field: string, length: number, maxRanges: number): WantedRanges {
  const ranges: { start: number; end: number }[] = [];
  let total = 0;
  for (const spec of field.slice(RANGE_UNIT.length).split(",")) {
    const match = /^ *(\d*) *- *(\d*) *$/.exec(spec);
    if (match === null) return "unsatisfiable";
    const [, first = "", last = ""] = match;
    // nginx skips no blanks between "-" and the digits of a suffix.
    if (first === "" && !/^ *-\d/.test(spec)) return "unsatisfiable";
    if (beyondOffset(first) || beyondOffset(last)) return "unsatisfiable";
    let start = Number(first);
    let end = last === "" ? length : Number(last);
    if (first === "") {
      start = end < length ? length - end : 0;
      end = length - 1;
    }
    if (last !== "") end = end >= length ? length : end + 1;
    if (start < end) {
      if (ranges.length === maxRanges) return "ignore";
      ranges.push({ start, end });
      total += end - start;
    } else if (start === 0) {
      return "ignore";
    }
  }
  if (ranges.length === 0) return "unsatisfiable";
  // Ranges that overlap so much that the whole body is shorter: CVE-2011-3192 and its like.
  return total > length ? "ignore" : ranges;
}

function beyondOffset(digits: string): boolean {
  const significant = digits.replace(/^0+/, "");
  return (
    significant.length > MAX_OFFSET.length || (significant.length === MAX_OFFSET.length && significant > MAX_OFFSET)
  );
}

/** If-Range: whether what the client has is what would be sent. */
function unchanged(r: Request): boolean {
  const condition = r.headers.get("if-range");
  if (condition === undefined) return true;
  if (condition.length >= 2 && condition.endsWith('"')) return condition === r.out.etag;
  return r.out.lastModifiedSeconds !== -1 && parseHttpDate(condition) === r.out.lastModifiedSeconds;
}

function rangeFilter(r: Request): number | undefined {
  const { out } = r;
  if (!out.allowRanges || out.status !== 200 || r.httpVersion < 1000 || out.contentLength === -1) return undefined;
  const { maxRanges } = r.location.core;
  if (maxRanges === 0) return undefined;
  const field = r.headers.get("range");
  if (
    field === undefined ||
    field.length <= RANGE_UNIT.length ||
    field.slice(0, RANGE_UNIT.length).toLowerCase() !== RANGE_UNIT ||
    !unchanged(r)
  ) {
    out.list.add("Accept-Ranges", "bytes");
    return undefined;
  }
  const length = out.contentLength;
  const wanted = parseRanges(field, length, maxRanges);
  if (wanted === "unsatisfiable") {
    out.list.add("Content-Range", `bytes */${length}`);
    out.clearLength();
    return NOT_SATISFIABLE;
  }
  if (wanted === "ignore") {
    out.list.add("Accept-Ranges", "bytes");
    return undefined;
  }
  out.status = 206;
  out.statusLine = undefined;
  const [only] = wanted;
  if (wanted.length === 1 && only !== undefined) {
    out.list.add("Content-Range", `bytes ${only.start}-${only.end - 1}/${length}`);
    out.contentLength = only.end - only.start;
    r.setContext(rangeModule.id, new PlannedRanges([{ start: only.start, end: only.end, head: "" }], ""));
  } else {
    planMultipart(r, wanted, length);
  }
  return undefined;
}

/** multipart/byteranges, byte for byte as nginx writes it. */
function planMultipart(r: Request, wanted: readonly { start: number; end: number }[], length: number): void {
  const { out } = r;
  const boundary = String(++boundaryCount).padStart(BOUNDARY_DIGITS, "0");
  let common = `\r\n--${boundary}\r\n`;
  const contentType = out.contentTypeText;
  if (contentType !== undefined) common += `Content-Type: ${contentType}\r\n`;
  const tail = `\r\n--${boundary}--\r\n`;
  let bytes = tail.length;
  const ranges: BodyRange[] = [];
  for (const { start, end } of wanted) {
    const head = `${common}Content-Range: bytes ${start}-${end - 1}/${length}\r\n\r\n`;
    bytes += head.length + end - start;
    ranges.push({ start, end, head });
  }
  out.contentType = `multipart/byteranges; boundary=${boundary}`;
  out.charset = undefined;
  out.typeHoldsCharset = false;
  out.contentLength = bytes;
  r.setContext(rangeModule.id, new PlannedRanges(ranges, tail));
}

export const rangeModule: Module = new Module({
  name: "http_range_filter",
  directives: [],
  create: () => ({}),
  register: (load) => {
    headerFilters(load).push(rangeFilter);
  },
});

/** A response on its way out: the header filters, the framing, the body's chunks (ngx_http_header_filter, ngx_http_chunked_filter). */
import { parseSize } from "../config/units.ts";
import { ERR } from "../net/error-log.ts";
import { wallMs } from "../net/timers.ts";
import { chunkHead } from "./chunked.ts";
import { finalize } from "./finalize.ts";
import { writeHead } from "./head-writer.ts";
import type { Request } from "./request.ts";
import { discardBody } from "./request-body.ts";
import type { RequestText } from "./settings.ts";
import { DONE, OK } from "./verdict.ts";

/**
 * Runs the header filters, decides the framing, and queues the head. False when a filter put an error page in the
 * response's place: the request is over for the caller.
 */
export function sendHead(r: Request): boolean {
  if (r.headSent) return true;
  const { out } = r;
  if (r.errorStatus !== 0) {
    out.status = r.errorStatus;
    out.statusLine = undefined;
  }
  out.madeAtMs = wallMs();
  if (r.owner !== undefined) {
    r.headSent = true;
    return true;
  }
  for (const filter of r.server.http.headerFilters) {
    const status = filter(r);
    if (status === undefined) continue;
    finalize(r, status);
    return false;
  }
  if (r.method === "HEAD" || out.status === 204 || out.status === 304 || r.headerOnly) {
    r.headerOnly = true;
  } else if (out.status >= 200 && (out.contentLength === -1 || out.trailers !== undefined)) {
    if (r.httpVersion >= 1001 && r.location.core.chunkedTransferEncoding) {
      out.clearLength();
      r.chunkedOut = true;
    } else if (out.contentLength === -1) r.keepAlive = false;
  }
  if (r.connection.leaving) r.keepAlive = false;
  applyLimitRate(r);
  r.headSent = true;
  const head = writeHead(r);
  r.headerBytesSent = head.length;
  r.connection.output.text(head);
  return true;
}

/** limit_rate and limit_rate_after, unless a variable or X-Accel-Limit-Rate has set the rate. */
function applyLimitRate(r: Request): void {
  const { limitRate, limitRateAfter } = r.location.core;
  if (limitRate !== undefined) r.limitRate ??= sizeOf(r, limitRate);
  if (limitRateAfter !== undefined && r.limitRate) r.limitRateAfter ??= sizeOf(r, limitRateAfter);
}

/** Bytes that a text gives; what is no size is 0, and complained about (ngx_http_complex_value_size). */
function sizeOf(r: Request, text: RequestText): number {
  const value = text.evaluate(r);
  const size = parseSize(value);
  if (size === undefined) r.log(ERR, `invalid size "${value}"`);
  return size ?? 0;
}

/** Queues body bytes (chunk-framed where the head said so); they leave with the next flush. */
export function queueBody(r: Request, chunk: Buffer): void {
  if (chunk.length === 0 || r.headerOnly) return;
  if (r.bodyFilter === undefined) queueFramed(r, chunk);
  else for (const piece of r.bodyFilter.write(chunk)) queueFramed(r, piece);
}

/** As `queueBody`, for text. */
export function queueText(r: Request, text: string): void {
  if (text.length === 0 || r.headerOnly) return;
  if (r.bodyFilter !== undefined) {
    queueBody(r, Buffer.from(text, "latin1"));
    return;
  }
  const { output } = r.connection;
  output.text(r.chunkedOut ? `${chunkHead(text.length)}${text}\r\n` : text);
}

/** Nothing of the body so far may be held back by a filter: more of it may be long in coming. */
export function flushBody(r: Request): void {
  if (r.bodyFilter === undefined || r.headerOnly) return;
  for (const piece of r.bodyFilter.flush()) queueFramed(r, piece);
}

function queueFramed(r: Request, chunk: Buffer): void {
  const { output } = r.connection;
  if (!r.chunkedOut) {
    output.bytes(chunk);
    return;
  }
  output.text(chunkHead(chunk.length));
  output.bytes(chunk);
  output.text("\r\n");
}

/** Queues the end of the body: the last chunk with `trailers` (lines with CRLF) and those of the head, or nothing. */
export function queueEnd(r: Request, trailers: string): void {
  if (r.headerOnly) return;
  if (r.bodyFilter !== undefined) for (const piece of r.bodyFilter.end()) queueFramed(r, piece);
  if (!r.chunkedOut) return;
  r.connection.output.text(`0\r\n${trailers}${r.out.trailers === undefined ? "" : r.out.trailers(r)}\r\n`);
}

/** A complete small response. */
export function respond(r: Request, status: number, contentType: string | undefined, body: string): number {
  r.out.status = status;
  r.out.contentType = contentType;
  r.out.contentLength = body.length;
  const refused = discardBody(r);
  if (refused !== OK) return refused;
  if (!sendHead(r)) return DONE;
  queueText(r, body);
  queueEnd(r, "");
  return OK;
}

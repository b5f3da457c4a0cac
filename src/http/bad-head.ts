/** Heads that cannot be read, or did not come to their end: what is known of them, what is logged, what is answered. */
import { INFO } from "../net/error-log.ts";
import { finalize } from "./finalize.ts";
import type { DroppedLine } from "./header-block.ts";
import type { Server } from "./location.ts";
import type { Request } from "./request.ts";
import type { HeadError, RequestHeadParser } from "./request-head.ts";
import { checkHeaderLines, type RequestFraming } from "./request-headers.ts";
import { chooseServer, READING_HEADERS } from "./server-choice.ts";

/** What was going on, for the log, when a head turned out to be bad. */
export function readingHead(r: Request, parser: RequestHeadParser): string {
  if (parser.inHeaders) return READING_HEADERS;
  return r.pipelined ? "reading client pipelined request line" : "reading client request line";
}

/**
 * A head that did not come to its end, as far as it came; returns what was wrong with it, if anything was. `first`: the
 * server that requests of the connection start from; `framing` is room.
 */
export function takePartialHead(
  r: Request,
  parser: RequestHeadParser,
  first: Server,
  framing: RequestFraming,
): HeadError | undefined {
  if (!parser.inHeaders) return undefined;
  const failure = checkHeaderLines(parser, framing);
  if (failure?.line !== undefined) parser.endAt(failure.line);
  r.headBytes = parser.headBytes;
  chooseServer(r, framing.host, false);
  if (parser.dropped !== undefined) logDropped(r, parser.dropped, first);
  return failure;
}

/** Header lines that ignore_invalid_headers left out, in the log as it was when each of them came. */
export function logDropped(r: Request, dropped: readonly DroppedLine[], first: Server): void {
  const { server, location, headers } = r;
  if (!location.core.errorLog.enabled(INFO)) return;
  r.action = READING_HEADERS;
  for (const line of dropped) {
    r.headers = headers.first(line.before);
    const known = r.headers.has("host") ? server : first;
    r.server = known;
    r.location = known.level;
    r.log(INFO, `client sent invalid header line: "${line.text}"`);
  }
  r.server = server;
  r.location = location;
  r.headers = headers;
  r.action = "";
}

/** Answers it with the status of the error; the connection ends. */
export function refuse(r: Request, error: HeadError): void {
  r.keepAlive = false;
  r.log(INFO, error.message);
  finalize(r, error.status);
}

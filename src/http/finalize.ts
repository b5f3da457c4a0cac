/** How requests end: what a verdict comes to, the log phase, what they held (ngx_http_finalize_request). */
import { WRITING } from "../metrics/cells.ts";
import { uncount } from "../metrics/counters.ts";
import { ALERT } from "../net/error-log.ts";
import { exceptionText } from "../net/exception-text.ts";
import { GONE_HEADERS } from "./header-list.ts";
import type { Request } from "./request.ts";
import { specialResponse } from "./special-response.ts";
import { finishSubrequest, terminateWithSubrequest } from "./subrequest.ts";
import { AGAIN, DECLINED, DONE, OK } from "./verdict.ts";

/** nginx's status for "close the connection without an answer". */
const CLOSE = 444;
const CLIENT_CLOSED = 499;

/**
 * Ends a request with a verdict: OK when its response has been sent, a status that becomes a page (300 and above, 201,
 * 204), or 444/408/499, which close the connection (ngx_http_finalize_request).
 */
export function finalize(r: Request, verdict: number): void {
  if (r.finished || verdict === AGAIN || verdict === DONE) return;
  if (verdict === OK || verdict === DECLINED) {
    finishRequest(r);
    return;
  }
  if (verdict === CLOSE || verdict === 408 || verdict === CLIENT_CLOSED || verdict < 0 || r.connection.broken) {
    if (r.owner === undefined) terminate(r, verdict);
    else terminateWithSubrequest(r, r.owner, verdict);
    return;
  }
  if (r.headSent) {
    // Too late for a status: a response that broke off must not look complete.
    r.keepAlive = false;
    r.connection.close();
    return;
  }
  if (verdict >= 300 || verdict === 201 || verdict === 204) {
    specialResponse(r, verdict);
    return;
  }
  finishRequest(r);
}

/** An exception in a handler is a bug: a 500 for its request, an alert with the stack for the operator. */
export function failed(r: Request, error: unknown): void {
  r.log(ALERT, exceptionText(error));
  if (r.headSent) r.connection.close();
  else finalize(r, 500);
}

/** Closes the connection without a response; the status is for the log. */
export function terminate(r: Request, status: number): void {
  if (r.out.status === 0 && status > 0) r.out.status = status;
  r.keepAlive = false;
  r.connection.closeTimedOut(r);
}

/** The response is queued as a whole: it is logged and the connection goes on when it has left. */
export function finishRequest(r: Request): void {
  if (r.finished) return;
  if (r.owner !== undefined) {
    finishSubrequest(r, r.owner);
    return;
  }
  r.body?.discard();
  r.connection.finishResponse(r);
}

/** The request's last step, whatever became of it: the log phase, and files it held. */
export function closeRequest(r: Request): void {
  if (r.logged) return;
  r.logged = true;
  r.finished = true;
  uncount(WRITING);
  r.body?.release();
  r.bodyFilter?.release();
  runLogHandlers(r);
  // $request_body is for logs, too.
  r.bodySpool?.release();
  r.headers.release();
  r.headers = GONE_HEADERS;
  r.out.release();
  r.upstream?.releaseHeaders();
}

/** The log phase. */
export function runLogHandlers(r: Request): void {
  for (const log of r.server.http.phases.log) {
    try {
      log(r);
    } catch (error) {
      r.log(ALERT, exceptionText(error));
    }
  }
}

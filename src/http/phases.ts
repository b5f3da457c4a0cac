/** The way of a request through nginx's phases, and its ends: responses, error pages, redirects, the log. */
import { parseSize } from "../config/units.ts";
import { WRITING } from "../metrics/cells.ts";
import { uncount } from "../metrics/counters.ts";
import { ALERT, ERR, INFO } from "../net/error-log.ts";
import { exceptionText } from "../net/exception-text.ts";
import { wallMs } from "../net/timers.ts";
import { SERVER_NAME, SERVER_TOKEN } from "../version.ts";
import { hidesShortPages, isOldExplorer, isSafari } from "./browser.ts";
import { chunkHead } from "./chunked.ts";
import { Delay } from "./delay.ts";
import { builtinErrorPage } from "./error-page.ts";
import { writeHead } from "./head-writer.ts";
import { GONE_HEADERS } from "./header-list.ts";
import type { RewriteProgram } from "./location.ts";
import { findLocation } from "./location-match.ts";
import type { Request } from "./request.ts";
import { testExpect } from "./request-body.ts";
import type { ErrorPage, Handler, RequestText } from "./settings.ts";
import { finishSubrequest, terminateWithSubrequest } from "./subrequest.ts";
import { AGAIN, DECLINED, DONE, OK } from "./verdict.ts";

const POST_READ = 0;
const SERVER_REWRITE = 1;
const FIND_LOCATION = 2;
const REWRITE = 3;
const PRE_ACCESS = 4;
const ACCESS = 5;
const PRE_CONTENT = 6;
const CONTENT = 7;

/** nginx's status for "close the connection without an answer". */
const CLOSE = 444;
const CLIENT_CLOSED = 499;
const UNAUTHORIZED = 401;

/** Begins the phases of a new request. */
export function startPhases(r: Request): void {
  r.phase = r.server.http.phases.postRead.length === 0 ? SERVER_REWRITE : POST_READ;
  r.phaseHandler = 0;
  run(r);
}

/** Begins the phases of a request that comes from within. */
export function runPhases(r: Request): void {
  r.phase = SERVER_REWRITE;
  r.phaseHandler = 0;
  run(r);
}

/** Goes on after a handler that returned AGAIN; `verdict` is what it would have returned. */
export function resume(r: Request, verdict: number): void {
  if (r.finished || !r.connection.open) return;
  if (afterHandler(r, verdict)) run(r);
}

/** Runs phases until the request is answered, waits, or is handed on. The one place where a handler's bug is caught. */
function run(r: Request): void {
  try {
    while (step(r)) {
      // Each step decides the next phase itself.
    }
  } catch (error) {
    failed(r, error);
  }
}

/** An exception in a handler is a bug: a 500 for its request, an alert with the stack for the operator. */
export function failed(r: Request, error: unknown): void {
  r.log(ALERT, exceptionText(error));
  if (r.headSent) r.connection.close();
  else finalize(r, 500);
}

/** One step; false when the phases are over or wait. */
function step(r: Request): boolean {
  switch (r.phase) {
    case POST_READ:
      return handlerPhase(r, r.server.http.phases.postRead);
    case SERVER_REWRITE:
      return rewritePhase(r, r.server.level.rewrite, FIND_LOCATION);
    case FIND_LOCATION:
      return findLocationPhase(r);
    case REWRITE:
      // Outside all locations the server's statements have run already.
      return rewritePhase(r, r.location === r.server.level ? undefined : r.location.rewrite, PRE_ACCESS);
    case PRE_ACCESS:
      return handlerPhase(r, r.server.http.phases.preAccess);
    case ACCESS:
      // Who asks has been let in, or is being asked about.
      if (r.owner !== undefined) return nextPhase(r, PRE_CONTENT);
      return handlerPhase(r, r.server.http.phases.access);
    case PRE_CONTENT:
      return handlerPhase(r, r.server.http.phases.preContent);
    default:
      return contentPhase(r);
  }
}

function nextPhase(r: Request, phase: number): true {
  r.phase = phase;
  r.phaseHandler = 0;
  return true;
}

function rewritePhase(r: Request, program: RewriteProgram | undefined, next: number): boolean {
  if (program !== undefined) {
    const verdict = program(r);
    if (verdict !== DECLINED) {
      if (verdict !== AGAIN) finalize(r, verdict);
      return false;
    }
  }
  if (next === PRE_ACCESS && r.uriChanged) {
    if (--r.uriChangesLeft === 0) {
      r.log(ERR, `rewrite or internal redirection cycle while processing "${r.uri}"`);
      finalize(r, 500);
      return false;
    }
    return nextPhase(r, FIND_LOCATION);
  }
  return nextPhase(r, next);
}

function findLocationPhase(r: Request): boolean {
  r.uriChanged = false;
  const redirect = findLocation(r);
  const core = r.location.core;
  if (core.internal && !r.internal) {
    finalize(r, 404);
    return false;
  }
  applyLimitExcept(r);
  checkKeepAlive(r);
  if (r.contentLength > 0 && core.clientMaxBodyBytes > 0 && r.contentLength > core.clientMaxBodyBytes && !bodyDone(r)) {
    r.log(ERR, `client intended to send too large body: ${r.contentLength} bytes`);
    finalize(r, 413);
    return false;
  }
  if (redirect !== undefined) {
    r.out.location = r.args === undefined || r.args === "" ? redirect : `${redirect}?${r.args}`;
    finalize(r, 301);
    return false;
  }
  return nextPhase(r, REWRITE);
}

function bodyDone(r: Request): boolean {
  return r.body?.complete ?? true;
}

/** `limit_except`: methods that it does not name get its own level. */
function applyLimitExcept(r: Request): void {
  const limited = r.location.limitExcept;
  if (limited !== undefined && !limited.methods.has(r.method)) r.location = limited.level;
}

function checkKeepAlive(r: Request): void {
  if (!r.keepAlive) return;
  const core = r.location.core;
  const { connection } = r;
  if (
    core.keepaliveTimeout.timeoutMs === 0 ||
    connection.requests >= core.keepaliveRequests ||
    r.startMs - connection.startMs > core.keepaliveTimeMs ||
    disabledForBrowser(r, core.keepaliveDisable)
  ) {
    r.keepAlive = false;
  }
}

/** keepalive_disable: old MSIE breaks after POST, old Safari always (ngx_http_core_find_config_phase). */
function disabledForBrowser(r: Request, disabled: ReadonlySet<string>): boolean {
  const explorer = disabled.has("msie6") && r.method === "POST";
  const safari = disabled.has("safari");
  if (!explorer && !safari) return false;
  const agent = r.headers.get("user-agent");
  if (agent === undefined) return false;
  return (explorer && isOldExplorer(agent)) || (safari && isSafari(agent));
}

function handlerPhase(r: Request, handlers: readonly Handler[]): boolean {
  while (r.phaseHandler < handlers.length) {
    const phase = r.phase;
    const verdict = handlers[r.phaseHandler]!(r);
    if (!afterHandler(r, verdict)) return false;
    if (r.phase !== phase) return true;
  }
  if (r.phase === ACCESS && r.accessStatus !== 0) {
    const status = r.accessStatus;
    r.accessStatus = 0;
    if (status === 403) r.log(ERR, "access forbidden by rule");
    refuse(r, status);
    return false;
  }
  return nextPhase(r, r.phase + 1);
}

/** What a handler's verdict means for its phase; false when the phases stop here. */
function afterHandler(r: Request, verdict: number): boolean {
  if (verdict === DECLINED) {
    r.phaseHandler++;
    return true;
  }
  if (verdict === AGAIN || verdict === DONE) return false;
  if (r.phase === ACCESS) {
    if (r.location.core.satisfy === "all") {
      if (verdict === OK) {
        r.phaseHandler++;
        return true;
      }
    } else if (verdict === OK) {
      r.accessStatus = 0;
      r.out.list.remove("www-authenticate");
      return nextPhase(r, PRE_CONTENT);
    } else if (verdict === 401 || verdict === 403) {
      if (r.accessStatus !== 401) r.accessStatus = verdict;
      r.phaseHandler++;
      return true;
    }
    refuse(r, verdict);
    return false;
  }
  if (verdict === OK && r.phase !== CONTENT) {
    return nextPhase(r, r.phase + 1);
  }
  finalize(r, verdict);
  return false;
}

/** A request may not pass: whoever guesses passwords waits for each answer (auth_delay). */
function refuse(r: Request, status: number): void {
  const { authDelayMs } = r.location.core;
  if (status !== UNAUTHORIZED || authDelayMs === 0) {
    finalize(r, status);
    return;
  }
  r.log(INFO, "delaying unauthorized request");
  new Delay(r, authDelayMs, refuseLate);
}

function refuseLate(r: Request): void {
  finalize(r, UNAUTHORIZED);
}

function contentPhase(r: Request): boolean {
  const { handler } = r.location;
  if (handler !== undefined) {
    finalize(r, handler(r));
    return false;
  }
  const handlers = r.server.http.phases.content;
  while (r.phaseHandler < handlers.length) {
    const verdict = handlers[r.phaseHandler]!(r);
    if (verdict !== DECLINED) {
      finalize(r, verdict);
      return false;
    }
    r.phaseHandler++;
  }
  if (r.uri.endsWith("/")) {
    r.log(ERR, `directory index of "${r.uri}" is forbidden`);
    finalize(r, 403);
  } else {
    finalize(r, 404);
  }
  return false;
}

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

/** Closes the connection without a response; the status is for the log. */
export function terminate(r: Request, status: number): void {
  if (r.out.status === 0 && status > 0) r.out.status = status;
  r.keepAlive = false;
  r.connection.closeTimedOut(r);
}

function specialResponse(r: Request, status: number): void {
  r.errorStatus = status;
  if (closesConnection(status)) r.keepAlive = false;
  r.out.contentType = undefined;
  const core = r.location.core;
  if (!r.errorPage && core.errorPages !== undefined && r.uriChangesLeft !== 0) {
    for (const page of core.errorPages) {
      if (page.status !== status) continue;
      if (!core.recursiveErrorPages) r.errorPage = true;
      sendErrorPage(r, page);
      return;
    }
  }
  sendBuiltin(r, status);
}

/** Errors after which nginx does not trust the connection with another request. */
function closesConnection(status: number): boolean {
  switch (status) {
    case 400:
    case 413:
    case 414:
    case 495:
    case 496:
    case 497:
    case 500:
    case 501:
      return true;
    default:
      return false;
  }
}

function sendErrorPage(r: Request, page: ErrorPage): void {
  if (page.overwrite >= 0) r.errorStatus = page.overwrite;
  const target = page.target.evaluate(r);
  if (target.startsWith("/")) {
    if (r.method !== "HEAD") r.method = "GET";
    const question = page.target.constant === undefined ? target.indexOf("?") : -1;
    if (question >= 0) internalRedirect(r, target.slice(0, question), target.slice(question + 1));
    else internalRedirect(r, target, page.args);
    return;
  }
  if (target.startsWith("@")) {
    namedLocation(r, target);
    return;
  }
  const { overwrite } = page;
  const redirects =
    overwrite === 301 || overwrite === 302 || overwrite === 303 || overwrite === 307 || overwrite === 308;
  if (!redirects) r.errorStatus = 302;
  r.out.location = target;
  sendBuiltin(r, r.errorStatus);
}

/** nginx's own page for a status; statuses without a page have an empty body. */
function sendBuiltin(r: Request, status: number): void {
  // The answer is final: no body is asked for any more.
  r.expectContinue = false;
  discardBody(r);
  const shown = status === 494 || status === 495 || status === 496 || status === 497 ? 400 : status;
  r.errorStatus = shown;
  const core = r.location.core;
  const page =
    status === 201 || status === 204
      ? undefined
      : builtinErrorPage(
          status,
          core.serverTokens === "off" ? SERVER_NAME : SERVER_TOKEN,
          core.msiePadding && status >= 400 && r.httpVersion >= 1000 && wantsPadding(r),
        );
  const { out } = r;
  out.statusLine = undefined;
  out.lastModifiedSeconds = -1;
  out.list.remove("last-modified");
  out.list.remove("accept-ranges");
  out.list.remove("etag");
  out.list.remove("content-encoding");
  if (page === undefined) {
    out.contentType = undefined;
    out.contentLength = 0;
  } else {
    out.contentType = "text/html";
    out.charset = undefined;
    out.typeHoldsCharset = false;
    out.contentLength = page.length;
  }
  if (!sendHead(r)) return;
  if (page !== undefined) queueText(r, page);
  queueEnd(r, "");
  finishRequest(r);
}

/** Old browsers hide short error pages: nginx pads for them, going by the User-Agent. */
function wantsPadding(r: Request): boolean {
  const agent = r.headers.get("user-agent");
  return agent !== undefined && hidesShortPages(agent);
}

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

/** As `queueBody`, for text. */
function queueText(r: Request, text: string): void {
  if (text.length === 0 || r.headerOnly) return;
  if (r.bodyFilter !== undefined) {
    queueBody(r, Buffer.from(text, "latin1"));
    return;
  }
  const { output } = r.connection;
  output.text(r.chunkedOut ? `${chunkHead(text.length)}${text}\r\n` : text);
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

/**
 * An unread request body is read and thrown away, so that the connection can be kept. OK, or the status to answer with
 * where what has come of it is no body.
 */
export function discardBody(r: Request): number {
  testExpect(r);
  return r.body === undefined ? OK : r.body.discard();
}

/** Serves another URI in place of this one (error_page, index, try_files, X-Accel-Redirect). Returns DONE. */
export function internalRedirect(r: Request, uri: string, args: string | undefined): number {
  if (--r.uriChangesLeft === 0) {
    r.log(ERR, `rewrite or internal redirection cycle while internally redirecting to "${uri}"`);
    finalize(r, 500);
    return DONE;
  }
  r.uri = uri;
  r.args = args;
  r.validUnparsedUri = false;
  r.validLocation = true;
  restart(r);
  r.location = r.server.level;
  r.action = "";
  r.phase = SERVER_REWRITE;
  run(r);
  return DONE;
}

/** Goes to a `@named` location, keeping the URI. Returns DONE. */
export function namedLocation(r: Request, name: string): number {
  if (--r.uriChangesLeft === 0) {
    r.log(ERR, `rewrite or internal redirection cycle while redirect to named location "${name}"`);
    finalize(r, 500);
    return DONE;
  }
  const location = r.server.named.get(name);
  if (location === undefined) {
    r.log(ERR, `could not find named location "${name}"`);
    finalize(r, 500);
    return DONE;
  }
  restart(r);
  r.location = location;
  applyLimitExcept(r);
  checkKeepAlive(r);
  r.phase = REWRITE;
  run(r);
  return DONE;
}

/** What both kinds of internal redirect reset. */
function restart(r: Request): void {
  r.internal = true;
  r.validLocation = true;
  r.addUriToAlias = false;
  r.uriChanged = false;
  r.accessStatus = 0;
  r.phaseHandler = 0;
  r.forgetContexts();
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

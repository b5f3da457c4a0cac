/** The way of a request through nginx's phases, up to the handler that answers it (ngx_http_core_run_phases). */
import { ERR, INFO } from "../net/error-log.ts";
import { Delay } from "./delay.ts";
import { enterLocation } from "./enter-location.ts";
import { failed, finalize } from "./finalize.ts";
import type { RewriteProgram } from "./location.ts";
import { findLocation } from "./location-match.ts";
import type { Request } from "./request.ts";
import type { Handler } from "./settings.ts";
import { AGAIN, DECLINED, DONE, OK } from "./verdict.ts";

const POST_READ = 0;
const SERVER_REWRITE = 1;
const FIND_LOCATION = 2;
const REWRITE = 3;
const PRE_ACCESS = 4;
const ACCESS = 5;
const PRE_CONTENT = 6;
const CONTENT = 7;

const UNAUTHORIZED = 401;

/** Begins the phases of a new request. */
export function startPhases(r: Request): void {
  r.phase = r.server.http.phases.postRead.length === 0 ? SERVER_REWRITE : POST_READ;
  r.phaseHandler = 0;
  run(r);
}

/** Begins the phases of a request that comes from within, or of another URI in place of the one asked for. */
export function runPhases(r: Request): void {
  r.phase = SERVER_REWRITE;
  r.phaseHandler = 0;
  run(r);
}

/** Begins the phases of a location that was chosen by name. */
export function runLocationPhases(r: Request): void {
  r.phase = REWRITE;
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
  enterLocation(r);
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

/** Answers that are a status first: error_page, or the built-in page (ngx_http_special_response.c). */
import { SERVER_NAME, SERVER_TOKEN } from "../version.ts";
import { hidesShortPages } from "./browser.ts";
import { builtinErrorPage } from "./error-page.ts";
import { finishRequest } from "./finalize.ts";
import { internalRedirect, namedLocation } from "./internal-redirect.ts";
import type { Request } from "./request.ts";
import { discardBody } from "./request-body.ts";
import { queueEnd, queueText, sendHead } from "./response-output.ts";
import type { ErrorPage } from "./settings.ts";

/** Answers with a status (300 and above, 201, 204): a page of error_page, or the built-in one. */
export function specialResponse(r: Request, status: number): void {
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

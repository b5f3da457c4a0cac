/**
 * A request that the proxy makes of itself on behalf of a client's: it runs through the phases of a location, its
 * response's head is looked at, and nothing of it reaches the client (ngx_http_subrequest with header_only).
 */
import { closeRequest, finalize, runLogHandlers, terminate } from "./finalize.ts";
import { resume, runPhases } from "./phases.ts";
import { Request, type SubrequestOwner } from "./request.ts";

const CLIENT_CLOSED = 499;

/** Starts a GET of `uri`; the owner's request waits for it. The owner is told when it is over, maybe before this returns. */
export function startSubrequest(owner: SubrequestOwner, uri: string): Request {
  const { main } = owner;
  const sub = new Request(main.connection, main.server, main.headers);
  sub.owner = owner;
  sub.method = "GET";
  sub.requestLine = main.requestLine;
  sub.unparsedUri = main.unparsedUri;
  sub.uri = uri;
  sub.httpVersion = main.httpVersion;
  sub.host = main.host;
  sub.realClient = main.realClient;
  sub.headerOnly = true;
  sub.internal = true;
  sub.validUnparsedUri = false;
  main.shareVariables(sub);
  runPhases(sub);
  return sub;
}

/** The response is known: the owner says what becomes of its request. */
export function finishSubrequest(sub: Request, owner: SubrequestOwner): void {
  const { main } = owner;
  main.abortListener = undefined;
  main.action = sub.action;
  const verdict = owner.onSubrequestDone(sub);
  close(sub);
  if (main.connection.open) resume(main, verdict);
  else {
    // Its client had gone, and the subrequest was to go on all the same (proxy_ignore_client_abort).
    main.out.status = CLIENT_CLOSED;
    closeRequest(main);
  }
}

/** Ends the subrequest with a verdict that closes the client's connection: its request goes with it. */
export function terminateWithSubrequest(sub: Request, owner: SubrequestOwner, status: number): void {
  const { main } = owner;
  main.abortListener = undefined;
  close(sub);
  if (main.headSent) finalize(main, status);
  else terminate(main, status);
}

/** Its headers are the client's request's, and stay. */
function close(sub: Request): void {
  sub.finished = true;
  runLogHandlers(sub);
  sub.bodySpool?.release();
  sub.out.release();
  sub.upstream?.releaseHeaders();
}

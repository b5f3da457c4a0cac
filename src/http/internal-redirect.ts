/** Another URI or a named location in place of the one asked for (ngx_http_internal_redirect, ngx_http_named_location). */
import { ERR } from "../net/error-log.ts";
import { enterLocation } from "./enter-location.ts";
import { finalize } from "./finalize.ts";
import { runLocationPhases, runPhases } from "./phases.ts";
import type { Request } from "./request.ts";
import { DONE } from "./verdict.ts";

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
  restart(r);
  r.location = r.server.level;
  r.action = "";
  runPhases(r);
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
  enterLocation(r);
  runLocationPhases(r);
  return DONE;
}

/** What both kinds of internal redirect reset. */
function restart(r: Request): void {
  r.internal = true;
  r.validLocation = true;
  r.addUriToAlias = false;
  r.uriChanged = false;
  r.accessStatus = 0;
  r.forgetContexts();
}

/** Where a request's file lies: root and alias (ngx_http_map_uri_to_path), and looking at what is there. */
import type { Request } from "../http/request.ts";
import { ALERT } from "../net/error-log.ts";

/** The folder that holds for a request: the text of `root`, or of `alias` ($document_root). */
export function documentRoot(r: Request): string {
  const { core } = r.location;
  return (core.alias ?? core.root).evaluate(r);
}

/**
 * Length of the URI's beginning that `alias` stands for, -1 where it stands for the whole URI, undefined where the
 * location uses `root`.
 */
export function aliasLength(r: Request): number | undefined {
  const { core } = r.location;
  return core.alias === undefined ? undefined : core.aliasBytes;
}

/** Undefined, with a line in the error log, where `alias` cannot say what a rewritten URI stands for. */
export function checkedRoot(r: Request): string | undefined {
  const { core } = r.location;
  if (core.alias !== undefined && !r.validLocation) {
    r.log(ALERT, `"alias" cannot be used in location "${r.location.name}" where URI was rewritten`);
    return undefined;
  }
  return documentRoot(r);
}

/** What `root` is followed by: the URI, or the part of it that `alias` leaves. */
export function pathBelowRoot(r: Request): string {
  const alias = aliasLength(r);
  if (alias === undefined) return r.uri;
  if (alias === -1) return r.addUriToAlias ? r.uri : "";
  return r.uri.slice(alias);
}

/** The path of a request's file; undefined where it cannot be told (a 500, already logged). */
export function requestPath(r: Request): string | undefined {
  const root = checkedRoot(r);
  return root === undefined ? undefined : root + pathBelowRoot(r);
}

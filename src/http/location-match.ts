/** Which location a URI belongs to: nginx's search, level by level. Hot. */
import type { Location, LocationTree } from "./location.ts";
import type { Request } from "./request.ts";

const NOT_FOUND = 0;
const FOUND = 1;
const FINAL = 2;

/** Set by `search` when a location is only missing its final slash. */
let redirect: string | undefined;

/** Sets `r.location`. Returns the path to redirect to where a proxied `location /x/` was asked for as `/x`. */
export function findLocation(r: Request): string | undefined {
  redirect = undefined;
  r.location = r.server.level;
  search(r, r.server.tree);
  return redirect;
}

/** ngx_http_core_find_location: exact, then the longest prefix with its nested levels, then regular expressions. */
function search(r: Request, tree: LocationTree): number {
  const { uri } = r;
  const exact = tree.exact.size === 0 ? undefined : tree.exact.get(uri);
  if (exact !== undefined) {
    r.location = exact;
    return FINAL;
  }
  const prefix = longestPrefix(r, tree, uri);
  if (redirect !== undefined) return FINAL;
  let outcome = NOT_FOUND;
  if (prefix !== undefined) {
    r.location = prefix;
    outcome = FOUND;
    if (prefix.tree !== undefined && search(r, prefix.tree) === FINAL) return FINAL;
    if (prefix.noRegex) return outcome;
  }
  for (const location of tree.regexes) {
    const match = location.regex!.exec(uri);
    if (match === null) continue;
    r.captures = match;
    location.capture?.(r, match);
    r.location = location;
    if (location.tree !== undefined) search(r, location.tree);
    return FINAL;
  }
  return outcome;
}

function longestPrefix(r: Request, tree: LocationTree, uri: string): Location | undefined {
  const missingSlash = tree.redirects.size === 0 ? undefined : tree.redirects.get(uri);
  if (missingSlash !== undefined) {
    r.location = missingSlash;
    redirect = missingSlash.name;
    return undefined;
  }
  for (const location of tree.prefixes) if (uri.startsWith(location.name)) return location;
  return undefined;
}

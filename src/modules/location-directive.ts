/** `location` and `limit_except`: which URIs and methods a level is for (ngx_http_core_location, _limit_except). */
import { ConfigFault, type DirectiveSite, LOCATION, type Scope } from "../config/directive.ts";
import { LastHead } from "../http/last-head.ts";
import type { Location } from "../http/location.ts";
import { attachLocation, locationOf } from "../http/registry.ts";
import type { CoreSettings } from "../http/settings.ts";
import { compileCapturing } from "../template/captures.ts";
import { type HttpCoreSettings, httpCore } from "./http-core.ts";

/** The runtime location of a level that was just opened; its settings are completed by the merge. */
export function openLevel(opened: Scope, core: CoreSettings, name: string, kind: Location["kind"]): Location {
  const location: Location = {
    name,
    settings: opened.settings,
    core,
    kind,
    noRegex: false,
    regex: undefined,
    capture: undefined,
    tree: undefined,
    autoRedirect: false,
    rewrite: undefined,
    handler: undefined,
    lastHead: new LastHead(),
    limitExcept: undefined,
  };
  attachLocation(opened, location);
  return location;
}

interface Match {
  readonly name: string;
  readonly kind: Location["kind"];
  readonly noRegex: boolean;
  readonly caseless: boolean;
}

/** Reads `[= | ~ | ~* | ^~] URI`, with or without a space after the modifier. */
function parseMatch(args: readonly string[]): Match | ConfigFault {
  const [first = "", second] = args;
  if (second !== undefined) {
    switch (first) {
      case "=":
        return { name: second, kind: "exact", noRegex: false, caseless: false };
      case "^~":
        return { name: second, kind: "prefix", noRegex: true, caseless: false };
      case "~":
      case "~*":
        return { name: second, kind: "regex", noRegex: false, caseless: first === "~*" };
      default:
        return new ConfigFault(`invalid location modifier "${first}"`);
    }
  }
  if (first.startsWith("=")) return { name: first.slice(1), kind: "exact", noRegex: false, caseless: false };
  if (first.startsWith("^~")) return { name: first.slice(2), kind: "prefix", noRegex: true, caseless: false };
  if (first.startsWith("~*")) return { name: first.slice(2), kind: "regex", noRegex: false, caseless: true };
  if (first.startsWith("~")) return { name: first.slice(1), kind: "regex", noRegex: false, caseless: false };
  return { name: first, kind: first.startsWith("@") ? "named" : "prefix", noRegex: false, caseless: false };
}

/** Opens a location: checks where it stands, registers named captures of its expression. */
export function applyLocation(
  _own: HttpCoreSettings,
  site: DirectiveSite,
  opened: Scope | undefined,
): ConfigFault | undefined {
  const match = parseMatch(site.statement.args);
  if (match instanceof ConfigFault) return match;
  const location = openLevel(opened!, httpCore.of(opened!), match.name, match.kind);
  location.noRegex = match.noRegex;
  if (match.kind === "regex") {
    const compiled = compileCapturing(match.name, match.caseless, site);
    if (compiled instanceof ConfigFault) return compiled;
    location.regex = compiled.regex;
    location.capture = compiled.capture;
  }
  return site.scope.kind === LOCATION ? checkNesting(location, locationOf(site.scope)) : undefined;
}

function checkNesting(inner: Location, outer: Location): ConfigFault | undefined {
  if (outer.kind === "exact") {
    return new ConfigFault(`location "${inner.name}" cannot be inside the exact location "${outer.name}"`);
  }
  if (outer.kind === "named") {
    return new ConfigFault(`location "${inner.name}" cannot be inside the named location "${outer.name}"`);
  }
  if (inner.kind === "named") return new ConfigFault(`named location "${inner.name}" can be on the server level only`);
  // Inside a regular expression too, as nginx: its text counts.
  if (inner.kind !== "regex" && !inner.name.startsWith(outer.name)) {
    return new ConfigFault(`location "${inner.name}" is outside location "${outer.name}"`);
  }
  return undefined;
}

/** Methods that `limit_except` may name (ngx_methods_names). */
const METHODS = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "MKCOL",
  "COPY",
  "MOVE",
  "OPTIONS",
  "PROPFIND",
  "PROPPATCH",
  "LOCK",
  "UNLOCK",
  "PATCH",
]);

/** Opens the level for the methods that are not named; GET stands for HEAD too. */
export function applyLimitExcept(
  _own: HttpCoreSettings,
  site: DirectiveSite,
  opened: Scope | undefined,
): ConfigFault | undefined {
  const outer = locationOf(site.scope);
  if (outer.limitExcept !== undefined) return new ConfigFault('"limit_except" directive is duplicate');
  const methods = new Set<string>();
  for (const arg of site.statement.args) {
    const method = arg.toUpperCase();
    if (!METHODS.has(method)) return new ConfigFault(`invalid method "${arg}"`);
    methods.add(method);
    if (method === "GET") methods.add("HEAD");
  }
  const level = openLevel(opened!, httpCore.of(opened!), outer.name, "limit_except");
  outer.limitExcept = { methods, level };
  return undefined;
}

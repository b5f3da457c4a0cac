/** Warns where numbers are shown to everybody: `hopway_metrics`, `hopway_api`, `hopway_dashboard` without a guard. */
import { type DirectiveSite, type Scope, SERVER } from "../config/directive.ts";
import { enclosing } from "../config/enclosing-level.ts";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import type { Statement } from "../config/syntax.ts";
import { type Address, addressText } from "../net/address.ts";
import { httpCore } from "./http-core.ts";

/** Directives that show something, where they stand. */
const exposed = perLoad<DirectiveSite[]>(() => []);

/** To be called where such a directive is read. */
export function noteExposure(site: DirectiveSite): void {
  exposed(site.load).push(site);
}

/** Directives that keep people out, unless they say off. */
const GUARDS = new Set(["deny", "auth_basic", "auth_request", "auth_jwt", "internal", "ssl_verify_client"]);

function guards({ name, args }: Statement): boolean {
  return GUARDS.has(name) && args[0] !== "off";
}

function isGuarded(level: Scope): boolean {
  for (let scope: Scope | undefined = level; scope !== undefined; scope = scope.parent) {
    if (scope.statement?.block?.some(guards)) return true;
  }
  return false;
}

function isPublic({ family, host }: Address): boolean {
  return family !== "unix" && !host.startsWith("127.") && host !== "::1";
}

/** When all directives have been read. */
export function warnOfExposure(load: LoadContext): void {
  for (const { statement, scope } of exposed(load)) {
    if (isGuarded(scope)) continue;
    const open = listens(scope).find(isPublic);
    if (open === undefined) continue;
    load.warn(
      statement,
      `"${statement.name}" is open to everybody who can reach ${addressText(open)}: ` +
        `guard its location with "allow" and "deny all", or listen on 127.0.0.1`,
    );
  }
}

function listens(level: Scope): Address[] {
  const server = enclosing(level, SERVER);
  return server === undefined ? [] : httpCore.of(server).listens.map(({ address }) => address);
}

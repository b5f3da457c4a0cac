/** What modules add to the serving of requests while a configuration loads. */
import type { Scope } from "../config/directive.ts";
import { perLoad } from "../config/load-context.ts";
import type { HeaderFilter } from "./header-filter.ts";
import type { Location, PhaseHandlers } from "./location.ts";

/** Phase handlers of a load, in the order of the module list. */
export const phaseHandlers = perLoad<PhaseHandlers>(() => ({
  postRead: [],
  preAccess: [],
  access: [],
  preContent: [],
  content: [],
  log: [],
}));

/** Header filters of a load, in the order of the module list. */
export const headerFilters = perLoad<HeaderFilter[]>(() => []);

const locations = new WeakMap<Scope, Location>();

/** Ties the runtime location to the level of configuration that it is compiled from. */
export function attachLocation(scope: Scope, location: Location): void {
  locations.set(scope, location);
}

/** The runtime location of a server, location, `if` or limit_except level. */
export function locationOf(scope: Scope): Location {
  const location = locations.get(scope);
  if (location === undefined) throw new Error(`no location belongs to level ${scope.kind}`);
  return location;
}

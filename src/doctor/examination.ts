/** What the rules look at: the configuration as a tree of levels, and the places where it proxies. */

import { type Level, levelsOf, levelsOfKind } from "../explain/level.ts";
import type { ReadConfig } from "../explain/read-config.ts";
import { Simulation } from "../explain/simulate.ts";
import { modules } from "../modules/list.ts";
import { findPlaces } from "./find-places.ts";
import type { ProxyPlace } from "./proxy-place.ts";

/** What whoever calls knows about the application. */
export interface KnownFacts {
  /** Paths on which clients open WebSockets. */
  readonly webSocketPaths: readonly string[];
  /** How often the application pings; undefined where nobody said. */
  readonly appPingMs: number | undefined;
}

export interface Examination {
  readonly read: ReadConfig;
  readonly facts: KnownFacts;
  /** The main level. */
  readonly root: Level;
  /** Undefined where there is none: nothing is served. */
  readonly http: Level | undefined;
  /** `server` blocks of http. */
  readonly servers: readonly Level[];
  /** `upstream` blocks by name. */
  readonly upstreams: ReadonlyMap<string, Level>;
  /** Where `proxy_pass` stands and holds. */
  readonly places: readonly ProxyPlace[];
  /** For trying requests; undefined where the configuration cannot be loaded at all. */
  readonly simulation: Simulation | undefined;
  /** Why there is none. */
  readonly unsimulated: string | undefined;
}

/** Prepares a configuration for the rules. */
export async function examine(read: ReadConfig, facts: KnownFacts): Promise<Examination> {
  const root = levelsOf(read.statements);
  const http = root.children.find(({ kind }) => kind === "http");
  const servers = http?.children.filter(({ kind }) => kind === "server") ?? [];
  const blocks = http === undefined ? [] : levelsOfKind(http, "upstream");
  const upstreams = new Map(blocks.map((level) => [level.statement?.args[0] ?? "", level]));
  const simulated = await Simulation.of(modules, read);
  const simulation = typeof simulated === "string" ? undefined : simulated;
  const unsimulated = typeof simulated === "string" ? simulated : undefined;
  const places = findPlaces(servers, upstreams, simulation, facts);
  return { read, facts, root, http, servers, upstreams, places, simulation, unsimulated };
}

/** Where what happens at one level of the configuration is counted: a location, an `if` in it. */
import { Module } from "../config/directive.ts";
import { NO_ROW, type Row } from "./rows.ts";

export interface LevelCounters {
  /** LOCATION_ROW: its answers. */
  location: Row;
  /** TUNNELS_ROW: its WebSockets; NO_ROW where nothing is passed on. */
  tunnels: Row;
  /** WAY_ROWs by the key of the peer's row: peers outlive their configuration, and have the rows of an older one. */
  ways: ReadonlyMap<string, Row>;
  /** The way to peers that are only known at run time. */
  otherWay: Row;
}

const NO_WAYS: ReadonlyMap<string, Row> = new Map();

/** No directives: the rows are declared when the configuration is complete. */
export const levelCounters: Module<LevelCounters> = new Module<LevelCounters>({
  name: "http_counters",
  directives: [],
  create: () => ({ location: NO_ROW, tunnels: NO_ROW, ways: NO_WAYS, otherWay: NO_ROW }),
});

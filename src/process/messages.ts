/** What master and workers tell each other over the channel between them. */

import type { MainFile } from "../config/load.ts";
import type { ConfigSnapshot } from "../config/snapshot-source.ts";
import type { HostAnswers } from "../net/host-lookup.ts";
import type { ListenerHandle } from "../net/listen.ts";
import type { ZoneGrant, ZoneHandover } from "../zone/zone-registry.ts";

/** A configuration as a worker reads it again: every file that the master has read. */
export interface ConfigDelivery {
  readonly main: MainFile;
  readonly snapshot: ConfigSnapshot;
  /** What the names in it stand for. */
  readonly hosts: HostAnswers;
  /** File of `-e`: where errors go if the configuration does not say. */
  readonly defaultErrorLog: string | undefined;
}

export type ToWorker =
  | {
      readonly type: "start";
      readonly config: ConfigDelivery;
      readonly listeners: readonly ListenerHandle[];
      /** Without it the worker keeps its zones to itself. */
      readonly zones?: ZoneHandover;
    }
  | {
      readonly type: "reload";
      readonly config: ConfigDelivery;
      /** The new configuration's zones, where `start` handed over shared ones. */
      readonly zones?: readonly ZoneGrant[];
    }
  | { readonly type: "stop" }
  | { readonly type: "quit" }
  | { readonly type: "reopen" };

export type ToMaster = { readonly type: "ready" } | { readonly type: "reloaded"; readonly ok: boolean };

/** What master and workers tell each other over the channel between them. */

import type { MainFile } from "../config/load.ts";
import type { ConfigSnapshot } from "../config/snapshot-source.ts";
import type { MetricsHandover } from "../metrics/metrics-registry.ts";
import type { Places } from "../metrics/rows.ts";
import type { Address } from "../net/address.ts";
import type { HostAnswers } from "../net/host-lookup.ts";
import type { ListenOptions } from "../net/listen.ts";
import type { WorkerName } from "../net/neighbours.ts";
import type { ZoneGrant, ZoneHandover } from "../zone/zone-registry.ts";

/** Exit code of a worker that cannot run with its configuration, as nginx's: starting another one is no use. */
export const FATAL_CODE = 2;

/** A configuration as a worker reads it again: every file that the master has read. */
export interface ConfigDelivery {
  readonly main: MainFile;
  readonly snapshot: ConfigSnapshot;
  /** What the names in it stand for. */
  readonly hosts: HostAnswers;
  /** File of `-e`: where errors go if the configuration does not say. */
  readonly defaultErrorLog: string | undefined;
}

/** A listening socket as the master names it to a worker. */
export interface OfferedSocket {
  /** See `OpenSocket`. */
  readonly id: number;
  readonly address: Address;
  readonly options: ListenOptions;
  readonly shared: boolean;
}

/** One that the worker inherits when it is started. */
export interface InheritedSocket extends OfferedSocket {
  readonly fd: number;
}

/** What a running worker is to accept from from now on. */
export interface SocketOffer {
  readonly sockets: readonly OfferedSocket[];
  /** Those of them that it does not have: their descriptors have been sent, in this order. */
  readonly added: readonly number[];
}

export type ToWorker =
  | {
      readonly type: "start";
      /** Tells it from the other workers. */
      readonly index: number;
      readonly config: ConfigDelivery;
      readonly sockets: readonly InheritedSocket[];
      /** The descriptor over which sockets come that a reload adds. */
      readonly channel: number;
      readonly zones: ZoneHandover;
      /** The descriptor over which other workers hand connections over. */
      readonly packets: number;
      readonly metrics: MetricsHandover;
    }
  | {
      readonly type: "reload";
      readonly config: ConfigDelivery;
      readonly offer: SocketOffer;
      /** The new configuration's zones. */
      readonly zones: readonly ZoneGrant[];
      /** Where its counters are. */
      readonly places: Places;
    }
  /** By the configuration that it has. */
  | { readonly type: "listen"; readonly offer: SocketOffer }
  /** Another worker: the descriptor that leads to it has been sent. */
  | { readonly type: "neighbour"; readonly worker: WorkerName }
  | { readonly type: "stop" }
  | {
      readonly type: "quit";
      /** Nobody listens after this worker: who waits in the sockets' queues is still served. */
      readonly last: boolean;
    }
  | { readonly type: "reopen" }
  /** An operator has said which peers get new requests: it stands in the memory of the counters. */
  | { readonly type: "peers" };

export type ToMaster =
  | { readonly type: "ready" }
  /** The answer to `reload` and `listen`. */
  | { readonly type: "changed"; readonly ok: boolean }
  /** It accepts no more, as a signal wants it. */
  | { readonly type: "leaving" }
  /** As to the workers: they all are to hear of it. */
  | { readonly type: "peers" };

/** The servers of an upstream as load balancing sees them: one `Peer` per address. */

import { DYNAMIC_PEER, type Row } from "../metrics/rows.ts";
import { inetAddress, systemAddress, unixAddress } from "../net/address.ts";
import { IdleStack } from "./pool.ts";

/** Where a peer listens. */
export interface PeerAddress {
  /** `127.0.0.1:80`, `[::1]:80` or `unix:/run/x.sock`: what `$upstream_addr` shows. */
  readonly text: string;
  /** IP literal without brackets; empty for a Unix socket. */
  readonly host: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  /** Path of the Unix socket. */
  readonly path: string | undefined;
}

/** What a `server` directive says about its peers, with nginx's defaults. */
export interface PeerOptions {
  readonly weight: number;
  /** 0: no limit. */
  readonly maxConns: number;
  /** 0: failures are not counted. */
  readonly maxFails: number;
  readonly failTimeoutMs: number;
  readonly backup: boolean;
  readonly down: boolean;
  /** Keeps the connections it has and gets no new choice. */
  readonly draining: boolean;
}

/** What holds for a `server` without parameters. */
export const DEFAULT_PEER_OPTIONS: PeerOptions = {
  weight: 1,
  maxConns: 0,
  maxFails: 1,
  failTimeoutMs: 10_000,
  backup: false,
  down: false,
  draining: false,
};

/** One address of a `server`, with the counters that the balancers keep (ngx_http_upstream_rr_peer_t). */
export class Peer {
  readonly address: PeerAddress;
  /** The address as connect(2) wants it. */
  readonly systemAddress: Uint8Array;
  /** As written in the configuration. */
  readonly server: string;
  readonly weight: number;
  currentWeight = 0;
  /** Falls when the peer fails and recovers by one each time the peer is looked at. */
  effectiveWeight: number;
  /** Requests that hold the peer now. */
  conns = 0;
  maxConns: number;
  fails = 0;
  maxFails: number;
  failTimeoutMs: number;
  /** When it failed last, on the clock of `ChoiceInput.nowMs`. */
  accessedMs = Number.NEGATIVE_INFINITY;
  /** When it failed last or was tried after `failTimeoutMs` without failure. */
  checkedMs = Number.NEGATIVE_INFINITY;
  down: boolean;
  readonly backup: boolean;
  /** Gets no new requests: `drain` in the configuration, or an operator's word. */
  draining: boolean;
  readonly drainedAsWritten: boolean;
  /** What is counted of it. */
  row: Row = DYNAMIC_PEER;
  /** Position in its group: the bit of `Attempt` that remembers it as tried. */
  index = 0;
  /** Its idle connections; `ConnectionPool` keeps them. */
  readonly idle = new IdleStack();

  constructor(address: PeerAddress, server: string, options: PeerOptions) {
    this.address = address;
    const { host, port, path } = address;
    this.systemAddress = systemAddress(path === undefined ? inetAddress(host, port) : unixAddress(path));
    this.server = server;
    this.weight = options.weight;
    this.effectiveWeight = options.weight;
    this.maxConns = options.maxConns;
    this.maxFails = options.maxFails;
    this.failTimeoutMs = options.failTimeoutMs;
    this.down = options.down;
    this.backup = options.backup;
    this.draining = options.draining;
    this.drainedAsWritten = options.draining;
  }

  /** May be chosen: not down, not disabled by failures, not at `max_conns`. */
  available(nowMs: number): boolean {
    if (this.down || this.draining) return false;
    if (this.maxFails > 0 && this.fails >= this.maxFails && nowMs - this.checkedMs <= this.failTimeoutMs) return false;
    return this.maxConns === 0 || this.conns < this.maxConns;
  }

  /** Takes over what is known of the same address from before a reload. */
  continueFrom(before: Peer): void {
    this.fails = before.fails;
    this.accessedMs = before.accessedMs;
    this.checkedMs = before.checkedMs;
    if (this.weight !== before.weight) return;
    this.effectiveWeight = before.effectiveWeight;
    this.currentWeight = before.currentWeight;
  }

  /** Counts a choice of this peer. A choice after `failTimeoutMs` is the probe that may clear its failures. */
  take(nowMs: number): void {
    if (nowMs - this.checkedMs > this.failTimeoutMs) this.checkedMs = nowMs;
    this.conns++;
  }
}

/** The primary or the backup peers of an upstream (ngx_http_upstream_rr_peers_t). */
export class PeerGroup {
  readonly peers: readonly Peer[];
  /** Exactly one peer and no backup: it is never marked as failed, since nothing could stand in. */
  readonly single: boolean;
  readonly totalWeight: number;
  /** The peers that are not down: how many tries a request has here. */
  readonly tries: number;
  /** The backup peers. */
  readonly backup: PeerGroup | undefined;

  constructor(peers: readonly Peer[], backup: PeerGroup | undefined, single: boolean) {
    this.peers = peers;
    this.backup = backup;
    this.single = single;
    let totalWeight = 0;
    let tries = 0;
    for (const [index, peer] of peers.entries()) {
      peer.index = index;
      totalWeight += peer.weight;
      if (!peer.down && !peer.draining) tries++;
    }
    this.totalWeight = totalWeight;
    this.tries = tries;
  }

  /** Splits peers into the primary group and, behind it, the backup group. */
  static of(peers: readonly Peer[]): PeerGroup {
    const primary = peers.filter((peer) => !peer.backup);
    const spare = peers.filter((peer) => peer.backup);
    const backup = spare.length === 0 ? undefined : new PeerGroup(spare, undefined, false);
    return new PeerGroup(primary, backup, primary.length === 1 && backup === undefined);
  }
}

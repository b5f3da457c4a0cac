/**
 * Peers whose counters all workers share: `zone` in an `upstream` block (ngx_http_upstream_zone_module.c).
 *
 * The balancers work on `Peer` objects and know nothing of this: under the zone's lock the shared counters are read into
 * the peers, the method chooses or frees, and what it changed is written back. Blocks without a zone pay nothing.
 */
import type { LoadContext } from "../config/load-context.ts";
import { sharedNowMs } from "../net/shared-memory.ts";
import { cellsOfEntry, tableShape } from "../zone/table-shape.ts";
import { hold, totalHeld, unhold } from "../zone/zone-holders.ts";
import type { ZoneTable } from "../zone/zone-table.ts";
import type { DeclaredZone, ZoneKind } from "../zone/zones.ts";
import type { Attempt, Balancer } from "./balancer.ts";
import type { Peer } from "./peer.ts";
import type { Upstream } from "./upstream.ts";

// The values of a peer's entry, in this order. Times are on the clock of `sharedNowMs`.
const CHECKED = 0;
const ACCESSED = 1;
const FAILS = 2;
const CURRENT_WEIGHT = 3;
const EFFECTIVE_WEIGHT = 4;
/** The weight by which the effective weight is measured: a reload may change it. */
const WEIGHT = 5;

export const PEER_ZONE: ZoneKind = {
  owner: "http_upstream",
  layout: { cellWords: 32, values: 6, holders: 4, dropsUnheld: false },
  keyFault: (zone) => `zone "${zone}" has no key`,
};

/** A peer and its entry. */
interface SharedPeer {
  readonly peer: Peer;
  /** Upstream, address and server line: an entry is kept over a reload for the peer with the same ones. */
  readonly key: string;
  /** 0: the zone has no room for it, the counters are this worker's own. */
  cell: number;
  serial: number;
}

/** The keys of an upstream's peers, one for each. */
function keysOf(upstream: string, peers: readonly Peer[]): string[] {
  const seen = new Map<string, number>();
  return peers.map((peer) => {
    const line = [upstream, peer.backup ? "backup" : "", peer.address.text, peer.server].join("\0");
    const twin = seen.get(line) ?? 0;
    seen.set(line, twin + 1);
    return `${line}\0${twin}`;
  });
}

/** When all peers are known: refuses zones that cannot hold those of the upstreams that name them. */
export function refuseSmallZones(load: LoadContext, upstreams: Iterable<Upstream>): void {
  const room = new Map<DeclaredZone, number>();
  for (const { zone, name, peers } of upstreams) {
    if (zone === undefined || zone.bytes === 0) continue;
    const shape = tableShape(zone.bytes, PEER_ZONE.layout);
    const cells = keysOf(name, peers).reduce((sum, key) => sum + cellsOfEntry(shape, key.length), 0);
    const before = room.get(zone) ?? shape.cells;
    room.set(zone, before - cells);
    if (before >= 0 && before < cells) {
      load.failLate(`ngx_slab_alloc() failed: no memory in upstream zone "${zone.name}"`);
    }
  }
}

/** The peers of one upstream in a zone. */
class PeersInZone {
  private readonly zone: DeclaredZone;
  private readonly shared: readonly SharedPeer[];
  private readonly byPeer = new Map<Peer, SharedPeer>();

  constructor(zone: DeclaredZone, upstream: string, peers: readonly Peer[]) {
    this.zone = zone;
    const keys = keysOf(upstream, peers);
    this.shared = peers.map((peer, i) => {
      const shared = { peer, key: keys[i]!, cell: 0, serial: 0 };
      this.byPeer.set(peer, shared);
      return shared;
    });
    zone.onBound.push(() => this.enter());
  }

  /** Finds or makes the entries; those in use count as used last. */
  private enter(): void {
    const { table } = this.zone;
    table.acquire();
    try {
      for (const shared of this.shared) {
        if (this.find(table, shared)) table.touch(shared.cell);
      }
    } finally {
      table.release();
    }
  }

  next(inner: Balancer, attempt: Attempt): Peer | undefined {
    const { table, slot } = this.zone;
    const { shared } = this;
    const aheadMs = sharedNowMs() - attempt.input.nowMs;
    table.acquire();
    try {
      for (let i = 0; i < shared.length; i++) this.pull(table, shared[i]!, aheadMs);
      const peer = inner.next(attempt);
      for (let i = 0; i < shared.length; i++) {
        const one = shared[i]!;
        // A reload under way may leave too little room: then one peer's entry has made room for another's.
        if (one.cell === 0 || !table.is(one.cell, one.serial)) continue;
        pushWeights(table, one);
        if (one.peer !== peer) continue;
        table.doubles[table.values(one.cell) + CHECKED] = peer.checkedMs + aheadMs;
        hold(table, one.cell, slot);
      }
      return peer;
    } finally {
      table.release();
    }
  }

  free(inner: Balancer, attempt: Attempt, failed: boolean): void {
    const { peer } = attempt;
    const shared = peer === undefined ? undefined : this.byPeer.get(peer);
    if (shared === undefined) {
      inner.free(attempt, failed);
      return;
    }
    const { table, slot } = this.zone;
    const aheadMs = sharedNowMs() - attempt.input.nowMs;
    table.acquire();
    try {
      this.pull(table, shared, aheadMs);
      inner.free(attempt, failed);
      if (shared.cell === 0) return;
      const at = table.values(shared.cell);
      table.doubles[at + CHECKED] = shared.peer.checkedMs + aheadMs;
      table.doubles[at + ACCESSED] = shared.peer.accessedMs + aheadMs;
      table.doubles[at + FAILS] = shared.peer.fails;
      pushWeights(table, shared);
      unhold(table, shared.cell, slot);
    } finally {
      table.release();
    }
  }

  private pull(table: ZoneTable, shared: SharedPeer, aheadMs: number): void {
    if (!this.find(table, shared)) return;
    const { peer, cell } = shared;
    const at = table.values(cell);
    const { doubles } = table;
    peer.checkedMs = doubles[at + CHECKED]! - aheadMs;
    peer.accessedMs = doubles[at + ACCESSED]! - aheadMs;
    peer.fails = doubles[at + FAILS]!;
    peer.currentWeight = doubles[at + CURRENT_WEIGHT]!;
    peer.effectiveWeight = doubles[at + EFFECTIVE_WEIGHT]!;
    peer.conns = totalHeld(table, cell);
  }

  /** The peer's entry, which may have made room for another since it was last seen. */
  private find(table: ZoneTable, shared: SharedPeer): boolean {
    if (shared.cell !== 0 && table.is(shared.cell, shared.serial)) return true;
    const { peer, key } = shared;
    let cell = table.find(key);
    if (cell === 0) {
      cell = insertWithRoom(table, key);
      shared.cell = cell;
      if (cell === 0) return false;
      const at = table.values(cell);
      table.doubles[at + CHECKED] = Number.NEGATIVE_INFINITY;
      table.doubles[at + ACCESSED] = Number.NEGATIVE_INFINITY;
    }
    const at = table.values(cell);
    if (table.doubles[at + WEIGHT] !== peer.weight) {
      table.doubles[at + WEIGHT] = peer.weight;
      table.doubles[at + EFFECTIVE_WEIGHT] = peer.weight;
      table.doubles[at + CURRENT_WEIGHT] = 0;
    }
    shared.cell = cell;
    shared.serial = table.serial(cell);
    return true;
  }
}

function pushWeights(table: ZoneTable, { peer, cell }: SharedPeer): void {
  const at = table.values(cell);
  table.doubles[at + CURRENT_WEIGHT] = peer.currentWeight;
  table.doubles[at + EFFECTIVE_WEIGHT] = peer.effectiveWeight;
}

/** Peers of configurations that are gone make room, the oldest first, unless requests still hold them. */
function insertWithRoom(table: ZoneTable, key: string): number {
  let cell = table.insert(key);
  let old = table.oldest;
  for (let left = table.cells; cell === 0 && old !== 0 && left > 0; left--) {
    const newer = table.newerThan(old);
    if (totalHeld(table, old) === 0) {
      table.remove(old);
      cell = table.insert(key);
    }
    old = newer;
  }
  return cell;
}

/** A method over peers whose counters are in a zone. */
export function inZone(inner: Balancer, zone: DeclaredZone, upstream: string, peers: readonly Peer[]): Balancer {
  const shared = new PeersInZone(zone, upstream, peers);
  return {
    name: inner.name,
    begin: (input) => inner.begin(input),
    next: (attempt) => shared.next(inner, attempt),
    free: (attempt, failed) => shared.free(inner, attempt, failed),
  };
}

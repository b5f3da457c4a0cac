/** Idle connections to the peers of one upstream, kept for the next request (ngx_http_upstream_keepalive_module.c). */
import { addSlotHolder } from "../net/connection-slots.ts";
import { nowMs, Timer } from "../net/timers.ts";
import type { Peer } from "./peer.ts";

/** What the pool needs to know of a connection. */
export interface PooledConnection {
  /** Requests it has carried. */
  requests: number;
  /** When it was opened, monotonic ms. */
  readonly startedMs: number;
  /** What its TLS says and asks for: only who wants the same may have it; "" without TLS. */
  readonly security: string;
  /** Set by the pool while the connection is idle; starts as undefined. */
  slot: IdleSlot | undefined;
  /** The pool drops it: idle too long, or pushed out by a newer one. It is out of the pool when this is called. */
  close(): void;
}

/** `keepalive`, `keepalive_requests`, `keepalive_time` and `keepalive_timeout` of an `upstream` block. */
export interface KeepaliveSettings {
  /** Idle connections kept per worker, over all peers; 0 keeps none. */
  size: number;
  /** A connection is reused only by the location that opened it. */
  local: boolean;
  maxRequests: number;
  /** Age at which a connection is no longer kept. */
  maxAgeMs: number;
  idleTimeoutMs: number;
}

/** Pools that have kept a connection and are not retired: asked for one when the process has too many. */
const inUse = new Set<ConnectionPool>();
addSlotHolder({
  closeResting: () => {
    for (const pool of inUse) if (pool.dropOldest()) return true;
    return false;
  },
});

/** The place of an idle connection in its peer's stack and in the pool's order of age. */
export class IdleSlot {
  readonly connection: PooledConnection;
  readonly peer: Peer;
  readonly pool: ConnectionPool;
  /** What may reuse it where `local` is set. */
  tag: object | undefined = undefined;
  idleSinceMs = 0;
  /** In the pool. A connection keeps its slot from one rest to the next. */
  resting = false;
  /** Neighbours in the pool: newer and older. */
  newer: IdleSlot | undefined = undefined;
  older: IdleSlot | undefined = undefined;
  /** Neighbours in the peer's stack: above and below. */
  above: IdleSlot | undefined = undefined;
  below: IdleSlot | undefined = undefined;

  constructor(connection: PooledConnection, peer: Peer, pool: ConnectionPool) {
    this.connection = connection;
    this.peer = peer;
    this.pool = pool;
  }
}

/** A peer's idle connections, the one used last on top. */
export class IdleStack {
  top: IdleSlot | undefined = undefined;
}

/** Last in, first out per peer; the connection idle longest makes room. */
export class ConnectionPool {
  readonly settings: KeepaliveSettings;
  private count = 0;
  private newest: IdleSlot | undefined = undefined;
  private oldest: IdleSlot | undefined = undefined;
  private readonly timer = new Timer(this, 0);
  private known = false;
  private retired = false;
  /** Who keeps connections in place of a retired pool, and which of its peers stands for one of this pool's. */
  private heir: ConnectionPool | undefined = undefined;
  private heirs: ReadonlyMap<Peer, Peer> = new Map();

  constructor(settings: KeepaliveSettings) {
    this.settings = settings;
  }

  /** Idle connections held. */
  get idle(): number {
    return this.count;
  }

  /** The connection to `peer` of that TLS that became idle last and that `tag` may use; it leaves the pool. Hot. */
  take(peer: Peer, tag: object | undefined, security = ""): PooledConnection | undefined {
    const { local } = this.settings;
    let slot = peer.idle.top;
    while (slot !== undefined && (slot.connection.security !== security || (local && slot.tag !== tag)))
      slot = slot.below;
    if (slot === undefined) return undefined;
    this.unlink(slot);
    return slot.connection;
  }

  /**
   * Keeps a connection whose response has been read in full and that both sides want to keep. False where the settings
   * forbid it: the caller closes it then.
   */
  give(connection: PooledConnection, peer: Peer, tag: object | undefined): boolean {
    if (this.retired) return this.passOn(connection, peer, tag);
    const { size, maxRequests, maxAgeMs, idleTimeoutMs } = this.settings;
    const now = nowMs();
    if (size === 0 || connection.requests >= maxRequests || now - connection.startedMs > maxAgeMs) return false;
    if (this.count >= size && this.oldest !== undefined) this.drop(this.oldest);
    if (!this.known) {
      this.known = true;
      inUse.add(this);
    }
    connection.slot ??= new IdleSlot(connection, peer, this);
    const { slot } = connection;
    slot.tag = tag;
    slot.idleSinceMs = now;
    slot.resting = true;
    slot.older = this.newest;
    if (this.newest !== undefined) this.newest.newer = slot;
    else this.oldest = slot;
    this.newest = slot;
    slot.below = peer.idle.top;
    if (slot.below !== undefined) slot.below.above = slot;
    peer.idle.top = slot;
    this.count++;
    if (this.count === 1) this.timer.arm(idleTimeoutMs);
    return true;
  }

  /** Takes out an idle connection that the peer closed or that sent bytes nobody asked for; the caller closes it. */
  remove(connection: PooledConnection): void {
    const { slot } = connection;
    // A reload may have moved it to another pool.
    if (slot?.resting === true) slot.pool.unlink(slot);
  }

  /** Closes the connection that has been idle longest; false when there is none. */
  dropOldest(): boolean {
    if (this.oldest === undefined) return false;
    this.drop(this.oldest);
    return true;
  }

  /**
   * Keeps no more: the configuration it belonged to is gone. Its connections, those still in use when they are given,
   * go to the `heir`, as far as `heirs` names a peer there for theirs; the others close.
   */
  retire(heir: ConnectionPool | undefined, heirs: ReadonlyMap<Peer, Peer>): void {
    // Shared by all that keep nothing.
    if (this.settings.size === 0) return;
    this.retired = true;
    this.heir = heir;
    this.heirs = heirs;
    inUse.delete(this);
    while (this.oldest !== undefined) {
      const { connection, peer, tag } = this.oldest;
      this.unlink(this.oldest);
      if (!this.passOn(connection, peer, tag)) connection.close();
    }
    this.timer.release();
  }

  private passOn(connection: PooledConnection, peer: Peer, tag: object | undefined): boolean {
    const successor = this.heirs.get(peer);
    if (this.heir === undefined || successor === undefined) return false;
    connection.slot = undefined;
    return this.heir.give(connection, successor, tag);
  }

  /** Closes what was idle too long at `now`, monotonic ms. */
  expire(now: number): void {
    const { idleTimeoutMs } = this.settings;
    while (this.oldest !== undefined && now - this.oldest.idleSinceMs >= idleTimeoutMs) this.drop(this.oldest);
    if (this.oldest === undefined) this.timer.release();
    else this.timer.arm(this.oldest.idleSinceMs + idleTimeoutMs - now);
  }

  onTimer(): void {
    this.expire(nowMs());
  }

  private drop(slot: IdleSlot): void {
    this.unlink(slot);
    slot.connection.close();
  }

  private unlink(slot: IdleSlot): void {
    const { newer, older, above, below, peer } = slot;
    if (newer !== undefined) newer.older = older;
    else this.newest = older;
    if (older !== undefined) older.newer = newer;
    else this.oldest = newer;
    if (above !== undefined) above.below = below;
    else peer.idle.top = below;
    if (below !== undefined) below.above = above;
    slot.newer = undefined;
    slot.older = undefined;
    slot.above = undefined;
    slot.below = undefined;
    slot.resting = false;
    this.count--;
  }
}

/** What a load balancing method is, and the state of one request's walk through the peers. */
import type { Peer, PeerGroup } from "./peer.ts";

/** What the choice may depend on; the proxy's request implements it. */
export interface ChoiceInput {
  /** The client's address bytes: 4 (IPv4), 16 (IPv6) or 0 (Unix socket). */
  clientAddress(): Uint8Array;
  /** The evaluated key of `hash`. */
  hashKey(): string;
  /** Monotonic milliseconds. Read anew at each `next` and `free`: a getter, not a value of the request's start. */
  readonly nowMs: number;
}

/** How many peers the bit mask of an attempt can hold: bitwise operators work on 32 bits. */
const MASK_BITS = 32;

/**
 * One proxied request's walk through the peers: which it tried, which it holds. Hot: one object per request, nothing
 * else is allocated unless the upstream has more than 32 peers. The fields of all methods are here, so that every
 * attempt has the same shape.
 */
export class Attempt {
  readonly input: ChoiceInput;
  /** The group being tried: the primary peers, then the backups. */
  group: PeerGroup;
  /** Tries left, as `u->peer.tries` in nginx; the proxy may lower it (`proxy_next_upstream_tries`). */
  tries: number;
  /** The peer held now, undefined before `next` and after `free`. */
  peer: Peer | undefined = undefined;
  /** The last `free` disabled its peer: the proxy logs `upstream server temporarily disabled`. */
  disabled = false;
  /** Running hash of `ip_hash`, `hash` and the point on the ring of `hash ... consistent`. */
  hash = 0;
  /** Peers that `ip_hash`, `hash` or `random` passed over; after 20 of them round robin takes over. */
  misses = 0;
  rehash = 0;
  key = "";
  private mask = 0;
  private triedMore: Set<number> | undefined = undefined;

  constructor(input: ChoiceInput, group: PeerGroup) {
    this.input = input;
    this.group = group;
    this.tries = group.tries + (group.backup === undefined ? 0 : group.backup.tries);
  }

  tried(peer: Peer): boolean {
    const index = peer.index;
    if (index < MASK_BITS) return (this.mask & (1 << index)) !== 0;
    return this.triedMore?.has(index) === true;
  }

  /** Makes `peer` the one the request holds, and never chooses it again for this request. */
  hold(peer: Peer): Peer {
    const index = peer.index;
    if (index < MASK_BITS) this.mask |= 1 << index;
    else {
      this.triedMore ??= new Set();
      this.triedMore.add(index);
    }
    this.peer = peer;
    peer.take(this.input.nowMs);
    return peer;
  }

  /** Goes on with the backup peers; false where there are none. */
  toBackup(): boolean {
    const backup = this.group.backup;
    if (backup === undefined) return false;
    this.group = backup;
    this.mask = 0;
    this.triedMore?.clear();
    return true;
  }
}

/** A load balancing method over the peers of one upstream. */
export interface Balancer {
  /** The directive: `round_robin` where none is written. */
  readonly name: string;
  /** Starts a request. */
  begin(input: ChoiceInput): Attempt;
  /** The next peer to try; undefined when there is none ("no live upstreams while connecting to upstream"). */
  next(attempt: Attempt): Peer | undefined;
  /**
   * Gives the held peer back, at the end of the request too. `failed` counts against the peer (NGX_PEER_FAILED).
   * Does nothing when no peer is held.
   */
  free(attempt: Attempt, failed: boolean): void;
}

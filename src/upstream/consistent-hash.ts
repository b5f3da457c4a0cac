/** `hash KEY consistent`: a ketama ring with nginx's points, so that few keys move when a server comes or goes. */
import { crc32 } from "node:zlib";
import type { Attempt, Balancer } from "./balancer.ts";
import { beginWithKey, crc32Latin1 } from "./hash.ts";
import type { Peer, PeerGroup } from "./peer.ts";
import { freePeer, nextRoundRobin, smoothest } from "./round-robin.ts";
import { MAX_MISSES } from "./weight-line.ts";

/** Points on the ring per unit of weight (nginx). */
const POINTS_PER_WEIGHT = 160;

/** The ring: points in ascending order, and the peers of the server that each belongs to. */
interface Ring {
  readonly hashes: Uint32Array;
  readonly owners: readonly (readonly Peer[])[];
}

/** Splits the `server` text as nginx does for the ring: `host:port`, or all of it where no port is written. */
function hostAndPort(server: string): readonly [string, string] {
  if (/^unix:/i.test(server)) return [server.slice("unix:".length), ""];
  const port = /:([0-9]*)$/.exec(server);
  return port === null ? [server, ""] : [server.slice(0, port.index), port[1]!];
}

/** Each point continues the CRC of `host NUL port` with the point before it, as Cache::Memcached::Fast does. */
function buildRing(group: PeerGroup): Ring {
  const byServer = Map.groupBy(group.peers, (peer) => peer.server);
  const points: { readonly hash: number; readonly owner: readonly Peer[] }[] = [];
  const previous = new Uint8Array(4);
  const view = new DataView(previous.buffer);
  for (const peer of group.peers) {
    const [host, port] = hostAndPort(peer.server);
    const base = crc32Latin1(`${host}\0${port}`, 0);
    const owner = byServer.get(peer.server) ?? [];
    view.setUint32(0, 0, true);
    for (let i = 0; i < peer.weight * POINTS_PER_WEIGHT; i++) {
      const hash = crc32(previous, base);
      points.push({ hash, owner });
      view.setUint32(0, hash, true);
    }
  }
  points.sort((a, b) => a.hash - b.hash);
  const distinct = points.filter((point, i) => i === 0 || point.hash !== points[i - 1]!.hash);
  return { hashes: Uint32Array.from(distinct, (p) => p.hash), owners: distinct.map((p) => p.owner) };
}

/** The first point at or after a hash; the number of points where there is none, which wraps to the first. */
function findPoint(hashes: Uint32Array, hash: number): number {
  let from = 0;
  let to = hashes.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (hashes[middle]! < hash) from = middle + 1;
    else to = middle;
  }
  return from;
}

function nextOnRing(attempt: Attempt, ring: Ring, group: PeerGroup): Peer | undefined {
  // The ring knows the primary peers only.
  const offRing = attempt.misses > MAX_MISSES || attempt.group !== group;
  if (offRing || group.peers.length < 2 || attempt.key === "") return nextRoundRobin(attempt);
  for (;;) {
    // Several addresses of one server share its points.
    const peer = smoothest(attempt, ring.owners[attempt.hash % ring.owners.length]!);
    if (peer !== undefined) return attempt.hold(peer);
    attempt.hash++;
    if (++attempt.misses > MAX_MISSES) return nextRoundRobin(attempt);
  }
}

/** The method of `hash KEY consistent`; builds its ring. */
export function consistentHash(group: PeerGroup): Balancer {
  const ring = buildRing(group);
  const begin = beginWithKey(group);
  return {
    name: "hash",
    begin(input) {
      const attempt = begin(input);
      attempt.hash = findPoint(ring.hashes, crc32Latin1(attempt.key, 0));
      return attempt;
    },
    next: (attempt) => nextOnRing(attempt, ring, group),
    free: freePeer,
  };
}

/** Single tunnels of this worker: those that carried most, and those whose peers are slow. */
import type { Connection } from "../http/connection.ts";
import { nowMs } from "../net/timers.ts";
import { type Tunnel, tunnelOf } from "../proxy/tunnel.ts";
import { displayText } from "./display-text.ts";
import { type Way, wayOf } from "./recent-events.ts";

/** How many are listed. */
export const LISTED = 10;

export interface OpenTunnel extends Way {
  readonly ageMs: number;
  /** -1 where the frames are not read. */
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** The last round trips of pings; -1 for none. */
  readonly clientRoundTripMs: number;
  readonly upstreamRoundTripMs: number;
  /** Bytes that the client, or the upstream, has not taken yet. */
  readonly waitingBytes: number;
  readonly subprotocol: string;
}

/** The few with the highest scores among many. */
class Top<T> {
  private readonly ranked: { readonly entry: T; readonly score: number }[] = [];
  private readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  offer(entry: T, score: number): void {
    const { ranked, size } = this;
    if (ranked.length === size && ranked[size - 1]!.score >= score) return;
    const at = ranked.findIndex((other) => other.score < score);
    ranked.splice(at < 0 ? ranked.length : at, 0, { entry, score });
    if (ranked.length > size) ranked.pop();
  }

  get entries(): T[] {
    return this.ranked.map(({ entry }) => entry);
  }
}

/** All bytes that came in over a tunnel. */
function volume({ client, upstream }: Tunnel): number {
  return client.received + upstream.received;
}

/** More than any round trip. */
const NEVER_MS = Number.MAX_SAFE_INTEGER / 2;

/** To sort tunnels by: whoever does not take bytes is slower than whoever answers late. -1: nothing is known. */
export function slowness(waitingBytes: number, clientRoundTripMs: number, upstreamRoundTripMs: number): number {
  return waitingBytes > 0 ? NEVER_MS + waitingBytes : Math.max(clientRoundTripMs, upstreamRoundTripMs);
}

function slownessOf({ client, upstream, session }: Tunnel): number {
  const waitingBytes = client.waitingBytes + upstream.waitingBytes;
  return slowness(waitingBytes, session?.clientRoundTripMs ?? -1, session?.upstreamRoundTripMs ?? -1);
}

function described(tunnel: Tunnel): OpenTunnel {
  const { request, client, upstream, session } = tunnel;
  return {
    ...wayOf(request),
    ageMs: Math.round(nowMs() - request.startMs),
    messagesIn: session?.fromClient.messages ?? -1,
    messagesOut: session?.fromUpstream.messages ?? -1,
    bytesIn: client.received,
    bytesOut: upstream.received,
    clientRoundTripMs: session?.clientRoundTripMs ?? -1,
    upstreamRoundTripMs: session?.upstreamRoundTripMs ?? -1,
    waitingBytes: client.undelivered() + upstream.undelivered(),
    subprotocol: displayText(session?.subprotocol),
  };
}

/** Looks through all connections: 0.1 ms for a thousand of them. */
export function listTunnels(connections: Iterable<Connection>): {
  readonly largest: readonly OpenTunnel[];
  readonly slowest: readonly OpenTunnel[];
} {
  const largest = new Top<Tunnel>(LISTED);
  const slowest = new Top<Tunnel>(LISTED);
  for (const { socket } of connections) {
    const tunnel = tunnelOf(socket);
    if (tunnel === undefined) continue;
    largest.offer(tunnel, volume(tunnel));
    const score = slownessOf(tunnel);
    if (score >= 0) slowest.offer(tunnel, score);
  }
  return { largest: largest.entries.map(described), slowest: slowest.entries.map(described) };
}

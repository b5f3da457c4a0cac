/** Which open WebSockets have to go when the proxy stops, or when the configuration or an operator takes away what they lead to. */
import type { LoadContext } from "../config/load-context.ts";
import type { Request } from "../http/request.ts";
import { DYNAMIC_PEER, NO_ROW, rows } from "../metrics/rows.ts";
import { upstreams } from "../upstream/upstream-set.ts";
import { webSocketModule } from "../websocket/module.ts";
import { WebSocketSession } from "../websocket/session.ts";
import { TunnelRecord } from "./tunnel-record.ts";

function sessionOf(r: Request): WebSocketSession | undefined {
  const session = r.context(webSocketModule.id);
  return session instanceof WebSocketSession ? session : undefined;
}

/** The process ends: all WebSockets go, within `withinMs` at the latest. */
export function drainForShutdown(requests: Iterable<Request>, withinMs: number): void {
  for (const r of requests) sessionOf(r)?.drain("the proxy is stopped", withinMs);
}

/** What a configuration, with what operators said since, has to serve tunnels with. */
class Served {
  private readonly load: LoadContext;
  /** Rows of peers that may keep their tunnels. */
  private readonly peers = new Set<string>();

  constructor(load: LoadContext) {
    this.load = load;
    for (const upstream of upstreams(load)) {
      for (const { draining, row } of upstream.peers) if (!draining) this.peers.add(row.key);
    }
  }

  /** Why a tunnel has to go; undefined where it may stay. */
  missing(r: Request): string | undefined {
    const { upstream } = r;
    if (!(upstream instanceof TunnelRecord)) return undefined;
    if (r.connection.binding.closing) return "its address is not listened on any more";
    const { servers } = r.connection.binding;
    const server = servers.find(r.host, undefined) ?? servers.defaultServer;
    if (server.name !== r.server.name) return "its host is not served by the same server any more";
    const { way, peer } = upstream;
    if (way !== NO_ROW && !rows(this.load).has(way)) return "the configuration does not lead to its peer any more";
    const isKnown = peer.row.key !== DYNAMIC_PEER.key;
    return isKnown && !this.peers.has(peer.row.key) ? "its peer is gone, or drained" : undefined;
  }
}

/** A configuration came into force, or an operator has drained peers: tunnels that it would not open any more go, others stay. */
export function drainGone(requests: Iterable<Request>, load: LoadContext): void {
  const served = new Served(load);
  for (const r of requests) {
    const session = sessionOf(r);
    if (session === undefined) continue;
    const missing = served.missing(r);
    if (missing === undefined) session.stay();
    else session.drain(missing, Number.POSITIVE_INFINITY);
  }
}

/** A tunnel has been opened to a peer that is not to have any more. */
export function leadsToDrainedPeer({ upstream }: Request): boolean {
  return upstream instanceof TunnelRecord && upstream.peer.draining;
}

/** There is no time left: a WebSocket is closed at once, with a Close frame all the same. False for other requests. */
export function closeAtOnce(r: Request): boolean {
  return sessionOf(r)?.cutShort("worker_shutdown_timeout has passed") ?? false;
}

/** What is left of an exchange while its tunnel lasts: little, as a tunnel lasts long. */
import { GONE_HEADERS, type HeaderList } from "../http/header-list.ts";
import type { Request, UpstreamView } from "../http/request.ts";
import { LIFETIMES, TUNNELS_OPEN, TUNNELS_OPENED } from "../metrics/cells.ts";
import { count, uncount } from "../metrics/counters.ts";
import { LIFETIME, observe } from "../metrics/histogram.ts";
import type { LevelCounters } from "../metrics/level-counters.ts";
import type { Row } from "../metrics/rows.ts";
import { nowMs } from "../net/timers.ts";
import type { Peer } from "../upstream/peer.ts";
import type { UpstreamExchange } from "./exchange.ts";
import type { Tunnel, TunnelOwner } from "./tunnel.ts";
import type { ExchangeTarget } from "./upstream-protocol.ts";
import type { UpstreamTries } from "./upstream-tries.ts";

export class TunnelRecord implements UpstreamView, TunnelOwner {
  readonly bodyLength: number;
  readonly chunked: boolean;
  responseHeaders: HeaderList;
  readonly responseTrailers: HeaderList | undefined = undefined;
  private readonly r: Request;
  private readonly target: ExchangeTarget;
  private readonly tries: UpstreamTries;
  private readonly uri: string;
  /** Bytes that the connection had sent before it became part of the tunnel. */
  private readonly sentBefore: number;

  private readonly startedMs = nowMs();
  /** Where the tunnel is counted: TUNNELS_ROW. */
  private readonly tunnelsAt: number;
  /** WAY_ROW: the server, location, upstream and peer by their names. */
  readonly way: Row;

  /** Takes the place of the exchange. `counters`: of the request's level. */
  constructor(exchange: UpstreamExchange, sentBefore: number, counters: LevelCounters) {
    const { r, target, tries, request, bodyLength, chunked } = exchange;
    this.r = r;
    this.target = target;
    this.tries = tries;
    this.uri = request.uri;
    this.bodyLength = bodyLength;
    this.chunked = chunked;
    this.sentBefore = sentBefore;
    const { tunnels, ways, otherWay } = counters;
    this.tunnelsAt = tunnels.at;
    this.way = ways.get(tries.peer!.row.key) ?? otherWay;
    count(this.way.at + TUNNELS_OPENED);
    count(this.way.at + TUNNELS_OPEN);
    this.responseHeaders = exchange.responseHeaders.pack();
    r.headers = r.headers.pack();
    r.out.list = r.out.list.pack();
    r.upstream = this;
  }

  get hostHeader(): string {
    return this.target.url.hostHeader;
  }

  get portText(): string {
    return this.target.url.portText;
  }

  get logText(): string | undefined {
    return this.tries.logText(this.target.url.scheme, this.uri);
  }

  /** The peer that the tunnel leads to. */
  get peer(): Peer {
    return this.tries.peer!;
  }

  releaseHeaders(): void {
    this.responseHeaders = GONE_HEADERS;
  }

  onTunnelClosed(tunnel: Tunnel): void {
    const { r, tries } = this;
    const { state } = tries;
    uncount(this.way.at + TUNNELS_OPEN);
    observe(this.tunnelsAt + LIFETIMES, LIFETIME, nowMs() - this.startedMs);
    r.connection.output.sentBytes += tunnel.client.sent;
    state.bytesReceived += tunnel.upstream.received;
    state.responseLength += tunnel.upstream.received;
    tries.ended(this.sentBefore + tunnel.upstream.sent);
    // Silence in a tunnel is no failure of the peer (ngx_http_upstream_finalize_request).
    tries.free(false);
    r.connection.tunnelClosed();
  }
}

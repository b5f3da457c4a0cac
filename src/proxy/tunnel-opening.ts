/** A 101 of the upstream to a client that asked for it: both sockets become a tunnel (ngx_http_upstream_upgrade). */
import { sendHead } from "../http/response-output.ts";
import { HANDSHAKES, REFUSED, refusalIndex } from "../metrics/cells.ts";
import { count } from "../metrics/counters.ts";
import { levelCounters } from "../metrics/level-counters.ts";
import { WARN } from "../net/error-log.ts";
import { asksForWebSocket, readAgreement } from "../websocket/handshake.ts";
import { webSocketModule } from "../websocket/module.ts";
import { WebSocketSession } from "../websocket/session.ts";
import type { UpstreamExchange } from "./exchange.ts";
import { countAnswer } from "./peer-counters.ts";
import { Tunnel } from "./tunnel.ts";
import { TunnelRecord } from "./tunnel-record.ts";

/** Sends the head, and hands both connections over; `chunk[at..)` came behind the upstream's head. */
export function openTunnel(exchange: UpstreamExchange, chunk: Buffer, at: number): void {
  const { r, settings } = exchange;
  const client = r.connection;
  r.keepAlive = false;
  sendHead(r);
  r.action = "proxying upgraded connection";
  const counters = levelCounters.of(r.location);
  const rules = webSocketModule.of(r.location);
  const watched = rules.watch !== "no";
  const agreement = watched ? readAgreement(r, exchange.responseHeaders) : undefined;
  if (at < chunk.length && agreement === undefined) client.output.bytes(chunk.subarray(at));
  client.flush();
  const connection = exchange.detachForTunnel();
  const record = new TunnelRecord(exchange, connection.bytesSent, counters);
  const unsent = connection.detach();
  const early = client.becomeTunnel();
  const tunnel = new Tunnel(r, client.socket, connection.socket, settings.readTimeoutMs, record);
  const { state } = exchange.tries;
  state.responseLength = chunk.length - at;
  countAnswer(state);
  if (asksForWebSocket(r)) {
    const unclear = watched && agreement === undefined;
    count(counters.location.at + (unclear ? REFUSED + refusalIndex("bad_answer") : HANDSHAKES));
  }
  passUnsent(client.output.takePending(), tunnel.client);
  passUnsent(unsent, tunnel.upstream);
  if (agreement !== undefined) {
    const session = new WebSocketSession(r, tunnel, rules, agreement, counters.tunnels.at);
    r.setContext(webSocketModule.id, session);
    tunnel.session = session;
    if (at < chunk.length) tunnel.upstream.pass(chunk.subarray(at), chunk.length - at);
  } else if (watched) {
    r.log(WARN, "upstream switched to what is not the WebSocket that was asked for: websocket directives do not hold");
  }
  client.host.onTunnel(r);
  if (early !== undefined && early.length > 0) tunnel.client.onData(early, early.length);
}

function passUnsent(pieces: readonly Buffer[] | undefined, to: Tunnel["client"]): void {
  if (pieces !== undefined) for (const piece of pieces) to.take(piece, piece.length);
}

/** A 101 of the upstream to a client that asked for it: both sockets become a tunnel (ngx_http_upstream_upgrade). */
import { sendHead } from "../http/phases.ts";
import type { UpstreamExchange } from "./exchange.ts";
import { Tunnel } from "./tunnel.ts";
import { TunnelRecord } from "./tunnel-record.ts";

/** Sends the head, and hands both connections over; `chunk[at..)` came behind the upstream's head. */
export function openTunnel(exchange: UpstreamExchange, chunk: Buffer, at: number): void {
  const { r, settings } = exchange;
  const client = r.connection;
  r.keepAlive = false;
  sendHead(r);
  r.action = "proxying upgraded connection";
  if (at < chunk.length) client.output.bytes(chunk.subarray(at));
  client.flush();
  const connection = exchange.detachForTunnel();
  const record = new TunnelRecord(exchange, connection.bytesSent);
  const { socket, unsent } = connection.detach();
  const early = client.becomeTunnel();
  const tunnel = new Tunnel(r, client.socket, socket, settings.readTimeoutMs, record);
  exchange.tries.state.responseLength = chunk.length - at;
  for (const piece of client.output.takePending()) tunnel.client.take(piece, piece.length);
  for (const piece of unsent) tunnel.upstream.take(piece, piece.length);
  if (early !== undefined && early.length > 0) tunnel.client.onData(early, early.length);
}

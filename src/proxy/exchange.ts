/**
 * One request and its upstream (ngx_http_upstream.c): asks peers until one answers, and holds what the request's and the
 * response's side share. Hot: a request without body to a pooled connection costs one write and one parse.
 */

import { finalize } from "../http/finalize.ts";
import type { HeaderList } from "../http/header-list.ts";
import type { AbortListener, Request, UpstreamView } from "../http/request.ts";
import { queueEnd } from "../http/response-output.ts";
import { NO_SLOT, notEnoughConnections } from "../net/connection-slots.ts";
import { ALERT, CRIT, INFO } from "../net/error-log.ts";
import type { ConnectCall } from "../net/socket.ts";
import { bindFailure, connectFailure, connectFailureLevel, socketFailure } from "./connect-failure.ts";
import { localAddress, localAddressText } from "./local-address.ts";
import { type FailureKind, failureStatus } from "./next-upstream.ts";
import { RequestSender } from "./request-sender.ts";
import { READING_HEADER, ResponseReceiver } from "./response-receiver.ts";
import { UpstreamConnection, type UpstreamUser } from "./upstream-connection.ts";
import type { ExchangeTarget } from "./upstream-protocol.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";
import type { UpstreamTlsPlan } from "./upstream-tls.ts";
import { UpstreamTries } from "./upstream-tries.ts";
import { accelRedirect } from "./x-accel-redirect.ts";

const SENDING_REQUEST = "sending request to upstream";
/** nginx's words. */
const CLIENT_GONE =
  "epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too";

type State = "body" | "connecting" | "sending" | "waiting" | "receiving" | "done";

export class UpstreamExchange implements UpstreamUser, UpstreamView, AbortListener {
  readonly r: Request;
  readonly settings: UpstreamSettings;
  readonly target: ExchangeTarget;
  readonly request: RequestSender;
  readonly response: ResponseReceiver;
  state: State = "body";
  connection: UpstreamConnection | undefined = undefined;
  readonly tries: UpstreamTries;
  private tls: UpstreamTlsPlan | string | undefined = undefined;
  /** The connection had carried a request before. */
  private reused = false;
  /** `proxy_bind` in the system's form. */
  private localAddress: Uint8Array | undefined = undefined;

  constructor(r: Request, settings: UpstreamSettings, target: ExchangeTarget) {
    this.r = r;
    this.settings = settings;
    this.target = target;
    this.request = new RequestSender(this);
    this.response = new ResponseReceiver(this);
    this.tries = new UpstreamTries(r, settings, target.upstream);
  }

  // What variables show.

  get hostHeader(): string {
    return this.target.url.hostHeader;
  }

  get portText(): string {
    return this.target.url.portText;
  }

  get bodyLength(): number {
    return this.request.bodyLength;
  }

  get chunked(): boolean {
    return this.request.chunked;
  }

  get responseHeaders(): HeaderList {
    return this.response.headers;
  }

  get responseTrailers(): HeaderList | undefined {
    return this.response.trailers;
  }

  get logText(): string | undefined {
    return this.tries.logText(this.target.url.scheme, this.request.uri);
  }

  releaseHeaders(): void {
    this.response.releaseHeaders();
  }

  // Tries

  start(): void {
    const { r } = this;
    r.abortListener = this;
    r.upstream = this;
    this.request.start();
  }

  /** Takes the next peer and a connection to it. */
  connect(): void {
    const { r, target, settings } = this;
    if (this.tries.peer === undefined) this.localAddress = localAddress(r, settings);
    this.state = "connecting";
    r.action = "connecting to upstream";
    const { pool } = target.upstream;
    const peer = this.tries.next();
    this.request.newTry();
    if (peer === undefined) {
      r.logError("no live upstreams");
      this.tries.state.status = 502;
      this.finish(502);
      return;
    }
    const tls = target.url.tls ? this.tlsPlan() : undefined;
    if (typeof tls === "string") {
      r.logError(tls);
      this.finish(500);
      return;
    }
    const pooled = settings.protocol.keepsConnections ? pool.take(peer, r.location, tls?.key) : undefined;
    this.reused = pooled instanceof UpstreamConnection;
    if (pooled instanceof UpstreamConnection) {
      this.connection = pooled;
      pooled.user = this;
      this.onUpstreamConnect();
      return;
    }
    this.connection = new UpstreamConnection(peer, pool, this, this.localAddress, settings.socketKeepalive, tls);
    this.connection.timer.arm(settings.connectTimeoutMs);
  }

  /** The same for all peers; a text where a certificate cannot be loaded. */
  private tlsPlan(): UpstreamTlsPlan | string {
    this.tls ??= this.settings.tls?.plan(this.r, this.target.upstream.name) ?? "TLS is not set up";
    return this.tls;
  }

  onUpstreamHandshake(): void {
    this.r.action = "SSL handshaking to upstream";
  }

  onUpstreamTlsError(message: string): void {
    this.r.logError(message);
    this.tryNext("error");
  }

  onUpstreamConnect(): void {
    this.tries.connected();
    this.state = "sending";
    this.r.action = SENDING_REQUEST;
    this.response.newTry();
    const connection = this.connection!;
    connection.requests++;
    connection.bytesSent = 0;
    this.request.send(connection);
  }

  onUpstreamConnectError(errno: number, call: ConnectCall): void {
    const { r, settings, tries } = this;
    if (errno === NO_SLOT) r.log(ALERT, notEnoughConnections());
    else if (call === "socket") r.log(ALERT, socketFailure(errno));
    else if (call === "bind") r.log(CRIT, bindFailure(errno, localAddressText(r, settings)));
    else {
      r.log(connectFailureLevel(errno), connectFailure(errno, tries.peer?.address.path));
      this.tryNext("error");
      return;
    }
    // The peer was not even asked.
    tries.state.peer = "";
    this.finish(500);
  }

  /** This peer failed: the next one, if the settings and the number of peers allow (ngx_http_upstream_next). */
  tryNext(kind: FailureKind): void {
    const { r, tries } = this;
    const status = failureStatus(kind);
    tries.state.status = status;
    this.dropConnection();
    if (!tries.failed(kind, this.reused, this.request)) this.finish(status);
    else if (!r.connection.open && !this.settings.ignoreClientAbort) this.finish(499);
    else this.connect();
  }

  // Progress

  /** The request waits until the upstream takes more of it. */
  armSend(): void {
    this.connection?.timer.arm(this.settings.sendTimeoutMs);
  }

  onRequestSent(): void {
    if (this.state === "sending") {
      this.state = "waiting";
      this.r.action = READING_HEADER;
    }
    if (this.state === "waiting" || this.state === "receiving") this.armRead();
  }

  /** The upstream must say something within the time that it is given between two reads. */
  private armRead(): void {
    this.connection?.timer.arm(this.settings.readTimeoutMs);
  }

  onUpstreamDrain(): void {
    if (this.state !== "done" && this.connection !== undefined) this.request.onDrain(this.connection);
  }

  onUpstreamData(chunk: Buffer): void {
    this.tries.state.bytesReceived += chunk.length;
    if (this.state === "receiving") {
      this.armRead();
      this.response.receiveBody(chunk, 0);
    } else if (this.state === "waiting" || this.state === "sending") {
      this.response.receiveHead(chunk);
    }
  }

  /** Some of the response's head has come. */
  headGoesOn(): void {
    if (this.request.sent) this.armRead();
  }

  pauseReading(): void {
    if (this.connection === undefined) return;
    this.connection.timer.disarm();
    this.connection.pause();
  }

  resumeReading(): void {
    if (this.connection === undefined) return;
    this.armRead();
    this.connection.resume();
  }

  /** The whole response is here: the peer is free, its connection rests or closes. `excess`: it said more than that. */
  responseEnded(excess: boolean): void {
    const connection = this.connection;
    this.tries.ended(connection?.bytesSent ?? 0);
    this.tries.free(false);
    this.connection = undefined;
    this.response.stopReading();
    if (connection === undefined) return;
    connection.timer.disarm();
    const keep = this.response.keepAlive && this.request.sent && !excess && connection.open;
    connection.user = undefined;
    if (!keep || !this.target.upstream.pool.give(connection, this.tries.peer!, this.r.location)) connection.close();
  }

  // Ends and failures

  onUpstreamEnd(): void {
    if (this.state === "receiving") {
      if (this.response.onEnd()) return;
      this.r.logError("upstream prematurely closed connection");
      this.breakOff();
    } else if (this.state === "waiting" || this.state === "sending") {
      this.r.logError("upstream prematurely closed connection");
      this.tryNext("error");
    }
  }

  onUpstreamClose(reset: boolean): void {
    if (this.state === "receiving" && reset) {
      this.r.logError(`${this.response.buffering ? "readv" : "recv"}() failed (104: Connection reset by peer)`);
      this.breakOff();
    } else if (reset && (this.state === "waiting" || this.state === "sending")) {
      this.r.logError("recv() failed (104: Connection reset by peer)");
      this.tryNext("error");
    } else this.onUpstreamEnd();
  }

  onUpstreamTimeout(): void {
    this.r.logError("upstream timed out (110: Connection timed out)");
    if (this.state === "receiving") this.breakOff();
    else this.tryNext("timeout");
  }

  onClientAbort(reset: boolean): boolean {
    const { r, settings } = this;
    if (this.state === "done") return false;
    if (settings.ignoreClientAbort) return true;
    // nginx reads a response from its first byte on.
    if (this.state === "waiting" && this.tries.state.bytesReceived === 0) r.action = SENDING_REQUEST;
    r.log(INFO, reset ? `${CLIENT_GONE} (104: Connection reset by peer)` : CLIENT_GONE);
    this.finish(499);
    return false;
  }

  /** The response has begun and can't go on: the client must see that it is incomplete. */
  breakOff(): void {
    this.r.keepAlive = false;
    this.finish(-1);
  }

  private dropConnection(): void {
    this.response.stopReading();
    this.tries.ended(this.connection?.bytesSent ?? 0);
    this.connection?.close();
    this.connection = undefined;
  }

  private close(): void {
    this.state = "done";
    this.dropConnection();
    this.tries.free(false);
    this.r.abortListener = undefined;
  }

  /** Ends the exchange: 0 when the response went out whole, -1 when it broke off, else the status to answer with. */
  finish(status: number): void {
    if (this.state === "done") return;
    this.close();
    const { r } = this;
    this.response.release();
    if (status === 0) queueEnd(r, "");
    r.action = "sending to client";
    finalize(r, status);
  }

  /** X-Accel-Redirect: another location of this server answers in place of the upstream. */
  redirectInside(target: string): void {
    this.close();
    accelRedirect(this.r, target);
  }

  // After 101

  /** Lets go of the upstream's connection: a tunnel takes it over, and nothing of this exchange goes on. */
  detachForTunnel(): UpstreamConnection {
    const connection = this.connection!;
    this.state = "done";
    this.r.abortListener = undefined;
    this.connection = undefined;
    return connection;
  }
}

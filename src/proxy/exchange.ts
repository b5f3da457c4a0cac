/**
 * One proxied request: reads the client's body, asks peers until one answers, passes the answer on
 * (ngx_http_upstream.c). Hot: a request without body to a pooled connection costs one write and one parse.
 */
import { parseSize } from "../config/units.ts";
import { ChunkedDecoder, chunkHead } from "../http/chunked.ts";
import { GONE_HEADERS, HeaderList } from "../http/header-list.ts";
import { finalize, queueBody, queueEnd, sendHead } from "../http/phases.ts";
import type { AbortListener, Request, UpstreamState, UpstreamView } from "../http/request.ts";
import { type BodyConsumer, testExpect } from "../http/request-body.ts";
import { parseContentLength } from "../http/request-headers.ts";
import { ResponseHeadParser, responseFraming } from "../http/response-head.ts";
import { Spool } from "../http/spool.ts";
import { ownStatusLine } from "../http/status.ts";
import { INFO, NOTICE, WARN } from "../net/error-log.ts";
import { nowMs, Timer, type TimerOwner } from "../net/timers.ts";
import type { Attempt, ChoiceInput } from "../upstream/balancer.ts";
import type { Peer } from "../upstream/peer.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { connectFailure, connectFailureLevel } from "./connect-failure.ts";
import type { ProxySettings } from "./module.ts";
import {
  blamesPeer,
  type FailureKind,
  failureStatus,
  mayTryNext,
  nextUpstreamExpired,
  statusFailure,
} from "./next-upstream.ts";
import type { ProxyUrl } from "./proxy-url.ts";
import {
  copyRedirectHeaders,
  copyResponseHeaders,
  ResponseEffects,
  readEffects,
  trailerLines,
} from "./response-headers.ts";
import { ResponseRelay } from "./response-relay.ts";
import { Tunnel, type TunnelOwner } from "./tunnel.ts";
import { UpstreamConnection, type UpstreamUser } from "./upstream-connection.ts";
import { upstreamUri } from "./uri.ts";
import { accelRedirect } from "./x-accel-redirect.ts";

type State = "body" | "connecting" | "sending" | "waiting" | "receiving" | "tunnel" | "done";

/** client_body_in_file_only: whether a body's file keeps its name, and how long. */
const BODY_FILE_NAMING = { off: "unlinked", clean: "clean", on: "kept" } as const;

const PROGRESS_TIMER = 0;
const RATE_TIMER = 1;

/** A request body goes to the upstream in pieces of this size. */
const BODY_PIECE_BYTES = 64 * 1024;

/** What is being done, for the error log, as `r.action`. */
const READING_HEADER = "reading response header from upstream";

/** Request heads are made here: they leave in the same call. */
const scratch = Buffer.allocUnsafe(64 * 1024);
/** Parsers are used for the length of one head only. */
const spareParsers: ResponseHeadParser[] = [];
const MAX_SPARE_PARSERS = 64;
/** What the head being read asks for; read and used in one go. */
const effects = new ResponseEffects();

function newState(peer: string): UpstreamState {
  return {
    peer,
    status: 0,
    connectMs: -1,
    headerMs: -1,
    responseMs: -1,
    bytesReceived: 0,
    bytesSent: 0,
    responseLength: 0,
  };
}

/** What the proxy module hands over for a request. */
export interface ExchangeTarget {
  readonly url: ProxyUrl;
  readonly upstream: Upstream;
  /** The location's prefix that the URL's URI part replaces. */
  readonly prefix: string;
  /** The URL was made from variables. */
  readonly evaluated: boolean;
}

export class ProxyExchange
  implements UpstreamUser, UpstreamView, ChoiceInput, TimerOwner, BodyConsumer, AbortListener, TunnelOwner
{
  private readonly r: Request;
  private readonly settings: ProxySettings;
  private readonly target: ExchangeTarget;
  private readonly attempt: Attempt;
  private readonly startedMs = nowMs();
  private readonly timer = new Timer(this, PROGRESS_TIMER);
  private rateTimer: Timer | undefined = undefined;
  private state: State = "body";
  private connection: UpstreamConnection | undefined = undefined;
  private peer: Peer | undefined = undefined;
  private reused = false;
  private tryState: UpstreamState | undefined = undefined;
  private tryStartedMs = 0;

  // The request to the upstream; `hostHeader`, `bodyLength` and `chunked` are $proxy_host and $proxy_internal_*.
  bodyLength = -1;
  chunked = false;
  /** Request line and fields: made once, the same for every try. */
  private head = "";
  private uri = "";
  private body: Spool | undefined = undefined;
  private fixedBody: Buffer | undefined = undefined;
  /** The client's body goes to the upstream as it comes (proxy_request_buffering off). */
  private streaming = false;
  private bodyEnded = true;
  private requestSent = false;
  /** Some byte of the request has left: it may have been acted on. */
  private requestBegun = false;

  // The upstream's response.
  private parser: ResponseHeadParser | undefined = undefined;
  responseHeaders = HeaderList.take();
  private decoder: ChunkedDecoder | undefined = undefined;
  /** Body bytes to come; -1: until the upstream closes. */
  private bodyLeft = 0;
  private upstreamKeepAlive = false;
  private relay: ResponseRelay | undefined = undefined;
  private responseDone = false;
  private buffering = false;
  private pausedByClient = false;
  private pausedByRate = false;
  /** Bytes per second read from the upstream; 0 for no limit. */
  private readRate = 0;
  private receivingSinceMs = 0;

  constructor(r: Request, settings: ProxySettings, target: ExchangeTarget) {
    this.r = r;
    this.settings = settings;
    this.target = target;
    this.attempt = target.upstream.balancer.begin(this);
    const { nextUpstreamTries } = settings;
    if (nextUpstreamTries > 0 && this.attempt.tries > nextUpstreamTries) this.attempt.tries = nextUpstreamTries;
  }

  get hostHeader(): string {
    return this.target.url.hostHeader;
  }

  releaseHeaders(): void {
    this.responseHeaders.release();
    this.responseHeaders = GONE_HEADERS;
  }

  get responseTrailers(): HeaderList | undefined {
    return this.decoder?.trailers;
  }

  get portText(): string {
    return this.target.url.portText;
  }

  // What the choice of a peer may depend on.

  get nowMs(): number {
    return nowMs();
  }

  clientAddress(): Uint8Array {
    return this.r.clientAddress();
  }

  hashKey(): string {
    return this.target.upstream.hashKey?.evaluate(this.r) ?? "";
  }

  // The request

  start(): void {
    const { r } = this;
    r.abortListener = this;
    testExpect(r);
    r.upstream = this;
    // The mark between the tries of two upstreams: " : " in $upstream_addr.
    if (r.upstreamStates === undefined) r.upstreamStates = [];
    else r.upstreamStates.push(newState(""));
    if (r.body === undefined) {
      this.bodyLength = r.contentLength;
      this.begin();
      return;
    }
    if (r.body.complete && r.bodySpool !== undefined) {
      // Read for another upstream, before an error page or X-Accel-Redirect led here.
      this.body = r.bodySpool;
      this.bodyLength = this.body.bytes;
      this.begin();
      return;
    }
    const core = r.location.core;
    const naming = BODY_FILE_NAMING[core.clientBodyInFileOnly];
    const { clientBodyBufferBytes, clientBodyTempPath } = core;
    this.body = new Spool("replay", clientBodyBufferBytes, Number.POSITIVE_INFINITY, clientBodyTempPath, naming);
    r.bodySpool = this.body;
    this.bodyEnded = false;
    r.body.read(this);
    if (!this.mayStream()) return;
    // A body that has come in full with the head is sent like a buffered one, as in nginx.
    r.connection.feedWaitingBody();
    if (this.bodyEnded || this.state !== "body") return;
    r.connection.bodyPaused();
    r.connection.pauseReading();
    this.streaming = true;
    this.chunked = r.chunked;
    this.bodyLength = r.contentLength;
    this.begin();
  }

  private mayStream(): boolean {
    const { requestBuffering, setBody, passRequestBody, proxyHttpVersion } = this.settings;
    if (requestBuffering || setBody !== undefined || !passRequestBody) return false;
    return !this.r.chunked || proxyHttpVersion !== "1.0";
  }

  /** The request is known as far as it has to be: makes its head and asks the first peer. */
  private begin(): void {
    const { r, target, settings } = this;
    this.uri = upstreamUri(r, target.prefix, target.url.uri, target.evaluated);
    if (settings.setBody !== undefined) {
      this.fixedBody = Buffer.from(settings.setBody.evaluate(r), "latin1");
      this.bodyLength = this.fixedBody.length;
    }
    const method = settings.requestMethod?.evaluate(r) ?? r.method;
    this.head = settings.buildHead(r, method, this.uri, this);
    if (this.fixedBody !== undefined || !settings.passRequestBody) this.body = undefined;
    this.connect();
  }

  onBody(chunk: Buffer): boolean {
    if (this.streaming) return this.sendBodyPiece(chunk);
    const body = this.body!;
    const { inFile } = body;
    const taken = body.append(chunk);
    if (!inFile) this.tellOfBodyFile();
    if (taken || body.failure === undefined) return true;
    this.r.logError(body.failure);
    this.finish(500);
    return true;
  }

  private tellOfBodyFile(): void {
    const { r } = this;
    const body = this.body!;
    if (!body.inFile) return;
    const level = r.location.core.clientBodyInFileOnly === "off" ? WARN : NOTICE;
    r.log(level, `a client request body is buffered to a temporary file ${body.fileName}`);
  }

  onBodyEnd(): void {
    this.bodyEnded = true;
    if (this.streaming) {
      if (this.state === "done" || this.connection === undefined) return;
      if (this.chunked) this.connection.write(Buffer.from("0\r\n\r\n", "latin1"));
      if (!this.connection.blocked) this.onRequestSent();
      return;
    }
    const body = this.body!;
    this.bodyLength = body.bytes;
    if (this.r.location.core.clientBodyInFileOnly !== "off" && !body.inFile) {
      if (!body.toFile()) {
        this.r.logError(body.failure!);
        this.finish(500);
        return;
      }
      this.tellOfBodyFile();
    }
    if (this.state === "body") this.begin();
  }

  onBodyError(status: number): void {
    this.finish(status);
  }

  private sendBodyPiece(chunk: Buffer): boolean {
    const { connection } = this;
    if (connection === undefined || this.state === "done") return true;
    if (!this.chunked) return connection.write(chunk);
    connection.write(Buffer.from(chunkHead(chunk.length), "latin1"));
    connection.write(chunk);
    return connection.write(Buffer.from("\r\n", "latin1"));
  }

  /** Takes the next peer and a connection to it. */
  private connect(): void {
    const { r, attempt, target, settings } = this;
    this.state = "connecting";
    r.action = "connecting to upstream";
    const { balancer, pool } = target.upstream;
    const peer = balancer.next(attempt);
    this.tryStartedMs = nowMs();
    this.requestSent = false;
    this.requestBegun = false;
    this.peer = peer;
    const peerText = peer?.address.text ?? target.upstream.name;
    this.newTryState(peerText);
    const colon = peer?.address.path === undefined ? "" : ":";
    r.upstreamText = `${target.url.tls ? "https" : "http"}://${peerText}${colon}${this.uri}`;
    if (peer === undefined) {
      r.logError("no live upstreams");
      this.tryState!.status = 502;
      this.finish(502);
      return;
    }
    const pooled = pool.take(peer, r.location);
    this.reused = pooled instanceof UpstreamConnection;
    if (pooled instanceof UpstreamConnection) {
      this.connection = pooled;
      pooled.user = this;
      this.onUpstreamConnect();
      return;
    }
    this.timer.arm(settings.connectTimeoutMs);
    const { localAddress } = settings;
    const from = localAddress === undefined || localAddress === "off" ? undefined : localAddress.evaluate(r);
    this.connection = new UpstreamConnection(peer, pool, this, from, settings.socketKeepalive);
  }

  private newTryState(peer: string): void {
    const state = newState(peer);
    this.tryState = state;
    this.r.upstreamStates!.push(state);
  }

  onUpstreamConnect(): void {
    const { r } = this;
    this.tryState!.connectMs = nowMs() - this.tryStartedMs;
    this.state = "sending";
    r.action = "sending request to upstream";
    this.parser ??= spareParsers.pop() ?? new ResponseHeadParser();
    this.responseHeaders.clear();
    this.parser.reset(this.responseHeaders, this.settings.bufferBytes);
    const connection = this.connection!;
    connection.requests++;
    connection.bytesSent = 0;
    this.requestBegun = true;
    const text = this.head;
    if (text.length > scratch.length) connection.write(Buffer.from(text, "latin1"));
    else {
      let length = scratch.latin1Write(text, 0);
      const small = this.fixedBody;
      if (small !== undefined && length + small.length <= scratch.length) length += small.copy(scratch, length);
      else if (small !== undefined) connection.write(Buffer.from(text, "latin1"));
      if (small === undefined || length > text.length || small.length === 0) connection.writeShared(scratch, length);
      else connection.write(small);
    }
    if (this.streaming) {
      this.armSend();
      this.sendGathered();
      r.body!.proceed();
      return;
    }
    this.body?.rewind();
    this.sendBody();
  }

  /** Of a body that is streamed: what came with the head. */
  private sendGathered(): void {
    const body = this.body!;
    body.rewind();
    for (;;) {
      const piece = body.read(BODY_PIECE_BYTES);
      if (piece === undefined) return;
      this.sendBodyPiece(piece);
    }
  }

  /** Sends the buffered body as far as the upstream takes it. */
  private sendBody(): void {
    const connection = this.connection!;
    const { body } = this;
    if (body !== undefined) {
      while (!connection.blocked) {
        const piece = body.read(BODY_PIECE_BYTES);
        if (piece === undefined) break;
        connection.write(piece);
      }
    }
    if (connection.blocked || (body !== undefined && body.unread > 0)) this.armSend();
    else this.onRequestSent();
  }

  private armSend(): void {
    this.timer.arm(this.settings.sendTimeoutMs);
  }

  private onRequestSent(): void {
    this.requestSent = true;
    if (this.state === "sending") {
      this.state = "waiting";
      this.r.action = READING_HEADER;
    }
    if (this.state === "waiting" || this.state === "receiving") this.timer.arm(this.settings.readTimeoutMs);
  }

  onUpstreamDrain(): void {
    if (this.requestSent || this.state === "done") return;
    if (!this.streaming) {
      this.sendBody();
      return;
    }
    if (this.bodyEnded) this.onRequestSent();
    else {
      this.armSend();
      this.r.body!.proceed();
    }
  }

  // The response

  onUpstreamData(chunk: Buffer): void {
    this.tryState!.bytesReceived += chunk.length;
    if (this.state === "receiving") {
      this.timer.arm(this.settings.readTimeoutMs);
      this.receiveBody(chunk, 0);
    } else if (this.state === "waiting" || this.state === "sending") {
      this.receiveHead(chunk);
    }
  }

  private receiveHead(chunk: Buffer): void {
    const parser = this.parser!;
    let at = 0;
    for (;;) {
      at = parser.feed(chunk, at);
      if (at === -1) {
        if (this.requestSent) this.timer.arm(this.settings.readTimeoutMs);
        return;
      }
      if (at === -2) {
        this.r.logError(parser.error!);
        this.tryNext("invalid_header");
        return;
      }
      if (parser.status >= 200 || parser.status === 101) break;
      // 1xx is about the way, not the answer (RFC 9110 15.2).
      this.responseHeaders.clear();
      parser.reset(this.responseHeaders, this.settings.bufferBytes);
    }
    this.onHead(chunk, at);
  }

  private onHead(chunk: Buffer, at: number): void {
    const { r, settings } = this;
    const parser = this.parser!;
    const { status } = parser;
    const state = this.tryState!;
    state.headerMs = nowMs() - this.tryStartedMs;
    state.status = status;
    if (status === 101 && r.upgrade === undefined) {
      r.logError("upstream sent 101 to a request without Upgrade");
      this.tryNext("invalid_header");
      return;
    }
    const framing = responseFraming(parser, r.method);
    if ("error" in framing) {
      r.logError(framing.error);
      this.tryNext("invalid_header");
      return;
    }
    const failure = statusFailure(status);
    if (failure !== undefined && this.attempt.tries > 1 && this.may(failure)) {
      this.tryNext(failure);
      return;
    }
    if (status >= 300 && settings.interceptErrors && this.intercept(status)) return;
    readEffects(r, this.responseHeaders, settings.responseHeaderRules, effects);
    if (effects.redirect !== undefined) {
      copyRedirectHeaders(r, this.responseHeaders, settings);
      this.redirectInside(effects.redirect);
      return;
    }
    copyResponseHeaders(r, this.responseHeaders, settings);
    if (settings.passTrailers === true && status !== 101) {
      r.out.trailers = () => trailerLines(this.responseTrailers, settings.responseHeaderRules);
    }
    r.out.status = status;
    r.out.statusLine = ownStatusLine(status, parser.reason);
    if (status === 101) {
      this.releaseParser();
      this.openTunnel(chunk, at);
      return;
    }
    this.releaseParser();
    const connectionLine = this.responseHeaders.get("connection")?.toLowerCase();
    this.upstreamKeepAlive =
      parser.httpVersion >= 1001 ? !effects.connectionClose : connectionLine?.includes("keep-alive") === true;
    const lengthText = this.responseHeaders.get("content-length");
    r.out.contentLength = lengthText === undefined || framing.kind === "chunked" ? -1 : parseContentLength(lengthText);
    if (framing.kind === "none") this.bodyLeft = 0;
    else if (framing.kind === "length") this.bodyLeft = framing.length;
    else if (framing.kind === "chunked") this.decoder = new ChunkedDecoder(settings.passTrailers === true);
    else {
      this.bodyLeft = -1;
      this.upstreamKeepAlive = false;
    }
    this.beginResponse();
    if (this.wholeBody(chunk, at)) return;
    this.relay = this.makeRelay();
    this.receiveBody(chunk, at);
  }

  private releaseParser(): void {
    if (this.parser !== undefined && spareParsers.length < MAX_SPARE_PARSERS) spareParsers.push(this.parser);
    this.parser = undefined;
  }

  private beginResponse(): void {
    const { r, settings } = this;
    this.state = "receiving";
    if (!this.requestSent && this.streaming) r.keepAlive = false;
    this.receivingSinceMs = nowMs();
    const buffering = effects.buffering ?? settings.buffering;
    this.buffering = buffering;
    if (buffering && settings.limitRate !== undefined) this.readRate = parseSize(settings.limitRate.evaluate(r)) ?? 0;
    sendHead(r);
    r.action = "reading upstream";
  }

  private makeRelay(): ResponseRelay {
    const { settings } = this;
    const memoryBytes = settings.buffers.number * settings.buffers.size;
    const { maxTempFileBytes, tempPath } = settings;
    return new ResponseRelay(this.r, { buffering: this.buffering, memoryBytes, maxTempFileBytes, tempPath }, this);
  }

  /** A small body that came whole with its head needs nobody to relay it. */
  private wholeBody(chunk: Buffer, at: number): boolean {
    if (this.decoder !== undefined || this.bodyLeft < 0 || chunk.length - at !== this.bodyLeft) return false;
    this.tryState!.responseLength += this.bodyLeft;
    this.bodyLeft = 0;
    if (at < chunk.length) queueBody(this.r, chunk.subarray(at));
    this.responseEnds(false);
    this.finish(0);
    return true;
  }

  private receiveBody(chunk: Buffer, from: number): void {
    const relay = this.relay!;
    const state = this.tryState!;
    let at = from;
    if (this.decoder !== undefined) {
      const { decoder } = this;
      while (at < chunk.length && !decoder.done && !decoder.failed) {
        at = decoder.next(chunk, at);
        const length = decoder.dataEnd - decoder.dataStart;
        if (length === 0) continue;
        state.responseLength += length;
        relay.take(chunk.subarray(decoder.dataStart, decoder.dataEnd));
        if (this.state === "done") return;
      }
      if (decoder.failed) {
        // Where nothing is buffered, nginx reads what came with the head before it says that it reads on.
        if (from > 0 && !this.buffering) this.r.action = READING_HEADER;
        this.r.logError("upstream sent invalid chunked response");
        this.breakOff();
        return;
      }
      if (decoder.done) this.responseEnds(at < chunk.length);
    } else if (this.bodyLeft >= 0) {
      const end = Math.min(chunk.length, at + this.bodyLeft);
      this.bodyLeft -= end - at;
      state.responseLength += end - at;
      if (end > at) relay.take(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
      if (end < chunk.length) this.r.log(WARN, 'upstream sent more data than specified in "Content-Length" header');
      if (this.bodyLeft === 0) this.responseEnds(end < chunk.length);
    } else if (at < chunk.length) {
      state.responseLength += chunk.length - at;
      relay.take(at === 0 ? chunk : chunk.subarray(at));
    }
    if (this.responseDone) {
      relay.end();
      return;
    }
    relay.flush();
    if (this.readRate > 0) this.limitReading();
  }

  /** The whole response is here: the peer is free, its connection rests or closes. */
  private responseEnds(excess: boolean): void {
    this.responseDone = true;
    this.releasePeer(false);
    const connection = this.connection;
    this.connection = undefined;
    this.timer.disarm();
    this.rateTimer?.release();
    if (connection === undefined) return;
    const keep = this.upstreamKeepAlive && this.requestSent && !excess && connection.open;
    connection.user = undefined;
    if (!keep || !this.target.upstream.pool.give(connection, this.peer!, this.r.location)) connection.close();
  }

  pauseUpstream(): void {
    this.pausedByClient = true;
    this.pauseReading();
  }

  resumeUpstream(): void {
    this.pausedByClient = false;
    if (!this.pausedByRate) this.resumeReading();
  }

  private pauseReading(): void {
    this.timer.disarm();
    this.connection?.pause();
  }

  private resumeReading(): void {
    if (this.connection === undefined) return;
    this.timer.arm(this.settings.readTimeoutMs);
    this.connection.resume();
  }

  /** proxy_limit_rate: rests when more has come than the time since the first byte allows (ngx_event_pipe.c). */
  private limitReading(): void {
    const seconds = Math.floor((nowMs() - this.receivingSinceMs) / 1000) + 1;
    const excess = this.tryState!.bytesReceived - this.readRate * seconds;
    if (excess < 0 || this.connection === undefined) return;
    this.pausedByRate = true;
    this.pauseReading();
    this.rateTimer ??= new Timer(this, RATE_TIMER);
    this.rateTimer.arm(Math.ceil((excess * 1000) / this.readRate) + 1);
  }

  private onRateTimer(): void {
    this.pausedByRate = false;
    if (!this.pausedByClient) this.resumeReading();
  }

  onRelayed(): void {
    this.finish(0);
  }

  onRelayFailed(message: string): void {
    this.r.logError(message);
    this.breakOff();
  }

  // Ends and failures

  onUpstreamEnd(): void {
    if (this.state === "receiving") {
      if (this.decoder === undefined && this.bodyLeft < 0) {
        this.responseEnds(false);
        this.relay!.end();
      } else {
        this.r.logError("upstream prematurely closed connection");
        this.breakOff();
      }
      return;
    }
    if (this.state === "waiting" || this.state === "sending") {
      this.r.logError("upstream prematurely closed connection");
      this.tryNext("error");
    }
  }

  onUpstreamClose(reset: boolean): void {
    if (this.state === "receiving" && reset) {
      this.r.logError(`${this.buffering ? "readv" : "recv"}() failed (104: Connection reset by peer)`);
      this.breakOff();
    } else if (reset && (this.state === "waiting" || this.state === "sending")) {
      this.r.logError("recv() failed (104: Connection reset by peer)");
      this.tryNext("error");
    } else this.onUpstreamEnd();
  }

  onUpstreamConnectError(errno: number): void {
    this.r.log(connectFailureLevel(errno), connectFailure(errno, this.peer?.address.path));
    this.tryNext("error");
  }

  onTimer(tag: number): void {
    if (tag === RATE_TIMER) {
      this.onRateTimer();
      return;
    }
    const { r } = this;
    r.logError("upstream timed out (110: Connection timed out)");
    if (this.state === "receiving") this.breakOff();
    else this.tryNext("timeout");
  }

  onClientAbort(reset: boolean): boolean {
    const { r, settings } = this;
    if (this.state === "done") return false;
    if (settings.ignoreClientAbort) return true;
    r.log(
      INFO,
      reset
        ? "client prematurely closed connection, so upstream connection is closed too (104: Connection reset by peer)"
        : "client prematurely closed connection, so upstream connection is closed too",
    );
    this.tryEnded();
    this.finish(499);
    return false;
  }

  private may(kind: FailureKind): boolean {
    const { settings, r } = this;
    if (nextUpstreamExpired(settings.nextUpstreamTimeoutMs, this.startedMs, nowMs())) return false;
    return mayTryNext(settings.nextUpstream, kind, r.method, this.requestBegun, this.streaming);
  }

  /** This peer failed: the next one, if the settings and the number of peers allow (ngx_http_upstream_next). */
  private tryNext(kind: FailureKind): void {
    const { attempt, r } = this;
    const status = failureStatus(kind);
    this.tryState!.status = status;
    const reused = this.reused && kind === "error";
    this.dropConnection();
    this.releasePeer(blamesPeer(kind));
    if (attempt.disabled) r.log(WARN, "upstream server temporarily disabled");
    if (reused) attempt.tries++;
    if (attempt.tries <= 0 || !this.may(kind)) {
      this.finish(status);
      return;
    }
    if (!r.connection.open && !this.settings.ignoreClientAbort) {
      this.finish(499);
      return;
    }
    this.connect();
  }

  /** The response has begun and can't go on: the client must see that it is incomplete. */
  private breakOff(): void {
    this.r.keepAlive = false;
    this.tryEnded();
    this.finish(-1);
  }

  private releasePeer(failed: boolean): void {
    this.tryEnded();
    this.target.upstream.balancer.free(this.attempt, failed);
  }

  private tryEnded(): void {
    const state = this.tryState;
    if (state === undefined || state.responseMs >= 0) return;
    state.responseMs = nowMs() - this.tryStartedMs;
    state.bytesSent = this.connection?.bytesSent ?? 0;
  }

  private dropConnection(): void {
    this.timer.disarm();
    this.rateTimer?.release();
    this.tryEnded();
    this.connection?.close();
    this.connection = undefined;
  }

  /** Ends the exchange: 0 when the response went out whole, -1 when it broke off, else the status to answer with. */
  private finish(status: number): void {
    if (this.state === "done") return;
    this.state = "done";
    this.dropConnection();
    this.releasePeer(false);
    this.timer.release();
    const { r } = this;
    r.abortListener = undefined;
    const { relay } = this;
    relay?.release();
    if (status === 0) queueEnd(r, "");
    r.action = "sending to client";
    finalize(r, status);
  }

  private intercept(status: number): boolean {
    const pages = this.r.location.core.errorPages;
    if (pages === undefined || !pages.some((page) => page.status === status)) return false;
    if (status === 401) {
      const challenge = this.responseHeaders.get("www-authenticate");
      if (challenge !== undefined) this.r.out.list.add("WWW-Authenticate", challenge);
    }
    this.finish(status);
    return true;
  }

  /** X-Accel-Redirect: another location of this server answers in place of the upstream. */
  private redirectInside(target: string): void {
    const { r } = this;
    this.state = "done";
    this.dropConnection();
    this.releasePeer(false);
    this.timer.release();
    r.abortListener = undefined;
    accelRedirect(r, target);
  }

  // After 101

  private openTunnel(chunk: Buffer, at: number): void {
    const { r, settings } = this;
    const client = r.connection;
    r.keepAlive = false;
    sendHead(r);
    r.action = "proxying upgraded connection";
    if (at < chunk.length) client.output.bytes(chunk.subarray(at));
    client.flush();
    this.state = "tunnel";
    this.timer.release();
    r.abortListener = undefined;
    const { socket, unsent } = this.connection!.detach();
    this.upgraded = this.connection;
    this.connection = undefined;
    const early = client.becomeTunnel();
    const tunnel = new Tunnel(r, client.socket, socket, settings.readTimeoutMs, this);
    this.tryState!.responseLength = chunk.length - at;
    for (const piece of client.output.takePending()) tunnel.client.take(piece, piece.length);
    for (const piece of unsent) tunnel.upstream.take(piece, piece.length);
    if (early !== undefined && early.length > 0) tunnel.client.onData(early, early.length);
  }

  onTunnelClosed(tunnel: Tunnel, timedOut: boolean): void {
    const { r } = this;
    this.state = "done";
    const state = this.tryState!;
    r.connection.output.sentBytes += tunnel.client.sent;
    state.bytesReceived += tunnel.upstream.received;
    state.responseLength += tunnel.upstream.received;
    state.bytesSent = (this.upgraded?.bytesSent ?? 0) + tunnel.upstream.sent;
    state.responseMs = nowMs() - this.tryStartedMs;
    this.target.upstream.balancer.free(this.attempt, timedOut);
    r.connection.tunnelClosed();
  }

  private upgraded: UpstreamConnection | undefined = undefined;
}

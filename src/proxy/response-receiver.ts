/**
 * The response side of an exchange: reads the upstream's head, decides what it means for the client, and passes the body
 * on. Hot: a small response that comes in one piece is one parse and one write.
 */
import { parseSize } from "../config/units.ts";
import { ChunkedDecoder } from "../http/chunked.ts";
import { GONE_HEADERS, HeaderList } from "../http/header-list.ts";
import { parseContentLength } from "../http/request-headers.ts";
import type { ResponseFraming, ResponseHeadParser } from "../http/response-head.ts";
import { queueBody, sendHead } from "../http/response-output.ts";
import { ownStatusLine } from "../http/status.ts";
import { WARN } from "../net/error-log.ts";
import { nowMs, Timer, type TimerOwner } from "../net/timers.ts";
import type { UpstreamExchange } from "./exchange.ts";
import { statusFailure } from "./next-upstream.ts";
import {
  copyRedirectHeaders,
  copyResponseHeaders,
  ResponseEffects,
  readEffects,
  trailerLines,
} from "./response-headers.ts";
import { type RelaySource, ResponseRelay } from "./response-relay.ts";
import { openTunnel } from "./tunnel-opening.ts";

const RATE_TIMER = 0;

/** What is being done, for the error log, as `r.action`. */
export const READING_HEADER = "reading response header from upstream";

/** What the head being read asks for; read and used in one go. */
const effects = new ResponseEffects();

export class ResponseReceiver implements RelaySource, TimerOwner {
  private readonly exchange: UpstreamExchange;
  private parser: ResponseHeadParser | undefined = undefined;
  headers = HeaderList.take();
  private decoder: ChunkedDecoder | undefined = undefined;
  /** Body bytes to come; -1: until the upstream closes. */
  private bodyLeft = 0;
  /** The upstream would take another request on this connection. */
  keepAlive = false;
  private relay: ResponseRelay | undefined = undefined;
  /** The last byte has come. */
  private complete = false;
  buffering = false;
  private pausedByClient = false;
  private pausedByRate = false;
  /** Bytes per second read from the upstream; 0 for no limit. */
  private readRate = 0;
  private receivingSinceMs = 0;
  private rateTimer: Timer | undefined = undefined;

  constructor(exchange: UpstreamExchange) {
    this.exchange = exchange;
  }

  get trailers(): HeaderList | undefined {
    return this.decoder?.trailers;
  }

  releaseHeaders(): void {
    this.headers.release();
    this.headers = GONE_HEADERS;
  }

  /** A peer is about to be asked: its head will be read. */
  newTry(): void {
    const { settings } = this.exchange;
    this.parser ??= settings.protocol.parsers.take();
    this.headers.clear();
    this.parser.reset(this.headers, settings.bufferBytes);
  }

  receiveHead(chunk: Buffer): void {
    const { exchange } = this;
    const parser = this.parser!;
    let at = 0;
    for (;;) {
      at = parser.feed(chunk, at);
      if (at === -1) {
        exchange.headGoesOn();
        return;
      }
      if (at === -2) {
        this.reject(parser.error!);
        return;
      }
      if (parser.status >= 200 || parser.status === 101) break;
      // 1xx is about the way, not the answer (RFC 9110 15.2).
      this.headers.clear();
      parser.reset(this.headers, exchange.settings.bufferBytes);
    }
    this.onHead(parser, chunk, at);
  }

  private reject(message: string): void {
    this.exchange.r.logError(message);
    this.exchange.tryNext("invalid_header");
  }

  private passTrailers(): void {
    const { r, settings } = this.exchange;
    r.out.trailers = () => trailerLines(this.trailers, settings.responseHeaderRules);
  }

  private onHead(parser: ResponseHeadParser, chunk: Buffer, at: number): void {
    const { exchange, headers } = this;
    const { r, settings } = exchange;
    const { status } = parser;
    exchange.tries.headArrived(status);
    if (status === 101 && r.upgrade === undefined) {
      this.reject("upstream sent 101 to a request without Upgrade");
      return;
    }
    const framing = settings.protocol.framing(parser, exchange.request.method);
    if ("error" in framing) {
      this.reject(framing.error);
      return;
    }
    const failure = statusFailure(status);
    if (failure !== undefined && exchange.tries.mayReplace(failure, exchange.request)) {
      exchange.tryNext(failure);
      return;
    }
    if (status >= 300 && settings.interceptErrors && this.intercept(status)) return;
    readEffects(r, headers, settings.responseHeaderRules, effects);
    if (effects.redirect !== undefined) {
      copyRedirectHeaders(r, headers, settings);
      exchange.redirectInside(effects.redirect);
      return;
    }
    copyResponseHeaders(r, headers, settings);
    if (settings.passTrailers === true && status !== 101) this.passTrailers();
    r.out.status = status;
    r.out.statusLine = ownStatusLine(status, parser.reason);
    const { httpVersion } = parser;
    this.releaseParser(parser);
    if (status === 101) {
      openTunnel(exchange, chunk, at);
      return;
    }
    this.prepareBody(framing, httpVersion);
    // HEAD that proxy_method has made another method of.
    const headOnly = r.method === "HEAD" && framing.kind !== "none";
    if (headOnly || r.owner !== undefined) {
      this.endAtHead(chunk, at);
      return;
    }
    this.beginBody();
    if (this.wholeBody(chunk, at)) return;
    this.relay = this.makeRelay();
    this.receiveBody(chunk, at);
  }

  /** Nobody wants the body: where all of it came with the head, the connection is kept. */
  private endAtHead(chunk: Buffer, at: number): void {
    const { exchange, decoder } = this;
    sendHead(exchange.r);
    let end = at + this.bodyLeft;
    if (decoder !== undefined) {
      for (end = at; end < chunk.length && !decoder.done && !decoder.failed; ) end = decoder.next(chunk, end);
    }
    if (end === chunk.length && (decoder === undefined || decoder.done)) exchange.responseEnded(false);
    exchange.finish(0);
  }

  private releaseParser(parser: ResponseHeadParser): void {
    this.exchange.settings.protocol.parsers.give(parser);
    this.parser = undefined;
  }

  /** An error page of this server takes the response's place, where there is one for its status. */
  private intercept(status: number): boolean {
    const { exchange } = this;
    const { r } = exchange;
    const pages = r.location.core.errorPages;
    if (pages === undefined || !pages.some((page) => page.status === status)) return false;
    if (status === 401) {
      const challenge = this.headers.get("www-authenticate");
      if (challenge !== undefined) r.out.list.add("WWW-Authenticate", challenge);
    }
    exchange.finish(status);
    return true;
  }

  private prepareBody(framing: Exclude<ResponseFraming, { readonly error: string }>, httpVersion: number): void {
    const { headers } = this;
    const { r, settings } = this.exchange;
    const connectionLine = headers.get("connection")?.toLowerCase();
    this.keepAlive =
      settings.protocol.keepsConnections &&
      (httpVersion >= 1001 ? !effects.connectionClose : connectionLine?.includes("keep-alive") === true);
    const lengthText = headers.get("content-length");
    r.out.contentLength = lengthText === undefined || framing.kind === "chunked" ? -1 : parseContentLength(lengthText);
    if (framing.kind === "none") {
      this.bodyLeft = 0;
      // proxy_method HEAD: the client is told a length, and no body comes. nginx leaves it waiting.
      const { status, contentLength } = r.out;
      if (contentLength > 0 && r.method !== "HEAD" && status !== 204 && status !== 304) r.keepAlive = false;
    } else if (framing.kind === "length") this.bodyLeft = framing.length;
    else if (framing.kind === "chunked") this.decoder = new ChunkedDecoder(settings.passTrailers === true);
    else {
      this.bodyLeft = -1;
      this.keepAlive = false;
    }
  }

  private beginBody(): void {
    const { exchange } = this;
    const { r, settings } = exchange;
    exchange.state = "receiving";
    if (!exchange.request.sent && exchange.request.streaming) r.keepAlive = false;
    this.receivingSinceMs = nowMs();
    const buffering = effects.buffering ?? settings.buffering;
    this.buffering = buffering;
    if (buffering && settings.limitRate !== undefined) this.readRate = parseSize(settings.limitRate.evaluate(r)) ?? 0;
    sendHead(r);
    // Whoever sends what comes as it comes has a reason (ngx_http_upstream_send_response).
    if (!buffering) r.limitRate = 0;
    r.action = "reading upstream";
  }

  private makeRelay(): ResponseRelay {
    const { r, settings } = this.exchange;
    const memoryBytes = settings.buffers.number * settings.buffers.size;
    const { maxTempFileBytes, tempPath } = settings;
    return new ResponseRelay(r, { buffering: this.buffering, memoryBytes, maxTempFileBytes, tempPath }, this);
  }

  /** A small body that came whole with its head needs nobody to relay it. */
  private wholeBody(chunk: Buffer, at: number): boolean {
    if (this.decoder !== undefined || this.bodyLeft < 0 || chunk.length - at !== this.bodyLeft) return false;
    const { exchange } = this;
    exchange.tries.state.responseLength += this.bodyLeft;
    this.bodyLeft = 0;
    if (at < chunk.length) queueBody(exchange.r, chunk.subarray(at));
    exchange.responseEnded(false);
    exchange.finish(0);
    return true;
  }

  receiveBody(chunk: Buffer, from: number): void {
    const relay = this.relay!;
    const { exchange } = this;
    const state = exchange.tries.state;
    let at = from;
    if (this.decoder !== undefined) {
      const { decoder } = this;
      while (at < chunk.length && !decoder.done && !decoder.failed) {
        at = decoder.next(chunk, at);
        const length = decoder.dataEnd - decoder.dataStart;
        if (length === 0) continue;
        state.responseLength += length;
        relay.take(chunk.subarray(decoder.dataStart, decoder.dataEnd));
        if (exchange.state === "done") return;
      }
      if (decoder.failed) {
        this.sayWhatIsRead(from > 0);
        exchange.r.logError("upstream sent invalid chunked response");
        exchange.breakOff();
        return;
      }
      if (decoder.done) this.bodyEnds(at < chunk.length);
    } else if (this.bodyLeft >= 0) {
      const end = Math.min(chunk.length, at + this.bodyLeft);
      this.bodyLeft -= end - at;
      state.responseLength += end - at;
      if (end > at) relay.take(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
      if (end < chunk.length) this.complainOfExcess(from > 0);
      if (this.bodyLeft === 0) this.bodyEnds(end < chunk.length);
    } else if (at < chunk.length) {
      state.responseLength += chunk.length - at;
      relay.take(at === 0 ? chunk : chunk.subarray(at));
    }
    if (this.complete) {
      relay.end();
      return;
    }
    relay.flush();
    if (this.readRate > 0) this.limitReading();
  }

  private complainOfExcess(withHead: boolean): void {
    const { r } = this.exchange;
    // Of HEAD nginx reads nothing behind the head.
    if (r.method === "HEAD") return;
    this.sayWhatIsRead(withHead);
    r.log(WARN, 'upstream sent more data than specified in "Content-Length" header');
  }

  /** Where nothing is buffered, nginx reads what came with the head before it says that it reads on. */
  private sayWhatIsRead(withHead: boolean): void {
    if (withHead && !this.buffering) this.exchange.r.action = READING_HEADER;
  }

  private bodyEnds(excess: boolean): void {
    this.complete = true;
    this.exchange.responseEnded(excess);
  }

  /** The upstream closed its side while the body was being read: true where that is the body's end. */
  onEnd(): boolean {
    if (this.decoder !== undefined || this.bodyLeft >= 0) return false;
    this.bodyEnds(false);
    this.relay!.end();
    return true;
  }

  pauseUpstream(): void {
    this.pausedByClient = true;
    this.exchange.pauseReading();
  }

  resumeUpstream(): void {
    this.pausedByClient = false;
    if (!this.pausedByRate) this.exchange.resumeReading();
  }

  /** proxy_limit_rate: rests when more has come than the time since the first byte allows (ngx_event_pipe.c). */
  private limitReading(): void {
    const { exchange } = this;
    const seconds = Math.floor((nowMs() - this.receivingSinceMs) / 1000) + 1;
    const excess = exchange.tries.state.bytesReceived - this.readRate * seconds;
    if (excess < 0 || exchange.connection === undefined) return;
    this.pausedByRate = true;
    exchange.pauseReading();
    this.rateTimer ??= new Timer(this, RATE_TIMER);
    this.rateTimer.arm(Math.ceil((excess * 1000) / this.readRate) + 1);
  }

  onTimer(): void {
    this.pausedByRate = false;
    if (!this.pausedByClient) this.exchange.resumeReading();
  }

  onRelayed(): void {
    this.exchange.finish(0);
  }

  onRelayFailed(message: string): void {
    this.exchange.r.logError(message);
    this.exchange.breakOff();
  }

  /** Nothing more is read from the peer that was asked. */
  stopReading(): void {
    this.rateTimer?.release();
  }

  /** The exchange is over. */
  release(): void {
    this.relay?.release();
  }
}

/**
 * One client connection: reads heads and bodies, runs requests one after another, keeps alive, lingers, closes.
 * Hot: a request that fits one chunk and is answered at once costs one parse and one write.
 */

import { READING, REQUESTS, WRITING } from "../metrics/cells.ts";
import { count, uncount } from "../metrics/counters.ts";
import { parseIPv4, parseIPv6, plainAddress } from "../net/address.ts";
import { INFO, type LogLevel } from "../net/error-log.ts";
import { isReceived, receivedView } from "../net/received-bytes.ts";
import type { Socket } from "../net/socket.ts";
import { nowMs, Timer, type TimerOwner } from "../net/timers.ts";
import type { TlsOwner } from "../net/tls-socket.ts";
import { logDropped, readingHead, refuse, takePartialHead } from "./bad-head.ts";
import type { ConnectionHost, ListenBinding } from "./connection-host.ts";
import { ConnectionOpening, KEEP } from "./connection-opening.ts";
import { closeRequest, finalize, terminate } from "./finalize.ts";
import { HeaderList } from "./header-list.ts";
import type { Server } from "./location.ts";
import { Output } from "./output.ts";
import { startPhases } from "./phases.ts";
import type { ProxyHeader } from "./proxy-protocol.ts";
import { Request } from "./request.ts";
import { RequestBody } from "./request-body.ts";
import { type HeadError, RequestHeadParser } from "./request-head.ts";
import { checkRequestHeaders, type RequestFraming } from "./request-headers.ts";
import { chooseServer, READING_HEADERS, tlsVerdict } from "./server-choice.ts";
import { type ConnectionTls, firstServer } from "./server-tls.ts";
import type { CoreSettings } from "./settings.ts";

type State = "opening" | "idle" | "head" | "body" | "busy" | "lingering" | "tunnel" | "closed";

/** Input that arrives while a request is being answered (pipelining) is kept up to this size, then reading pauses. */
const PIPELINE_BYTES = 16 * 1024;

/** Bytes that have come in over TLS are decrypted within this time, or are no request. */
const DECRYPTION_MS = 100;

const NO_ADDRESS = new Uint8Array(0);

const READ_TIMER = 0;
const SEND_TIMER = 1;
const RATE_TIMER = 2;

/** A tunnel has a timer of its own. */
const NO_TIMER = new Timer({ onTimer: () => {} }, READ_TIMER);

/** Parsers are used for the length of one head only, so idle connections and tunnels hold none. */
const spareParsers: RequestHeadParser[] = [];
const framing: RequestFraming = {
  host: "",
  contentLength: -1,
  chunked: false,
  keepAlive: false,
  upgrade: undefined,
  expectContinue: false,
};

let connectionCount = 0;

/** Numbers connections of clients and upstreams alike, as nginx's ngx_connection_counter. */
export function nextConnectionNumber(): number {
  return ++connectionCount;
}

export class Connection implements TlsOwner, TimerOwner {
  /** Where TLS begins, a TLS socket takes the place of the plain one. */
  socket: Socket;
  readonly number = nextConnectionNumber();
  readonly binding: ListenBinding;
  readonly host: ConnectionHost;
  readonly output: Output;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly startMs = nowMs();
  /** The client left in the middle of a head or body: it gets no answer. */
  broken = false;
  /** Requests begun on this connection: `$connection_requests`. */
  requests = 0;
  request: Request | undefined = undefined;
  /** What the PROXY protocol said of this connection. */
  proxyHeader: ProxyHeader | undefined = undefined;
  /** Set when the client has said hello. */
  tls: ConnectionTls | undefined = undefined;
  /** The client speaks HTTP where TLS was expected. */
  withoutTls = false;
  private opening: ConnectionOpening | undefined = undefined;
  private state: State = "idle";
  /** A part of a head has come: the request is counted, though it has not begun. */
  private reading = false;
  private parser: RequestHeadParser | undefined = undefined;
  private input: Buffer | undefined = undefined;
  private inputAt = 0;
  private paused = false;
  private pumping = false;
  /** The client has sent FIN. */
  private ended = false;
  private readTimer = new Timer(this, READ_TIMER);
  private sendTimer: Timer | undefined = undefined;
  private rateTimer: Timer | undefined = undefined;
  private lingerUntilMs = 0;
  private lingerTimeoutMs = 0;
  /** The next request has begun to arrive already. */
  private pipelined = false;
  /** Settings of the last request's location: they hold between requests. */
  private keptCore: CoreSettings | undefined = undefined;
  /** A finished request whose body is still being read and thrown away. */
  private discardingFor: Request | undefined = undefined;
  private idleSinceMs = Number.NEGATIVE_INFINITY;

  constructor(socket: Socket, binding: ListenBinding, host: ConnectionHost) {
    this.socket = socket;
    this.binding = binding;
    this.host = host;
    this.output = new Output(socket);
    this.remoteAddress = binding.isUnix ? "unix:" : plainAddress(socket.remoteAddress);
    this.remotePort = binding.isUnix ? 0 : socket.remotePort;
    if (binding.servers.proxyProtocol || binding.servers.tls) {
      this.state = "opening";
      this.opening = new ConnectionOpening(this, binding.servers);
    }
    this.readTimer.arm(binding.servers.defaultServer.core.clientHeaderTimeoutMs);
  }

  /** The address the client connected to: `$server_addr`. A system call. */
  get localAddress(): string {
    return this.binding.isUnix ? "unix:" : plainAddress(this.socket.localAddress);
  }

  /** The address of the other end: 4 bytes (IPv4), 16 (IPv6), or none (unix socket). */
  clientAddress(): Uint8Array {
    return parseIPv4(this.remoteAddress) ?? parseIPv6(this.remoteAddress) ?? NO_ADDRESS;
  }

  /** `$server_port`. */
  get localPort(): number {
    return this.binding.port;
  }

  get open(): boolean {
    return this.state !== "closed";
  }

  /** Waiting between requests: may be closed without anybody missing it. A connection that is new may have a request on its way. */
  get idle(): boolean {
    return this.state === "idle" && this.requests > 0 && this.input === undefined;
  }

  /** Nothing of a request has come: may be closed when the process has too many connections. */
  get resting(): boolean {
    return this.state === "idle" && this.input === undefined;
  }

  /** No other request is wanted of it: the worker shuts down, or does not listen there any more. */
  get leaving(): boolean {
    return this.host.draining || this.binding.closing;
  }

  /** The worker shuts down: an idle connection closes, at once or when keepalive_min_timeout has passed. */
  closeIdle(): void {
    // A request that has come by now is answered: closing would reset it.
    if (this.idle && this.socket.readNow()) {
      this.readTimer.arm(DECRYPTION_MS);
      return;
    }
    if (!this.idle) return;
    const core = this.keptCore ?? this.firstServer.core;
    const leftMs = this.idleSinceMs + core.keepaliveMinTimeoutMs - nowMs();
    if (leftMs <= 0) this.close();
    else this.readTimer.arm(leftMs);
  }

  // Socket events

  onData(buffer: Buffer, length: number): void {
    if (this.state === "lingering") {
      this.armLinger();
      return;
    }
    const chunk = receivedView(buffer, length);
    this.input = this.input === undefined ? chunk : Buffer.concat([this.input.subarray(this.inputAt), chunk]);
    this.inputAt = 0;
    this.pump();
    const { input } = this;
    if (input === undefined || !isReceived(input)) return;
    this.input = Buffer.from(input.subarray(this.inputAt));
    this.inputAt = 0;
  }

  onDrain(): void {
    this.output.drained();
    this.goOn();
  }

  /** The server that requests start from, until their host is known. */
  private get firstServer(): Server {
    const { servers } = this.binding;
    return this.tls === undefined ? servers.defaultServer : firstServer(servers, this.tls);
  }

  /** A line about a connection that has not sent anything of a request yet. */
  logEarly(level: LogLevel, message: string): void {
    const { errorLog: log } = this.firstServer.core;
    if (!log.enabled(level)) return;
    const { text } = this.binding;
    log.write(
      level,
      this.number,
      `${message} while ${this.opening?.action ?? "waiting for request"}, client: ${this.remoteAddress}, server: ${text}`,
    );
  }

  /** The client takes bytes again: the rest of what is queued, then more from the producer. */
  private goOn(): void {
    const r = this.request;
    if (!this.flush() || r === undefined) return;
    if (r.finished) this.requestDone(r);
    else r.producer?.onWritable();
  }

  onEnd(): void {
    this.ended = true;
    switch (this.state) {
      case "idle":
        if (this.requests > 0) {
          const log = this.keptCore?.errorLog;
          log?.write(INFO, this.number, `client ${this.remoteAddress} closed keepalive connection`);
        } else this.logEarly(INFO, "client closed connection");
        this.close();
        return;
      case "lingering":
        this.close();
        return;
      case "opening":
        if (this.opening?.handshaking) return;
        this.opening?.clientEnded(this.input !== undefined);
        this.close();
        return;
      case "head":
        if (this.request === undefined) this.headBrokeOff(false);
        return;
      case "body":
        this.request?.body?.onClientGone(false);
        return;
      case "busy":
        this.request?.abortListener?.onClientAbort(false);
        return;
      default:
        return;
    }
  }

  onClose(reset: boolean): void {
    if (this.state === "closed") return;
    if (reset && this.state === "idle" && this.requests === 0) {
      this.logEarly(INFO, "recv() failed (104: Connection reset by peer)");
    } else if (reset && this.state === "opening") {
      if (!this.opening?.handshaking) this.opening?.clientReset(this.input !== undefined);
    } else if (reset && this.state === "head" && this.request === undefined) this.headBrokeOff(true);
    else if (this.state === "body") {
      this.request?.body?.onClientGone(reset);
      if (!this.open) return;
    }
    const r = this.request;
    this.markClosed();
    if (r === undefined || r.abortListener?.onClientAbort(reset) === true) return;
    closeRequest(r);
  }

  onTimer(tag: number): void {
    if (tag === READ_TIMER) this.onReadTimeout();
    else if (tag === SEND_TIMER) this.onSendTimeout();
    else this.goOn();
  }

  // Reading

  /** Works through the input for as long as the state wants input. Not re-entrant: a finished request only sets state. */
  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    while (this.input !== undefined) {
      if (this.state === "idle" || this.state === "head") {
        if (!this.readHead(this.input)) break;
      } else if (this.state === "body") {
        this.inputAt = this.request!.body!.feed(this.input, this.inputAt);
        this.dropConsumedInput();
        this.notePipelining();
      } else if (this.opening !== undefined) {
        if (!this.readOpening(this.opening, this.input)) break;
      } else {
        break;
      }
    }
    this.pumping = false;
    const waiting = this.input === undefined ? 0 : this.input.length - this.inputAt;
    if (waiting > PIPELINE_BYTES && this.state !== "closed") this.pauseReading();
  }

  /** Reads what comes before the first request. False when more of it must come first. */
  private readOpening(opening: ConnectionOpening, input: Buffer): boolean {
    const at = opening.feed(input, this.inputAt);
    if (at === KEEP) return false;
    this.inputAt = at;
    this.dropConsumedInput();
    this.endOpening(opening);
    return true;
  }

  /** Another worker has accepted it, and read its ClientHello, `hello`. */
  continueOpening(header: ProxyHeader | undefined, hello: Buffer): void {
    this.opening?.continueWithHello();
    this.proxyHeader = header;
    this.onData(hello, hello.length);
  }

  private endOpening(opening: ConnectionOpening): void {
    if (!opening.done) return;
    this.opening = undefined;
    this.state = "idle";
  }

  /** TLS has begun: it takes the place of the plain socket. */
  useSocket(socket: Socket): void {
    this.socket = socket;
    this.output.useSocket(socket);
  }

  onHandshake(): void {
    const { opening } = this;
    if (opening === undefined) return;
    opening.handshakeEnded();
    this.endOpening(opening);
  }

  onHandshakeFailed(message: string): void {
    if (this.state === "closed") return;
    this.opening?.handshakeFailed(message);
    this.markClosed();
  }

  /** Parses from the input; true when a request began and may want more of the input. */
  private readHead(input: Buffer): boolean {
    if (this.parser === undefined) {
      this.parser = spareParsers.pop() ?? new RequestHeadParser();
      this.parser.limits = this.firstServer.headLimits;
      this.parser.reset(HeaderList.take());
    }
    const parser = this.parser;
    const at = parser.feed(input, this.inputAt);
    if (at === -1) {
      this.input = undefined;
      if (this.state === "idle") {
        this.state = "head";
        this.beginReading();
        this.readTimer.arm(this.firstServer.core.clientHeaderTimeoutMs);
      }
      return true;
    }
    if (at === -2) {
      this.beginFailed(parser.error!);
      return false;
    }
    this.inputAt = at;
    this.dropConsumedInput();
    this.begin(parser);
    return true;
  }

  /** A thrown-away body may have ended, and the next request have begun behind it. */
  private notePipelining(): void {
    if (this.state === "idle" && this.input === undefined) this.pipelined = false;
  }

  private dropConsumedInput(): void {
    if (this.input !== undefined && this.inputAt >= this.input.length) this.input = undefined;
  }

  private begin(parser: RequestHeadParser): void {
    this.parser = undefined;
    this.readTimer.disarm();
    this.state = "busy";
    const failure = checkRequestHeaders(parser, framing);
    if (failure?.line !== undefined) parser.endAt(failure.line);
    const r = this.newRequest(this.firstServer, parser);
    const misdirected = chooseServer(r, framing.host, failure?.line === undefined);
    if (misdirected) {
      // What follows the line that names the host is not looked at any more.
      parser.endAt(parser.headers.keys.indexOf("host"));
      r.headBytes = parser.headBytes;
    }
    spareParsers.push(parser);
    if (parser.dropped !== undefined) logDropped(r, parser.dropped, this.firstServer);
    if (failure !== undefined) {
      r.action = READING_HEADERS;
      refuse(r, failure);
      return;
    }
    if (misdirected || this.withoutTls || this.tls !== undefined) {
      const status = tlsVerdict(r, misdirected);
      if (status !== 0) {
        finalize(r, status);
        return;
      }
    }
    r.contentLength = framing.contentLength;
    r.chunked = framing.chunked;
    r.upgrade = framing.upgrade;
    r.expectContinue = framing.expectContinue;
    r.keepAlive = framing.keepAlive;
    if (r.contentLength > 0 || r.chunked) {
      r.body = new RequestBody(r, this.input !== undefined);
    }
    startPhases(r);
  }

  private newRequest(server: Server, parser: RequestHeadParser): Request {
    const r = new Request(this, server, parser.headers);
    r.method = parser.method;
    r.requestLine = parser.requestLine;
    r.unparsedUri = parser.unparsedUri;
    r.uri = parser.uri;
    r.args = parser.args === "" ? undefined : parser.args;
    r.httpVersion = parser.httpVersion;
    r.headBytes = parser.headBytes;
    r.sentBefore = this.output.sentBytes;
    r.pipelined = this.pipelined;
    this.pipelined = false;
    this.requests++;
    this.request = r;
    if (this.reading) this.endReading();
    else count(REQUESTS);
    count(WRITING);
    return r;
  }

  private beginReading(): void {
    this.reading = true;
    count(REQUESTS);
    count(READING);
  }

  private endReading(): void {
    this.reading = false;
    uncount(READING);
  }

  /** A head that could not be read: answered by the default server, then the connection ends. */
  private beginFailed(error: HeadError): void {
    const parser = this.parser;
    if (parser === undefined) {
      this.close();
      return;
    }
    this.parser = undefined;
    this.readTimer.disarm();
    this.state = "busy";
    this.input = undefined;
    const r = this.newRequest(this.firstServer, parser);
    const earlier = takePartialHead(r, parser, this.firstServer, framing);
    r.action = readingHead(r, parser);
    refuse(r, earlier ?? error);
  }

  /** The client went away in the middle of a head: logged as a 400 that nobody gets. */
  private headBrokeOff(reset: boolean): void {
    const parser = this.parser;
    if (parser === undefined) {
      this.close();
      return;
    }
    this.parser = undefined;
    parser.abandon();
    const r = this.newRequest(this.firstServer, parser);
    const refused = takePartialHead(r, parser, this.firstServer, framing);
    r.action = readingHead(r, parser);
    if (refused !== undefined && !reset) {
      refuse(r, refused);
      return;
    }
    r.log(INFO, reset ? "recv() failed (104: Connection reset by peer)" : "client prematurely closed connection");
    terminate(r, 400);
  }

  /** Begins (or goes on) to read the request's body. */
  readBody(): void {
    if (this.state === "closed") return;
    this.state = "body";
    this.armBodyTimer();
    this.resumeReading();
    this.pump();
  }

  /** Feeds the body with what of it has come already, at once: whoever streams must know whether that was all. */
  feedWaitingBody(): void {
    const body = this.request?.body;
    if (this.input === undefined || body === undefined || body.complete) return;
    this.inputAt = body.feed(this.input, this.inputAt);
    this.dropConsumedInput();
  }

  armBodyTimer(): void {
    if (this.state !== "body") return;
    if (this.discardingFor === undefined) this.readTimer.arm(this.request!.location.core.clientBodyTimeoutMs);
    else this.readTimer.arm(Math.max(0, Math.min(this.lingerUntilMs - nowMs(), this.lingerTimeoutMs)));
  }

  /** The body has been read, or reading rests because its consumer is slow. */
  bodyPaused(): void {
    this.readTimer.disarm();
    if (this.state === "body") this.state = "busy";
  }

  pauseReading(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket.pause();
  }

  private resumeReading(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket.resume();
  }

  // Writing

  /** Sends what is queued. True when all of it is with the kernel; if not, the producer is called when it is. */
  flush(): boolean {
    const r = this.request;
    const limit = r === undefined || r.limitRate === undefined ? Number.MAX_SAFE_INTEGER : this.allowedBytes(r);
    const done = this.output.flush(limit);
    if (this.state === "closed") return true;
    if (!done) {
      if (this.output.blocked) this.armSendTimer(r);
      return false;
    }
    this.sendTimer?.disarm();
    return true;
  }

  /** limit_rate: bytes that may be sent now; arms a timer for the rest (ngx_http_write_filter). */
  private allowedBytes(r: Request): number {
    const rate = r.limitRate!;
    if (rate === 0) return Number.MAX_SAFE_INTEGER;
    const seconds = Math.floor((nowMs() - r.startMs) / 1000) + 1;
    const sent = this.output.sentBytes - r.sentBefore;
    const allowed = rate * seconds - (sent - (r.limitRateAfter ?? 0));
    if (allowed < this.output.pendingBytes) {
      this.rateTimer ??= new Timer(this, RATE_TIMER);
      this.rateTimer.arm(allowed > 0 ? 1000 : Math.ceil((-allowed * 1000) / rate) + 1);
    }
    return allowed;
  }

  private armSendTimer(r: Request | undefined): void {
    const core = (r?.location ?? this.firstServer.level).core;
    this.sendTimer ??= new Timer(this, SEND_TIMER);
    this.sendTimer.arm(core.sendTimeoutMs);
  }

  // Ends

  /** The response has been queued as a whole: the request ends when it has left. */
  finishResponse(r: Request): void {
    r.finished = true;
    r.abortListener = undefined;
    r.producer = undefined;
    if (this.state === "closed") {
      // Its client had gone, and it was to go on all the same (proxy_ignore_client_abort).
      this.output.discard();
      closeRequest(r);
    } else if (this.flush()) this.requestDone(r);
  }

  /** A thrown-away body has come to its end: the connection is ready for the next request. */
  onBodyDiscarded(): void {
    const r = this.discardingFor;
    if (r === undefined) return;
    this.discardingFor = undefined;
    this.endAndRest(r);
    // Of a body with a length nginx reads no byte too many.
    this.pipelined = r.chunked;
  }

  private requestDone(r: Request): void {
    if (this.request !== r) return;
    r.completed = true;
    if (this.state === "closed") {
      closeRequest(r);
      return;
    }
    const core = r.location.core;
    const bodyLeft = r.body !== undefined && !r.body.complete;
    this.request = undefined;
    if (r.keepAlive && !this.ended && !this.leaving) {
      this.keptCore = core;
      if (bodyLeft) this.readDiscarded(r);
      else this.endAndRest(r);
      return;
    }
    closeRequest(r);
    const lingers =
      core.lingeringClose === "always" ||
      (core.lingeringClose === "on" && (bodyLeft || this.input !== undefined || this.paused));
    if (lingers && !this.ended) this.linger(core.lingeringTimeMs, core.lingeringTimeoutMs);
    else this.close();
  }

  /** Logged when its body has come, too, as is everything that may have to be said of that. */
  private readDiscarded(r: Request): void {
    const { core } = r.location;
    this.discardingFor = r;
    this.request = r;
    this.state = "body";
    this.lingerUntilMs = nowMs() + core.lingeringTimeMs;
    this.lingerTimeoutMs = core.lingeringTimeoutMs;
    this.armBodyTimer();
    this.resumeReading();
    this.pump();
  }

  private endAndRest(r: Request): void {
    closeRequest(r);
    this.becomeIdle();
  }

  private becomeIdle(): void {
    this.request = undefined;
    this.state = "idle";
    this.pipelined = this.input !== undefined;
    this.idleSinceMs = nowMs();
    this.readTimer.arm(this.keptCore!.keepaliveTimeout.timeoutMs);
    this.resumeReading();
    this.pump();
  }

  /** RFC 9112 9.6: half-close, then read on, so that the client gets the response instead of a reset. */
  private linger(totalMs: number, timeoutMs: number): void {
    this.state = "lingering";
    this.input = undefined;
    this.lingerUntilMs = nowMs() + totalMs;
    this.lingerTimeoutMs = timeoutMs;
    this.resumeReading();
    this.socket.shutdown();
    this.armLinger();
  }

  private armLinger(): void {
    const left = this.lingerUntilMs - nowMs();
    if (left <= 0) this.close();
    else this.readTimer.arm(Math.min(left, this.lingerTimeoutMs));
  }

  private onReadTimeout(): void {
    switch (this.state) {
      case "head": {
        const parser = this.parser;
        if (parser !== undefined) {
          parser.abandon();
          const r = this.newRequest(this.firstServer, parser);
          takePartialHead(r, parser, this.firstServer, framing);
          r.action = readingHead(r, parser);
          r.log(INFO, "client timed out (110: Connection timed out)");
          r.out.status = 408;
          closeRequest(r);
          this.closeTimedOut(r);
          return;
        }
        this.close();
        return;
      }
      case "body":
        this.request?.body?.onTimeout();
        return;
      case "opening":
      case "idle":
        if (this.requests === 0) this.logEarly(INFO, "client timed out (110: Connection timed out)");
        this.close();
        return;
      default:
        this.close();
    }
  }

  private onSendTimeout(): void {
    const r = this.request;
    if (r !== undefined) {
      r.log(INFO, "client timed out (110: Connection timed out)");
      r.abortListener?.onClientAbort(true);
      this.closeTimedOut(r);
      return;
    }
    this.close();
  }

  /** reset_timedout_connection: an RST frees the kernel's send buffer at once. */
  closeTimedOut(r: Request): void {
    if (r.location.core.resetTimedoutConnection) this.abort();
    else this.close();
  }

  /** A tunnel has ended and closed the socket itself. */
  tunnelClosed(): void {
    if (this.state === "closed") return;
    const r = this.request;
    this.markClosed();
    if (r === undefined) return;
    r.completed = true;
    closeRequest(r);
  }

  /** Hands the socket to a tunnel. Returns what the client has sent already. */
  becomeTunnel(): Buffer | undefined {
    this.state = "tunnel";
    this.readTimer.release();
    this.readTimer = NO_TIMER;
    this.sendTimer?.release();
    this.sendTimer = undefined;
    const rest = this.input?.subarray(this.inputAt);
    this.input = undefined;
    this.resumeReading();
    return rest;
  }

  /** Ends the connection at once; whatever is unsent is lost. */
  close(): void {
    if (this.state === "closed") return;
    const r = this.request;
    this.markClosed();
    this.socket.end();
    if (r !== undefined) closeRequest(r);
  }

  abort(): void {
    if (this.state === "closed") return;
    const r = this.request;
    this.markClosed();
    this.socket.terminate();
    if (r !== undefined) closeRequest(r);
  }

  private markClosed(): void {
    if (this.reading) this.endReading();
    this.opening?.release();
    this.opening = undefined;
    this.state = "closed";
    this.request = undefined;
    this.input = undefined;
    this.readTimer.release();
    this.sendTimer?.release();
    this.rateTimer?.release();
    this.output.discard();
    this.host.onConnectionClosed(this);
  }
}

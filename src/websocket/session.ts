/**
 * One WebSocket through the proxy: the frames of its two sides, what the `websocket_*` directives ask of them, and why it
 * ends; how it does when the proxy ends it is in `closing-handshake.ts`.
 */
import {
  type CLOSERS,
  closeCell,
  DRAINED_TUNNELS,
  MESSAGES,
  PINGS,
  PINGS_UNANSWERED,
  ROUND_TRIPS,
  sideCell,
} from "../metrics/cells.ts";
import { count } from "../metrics/counters.ts";
import { LATENCY, observe } from "../metrics/histogram.ts";
import { INFO, type LogLevel } from "../net/error-log.ts";
import { nowMs, Timer, type TimerOwner } from "../net/timers.ts";
import { ClosingHandshake } from "./closing-handshake.ts";
import {
  type Ending,
  goingAway,
  lostPeer,
  MESSAGE_TOO_BIG,
  POLICY_VIOLATION,
  PROTOCOL_ERROR,
  refusal,
  slowConsumer,
} from "./endings.ts";
import type { FrameFault } from "./frame-rules.ts";
import { FrameStream, type StreamOwner, type StreamRules } from "./frame-stream.ts";
import { NO_CLOSE } from "./frame-walker.ts";
import type { Agreement } from "./handshake.ts";
import { Inflater } from "./inflater.ts";
import { MessageBucket } from "./message-rate.ts";
import { type PingOwner, Pings } from "./pings.ts";
import type { WebSocketSettings } from "./settings.ts";
import { SlowConsumer, type SlowConsumerOwner } from "./slow-consumer.ts";
import type { TunnelSide, WatchedTunnel } from "./tunnel-side.ts";

/** Who ended a WebSocket. */
export type ClosedBy = (typeof CLOSERS)[number];

const DELAY_TIMER = 0;
const IDLE_TIMER = 1;
const DURATION_TIMER = 2;
const DRAIN_TIMER = 3;

/** What comes from both sides, where it is not only counted. */
interface Streams {
  readonly fromClient: FrameStream;
  readonly fromUpstream: FrameStream;
}

/** What has been passed on. */
export interface Passed {
  /** Whole messages. */
  readonly messages: number;
  /** Payload bytes of whole data frames. */
  readonly bytes: number;
}

/** What a session says to the error log. */
export interface SessionLog {
  log(level: LogLevel, message: string): void;
}

export class WebSocketSession implements StreamOwner, PingOwner, SlowConsumerOwner, TimerOwner {
  readonly subprotocol: string | undefined;
  /** Made when they are needed. */
  private streams: Streams | undefined = undefined;
  /** The first Close frame's code, 1006 where the WebSocket ended without one; 0 while it is open. */
  closeCode = 0;
  closedBy: ClosedBy | undefined = undefined;
  /** Pings that the proxy has sent, to both sides. */
  pingsSent = 0;
  /** The last round trips of pings in ms; -1 for none. */
  clientRoundTripMs = -1;
  upstreamRoundTripMs = -1;
  /** The proxy is ending it. */
  private closing: ClosingHandshake | undefined = undefined;
  /** Why it is to go. */
  private drainWords = "";
  private readonly request: SessionLog;
  private readonly tunnel: WatchedTunnel;
  private readonly settings: WebSocketSettings;
  private readonly countersAt: number;
  private readonly startedMs = nowMs();
  private endedMs = -1;
  private readonly pings: Pings | undefined;
  /** By tag; made where they are needed. */
  private timers: (Timer | undefined)[] | undefined = undefined;
  private slowClient: SlowConsumer | undefined = undefined;
  private slowUpstream: SlowConsumer | undefined = undefined;

  /** `countersAt`: where the WebSocket is counted, TUNNELS_ROW. */
  constructor(
    r: SessionLog,
    tunnel: WatchedTunnel,
    settings: WebSocketSettings,
    agreement: Agreement,
    countersAt: number,
  ) {
    this.request = r;
    this.tunnel = tunnel;
    this.settings = settings;
    this.subprotocol = agreement.subprotocol;
    this.countersAt = countersAt;
    tunnel.client.countIn(countersAt + sideCell(true) + MESSAGES);
    tunnel.upstream.countIn(countersAt + sideCell(false) + MESSAGES);
    if (settings.watch !== "guard") return;
    const { fromClient, fromUpstream } = this.makeStreams(agreement);
    const { pings, idleTimeoutMs, maxDurationMs } = settings;
    if (typeof pings === "object") this.pings = new Pings(pings, fromClient, fromUpstream, this);
    if (idleTimeoutMs > 0) this.arm(IDLE_TIMER, idleTimeoutMs);
    if (maxDurationMs > 0) this.arm(DURATION_TIMER, maxDurationMs);
  }

  get fromClient(): Passed {
    return this.tunnel.client;
  }

  get fromUpstream(): Passed {
    return this.tunnel.upstream;
  }

  /** From the handshake to the end, in ms; so far, while it is open. */
  get durationMs(): number {
    return (this.endedMs < 0 ? nowMs() : this.endedMs) - this.startedMs;
  }

  /** From now on frames are not only counted. Without an agreement there are no rules for them. */
  private makeStreams(agreement: Agreement | undefined): Streams {
    const { client, upstream } = this.tunnel;
    const ofClient = agreement && this.rulesFor(agreement, true);
    const ofUpstream = agreement && this.rulesFor(agreement, false);
    const fromClient = new FrameStream(client, upstream, true, client.stopCounting(), ofClient, this);
    const fromUpstream = new FrameStream(upstream, client, false, upstream.stopCounting(), ofUpstream, this);
    client.frames = fromClient;
    upstream.frames = fromUpstream;
    this.streams = { fromClient, fromUpstream };
    return this.streams;
  }

  private rulesFor({ rsvAllowed, deflate }: Agreement, ofClient: boolean): StreamRules {
    const { validate, maxMessage, messageRate, pings } = this.settings;
    const rate = typeof messageRate === "object" && ofClient ? messageRate : undefined;
    const bucket = rate === undefined ? undefined : new MessageBucket(rate);
    const { bytes: maxMessageBytes, decompressed } = maxMessage;
    const takesOver = (ofClient ? deflate?.clientTakesOver : deflate?.serverTakesOver) ?? false;
    const inflater =
      decompressed && maxMessageBytes > 0 && deflate !== undefined
        ? new Inflater(maxMessageBytes, takesOver)
        : undefined;
    return { validate, rsvAllowed, maxMessageBytes, inflater, bucket, pinged: typeof pings === "object" };
  }

  // What the streams tell

  onFault(stream: FrameStream, { code, words }: FrameFault): void {
    const ending = refusal(stream.fromClient, code, words, `${nameOf(stream)} broke the protocol: ${words}`);
    this.end(ending, stream, code === PROTOCOL_ERROR);
  }

  onTooBig(stream: FrameStream): void {
    const { bytes } = this.settings.maxMessage;
    const { messageBytes } = stream.walker;
    const what =
      messageBytes > bytes
        ? `of ${messageBytes} bytes or more, which is larger than`
        : "that decompresses to more than";
    const words = `${nameOf(stream)} sent a message ${what} websocket_max_message_size (${bytes})`;
    this.end(refusal(stream.fromClient, MESSAGE_TOO_BIG, "message too big", words), stream);
  }

  onTooEarly(stream: FrameStream, byMs: number): boolean {
    const { messageRate } = this.settings;
    if (typeof messageRate === "object" && messageRate.delay) {
      this.arm(DELAY_TIMER, byMs);
      return true;
    }
    const words = `${nameOf(stream)} sent messages faster than websocket_message_rate allows`;
    this.end(refusal(stream.fromClient, POLICY_VIOLATION, "too many messages", words), stream);
    return false;
  }

  onOwnPong(stream: FrameStream): void {
    const roundTripMs = this.pings?.answered(stream) ?? -1;
    if (roundTripMs < 0) return;
    observe(this.countersAt + sideCell(stream.fromClient) + ROUND_TRIPS, LATENCY, roundTripMs);
    if (stream.fromClient) this.clientRoundTripMs = roundTripMs;
    else this.upstreamRoundTripMs = roundTripMs;
  }

  onClose({ fromClient, walker }: FrameStream): void {
    this.noteClose(fromClient, walker.closeCode);
    this.closing?.settle();
  }

  onInserted(stream: FrameStream): void {
    if (this.closing === undefined) this.pings?.sent(stream);
    else this.closing.settle();
  }

  // What the tunnel tells

  /** The walker of a side whose frames are only counted has come upon a Close, now or earlier. */
  onCountedClose(side: TunnelSide): void {
    this.noteClose(side === this.tunnel.client, side.closeCode);
  }

  /** A side has sent FIN. True: the session sees to what comes of it. */
  onSideEnded(side: TunnelSide): boolean {
    if (this.closing === undefined) this.from(side)?.passRest();
    return this.onSideClosed(side);
  }

  /** A side's connection is gone. True: the session sees to what comes of it. */
  onSideClosed(side: TunnelSide): boolean {
    const { closing } = this;
    const stream = this.from(side);
    if (closing === undefined || stream === undefined) {
      // Without a Close, if there has been none.
      this.closedBy ??= side === this.tunnel.client ? "client" : "upstream";
      return false;
    }
    closing.sideGone(stream);
    return true;
  }

  /** A side does not take what it is sent. */
  onSideFull(side: TunnelSide): void {
    if (this.closing === undefined) this.slowConsumer(side)?.full();
  }

  /** A side has taken all that waited for it. */
  onSideDrained(side: TunnelSide): void {
    (side === this.tunnel.client ? this.slowClient : this.slowUpstream)?.drained();
  }

  /** The tunnel is over. */
  onTunnelClosed(timedOut: boolean): void {
    if (this.endedMs >= 0) return;
    this.endedMs = nowMs();
    this.stopTimers();
    this.timers?.[DELAY_TIMER]?.release();
    this.closing?.release();
    this.streams?.fromClient.release();
    this.streams?.fromUpstream.release();
    if (timedOut) this.closedBy ??= "proxy";
    const byProxy = this.closing !== undefined || timedOut;
    if (this.closeCode === 0) this.closeCode = NO_CLOSE;
    count(this.countersAt + closeCell(this.closedBy ?? "proxy", this.closeCode));
    if (!byProxy) this.log(INFO, `${this.closedBy ?? "proxy"} closed the WebSocket ${codeWords(this.closeCode)}`);
  }

  // Ends

  /** Ends the WebSocket from the proxy's side, because of `culprit` or of nobody. `unreadable`: it makes no sense any more. */
  end(ending: Ending, culprit?: FrameStream, unreadable = false): void {
    this.startClosing(ending)?.refuse(ending, culprit, unreadable);
  }

  /** Ends it because its time has come: no message is lost that a side had sent before it could know. */
  retire(ending: Ending): void {
    if (this.closing === undefined) this.startClosing(ending)?.retire(ending);
  }

  /**
   * Ends it at a random moment of the window of `websocket_drain`, or within `withinMs` if that is less; not later when
   * it is asked again. Nothing happens where that directive is off.
   */
  drain(words: string, withinMs: number): void {
    const { drain, mode } = this.settings;
    if (typeof drain !== "object" || mode === "off" || this.closing !== undefined) return;
    const delayMs = Math.random() * Math.min(drain.windowMs, withinMs);
    const timer = this.timers?.[DRAIN_TIMER];
    if (timer !== undefined && timer.deadlineMs <= nowMs() + delayMs) return;
    this.drainWords = words;
    this.arm(DRAIN_TIMER, delayMs);
  }

  /** Ends it at once, as there is no time left. False where WebSockets are passed as nginx does. */
  cutShort(words: string): boolean {
    if (this.settings.mode === "off") return false;
    this.end(goingAway("", words));
    return true;
  }

  /** Why it was to go does not hold any more. */
  stay(): void {
    this.timers?.[DRAIN_TIMER]?.disarm();
  }

  private startClosing(ending: Ending): ClosingHandshake | undefined {
    if (this.closing !== undefined || this.endedMs >= 0) return this.closing;
    if (this.closedBy === undefined) {
      this.closedBy = "proxy";
      this.closeCode = ending.code;
    }
    this.log(ending.level, `WebSocket closed by the proxy with ${ending.code}: ${ending.words}`);
    this.stopTimers();
    const { fromClient, fromUpstream } = this.streams ?? this.makeStreams(undefined);
    this.closing = new ClosingHandshake(this.tunnel, fromClient, fromUpstream);
    return this.closing;
  }

  onTimer(tag: number): void {
    switch (tag) {
      case IDLE_TIMER:
        this.onIdle();
        return;
      case DURATION_TIMER:
        this.retire(goingAway("open for too long", "it has been open for websocket_max_duration"));
        return;
      case DRAIN_TIMER:
        this.onDrain();
        return;
      default:
        this.streams?.fromClient.resume();
    }
  }

  onPingSent(toClient: boolean): void {
    this.pingsSent++;
    count(this.countersAt + sideCell(toClient) + PINGS);
  }

  onNoPong(from: FrameStream): void {
    const words = `${nameOf(from)} did not answer a ping`;
    count(this.countersAt + sideCell(from.fromClient) + PINGS_UNANSWERED);
    // First, so that it gets nothing more.
    from.side.cut();
    this.end(lostPeer(from.fromClient, "the other side does not answer", words), from, true);
  }

  private onIdle(): void {
    const { idleTimeoutMs } = this.settings;
    const { streams } = this;
    if (streams === undefined) return;
    const { fromClient, fromUpstream } = streams;
    const lastMs = fromClient.waits ? nowMs() : Math.max(fromClient.messageMs, fromUpstream.messageMs);
    const leftMs = lastMs + idleTimeoutMs - nowMs();
    if (leftMs > 0) this.arm(IDLE_TIMER, leftMs);
    else this.retire(goingAway("idle", "no message has come for websocket_idle_timeout"));
  }

  onSlowConsumer(side: TunnelSide): void {
    const ofClient = side === this.tunnel.client;
    const who = ofClient ? "client" : "upstream";
    this.end(slowConsumer(ofClient, `${who} has read nothing for websocket_slow_consumer_timeout`));
  }

  private slowConsumer(side: TunnelSide): SlowConsumer | undefined {
    const { slowConsumerTimeoutMs, watch } = this.settings;
    if (slowConsumerTimeoutMs === 0 || watch !== "guard") return undefined;
    if (side === this.tunnel.client) {
      this.slowClient ??= new SlowConsumer(side, slowConsumerTimeoutMs, this);
      return this.slowClient;
    }
    this.slowUpstream ??= new SlowConsumer(side, slowConsumerTimeoutMs, this);
    return this.slowUpstream;
  }

  private onDrain(): void {
    const { drain } = this.settings;
    if (typeof drain !== "object") return;
    count(this.countersAt + DRAINED_TUNNELS);
    this.retire({ ...goingAway(drain.reason, this.drainWords), code: drain.code, clientCode: drain.code });
  }

  /** The first Close tells who ends it. */
  private noteClose(fromClient: boolean, closeCode: number): void {
    if (this.closedBy !== undefined) return;
    this.closedBy = fromClient ? "client" : "upstream";
    this.closeCode = closeCode;
  }

  private from(side: TunnelSide): FrameStream | undefined {
    return side === this.tunnel.client ? this.streams?.fromClient : this.streams?.fromUpstream;
  }

  private arm(tag: number, delayMs: number): void {
    this.timers ??= [];
    let timer = this.timers[tag];
    if (timer === undefined) {
      timer = new Timer(this, tag);
      this.timers[tag] = timer;
    }
    timer.arm(delayMs);
  }

  /** All but the one that messages wait for: they pass before the end. */
  private stopTimers(): void {
    this.pings?.stop();
    this.slowClient?.stop();
    this.slowUpstream?.stop();
    const { timers } = this;
    if (timers === undefined) return;
    for (let tag = IDLE_TIMER; tag < timers.length; tag++) timers[tag]?.release();
  }

  private log(level: LogLevel, message: string): void {
    this.request.log(level, message);
  }
}

function nameOf(stream: FrameStream): string {
  return stream.fromClient ? "client" : "upstream";
}

function codeWords(code: number): string {
  return code === NO_CLOSE ? "without a Close frame" : `with ${code}`;
}

/** `websocket_ping_interval`: a silent side is pinged, so that idle tunnels stay open, and dead peers are found. */
import { nowMs, Timer, type TimerOwner } from "../net/timers.ts";
import { pingFrame } from "./control-frame.ts";
import type { FrameStream } from "./frame-stream.ts";
import type { PingSettings } from "./settings.ts";

/** Who hears what became of a side. */
export interface PingOwner {
  onPingSent(toClient: boolean): void;
  /** `from` is what comes from the side that does not answer. */
  onNoPong(from: FrameStream): void;
}

const TIMER = 0;
const NEVER = Number.NEGATIVE_INFINITY;

/** One side of a tunnel, and its pings. */
class PingedSide {
  /** What comes from it, and what leads to it. */
  readonly from: FrameStream;
  readonly to: FrameStream;
  /** When the ping was sent, or began to wait, that is not answered yet; NEVER where there is none. */
  pingedMs = NEVER;
  /** The ping waits for the end of a frame. */
  waits = false;
  /** `delivered()` of the side then, or when it was looked at last. */
  taken = 0;

  constructor(from: FrameStream, to: FrameStream) {
    this.from = from;
    this.to = to;
  }
}

export class Pings implements TimerOwner {
  private readonly settings: PingSettings;
  private readonly owner: PingOwner;
  private readonly client: PingedSide;
  private readonly upstream: PingedSide;
  private readonly timer = new Timer(this, TIMER);
  private stopped = false;

  constructor(settings: PingSettings, fromClient: FrameStream, fromUpstream: FrameStream, owner: PingOwner) {
    this.settings = settings;
    this.owner = owner;
    this.client = new PingedSide(fromClient, fromUpstream);
    this.upstream = new PingedSide(fromUpstream, fromClient);
    this.timer.arm(settings.intervalMs);
  }

  stop(): void {
    this.stopped = true;
    this.timer.release();
  }

  onTimer(): void {
    const now = nowMs();
    const clientMs = this.look(this.client, now);
    const upstreamMs = this.stopped ? 0 : this.look(this.upstream, now);
    if (!this.stopped) this.timer.arm(Math.min(clientMs, upstreamMs));
  }

  /** A ping that had to wait for the end of a frame has left by that stream. */
  sent(to: FrameStream): void {
    const side = to === this.client.to ? this.client : this.upstream;
    if (!side.waits) return;
    side.waits = false;
    this.expectAnswer(side, nowMs());
    this.owner.onPingSent(side.from.fromClient);
    this.timer.arm(Math.min(this.settings.timeoutMs, this.settings.intervalMs));
  }

  /** A side has answered; returns the round trip in ms, -1 where nothing had been asked. */
  answered(from: FrameStream): number {
    const side = from === this.client.from ? this.client : this.upstream;
    const { pingedMs } = side;
    // An earlier ping, of which it is not known any more when it was sent.
    if (side.waits) return -1;
    side.pingedMs = NEVER;
    return pingedMs === NEVER ? -1 : nowMs() - pingedMs;
  }

  /** Pings a side, or finds it dead; returns ms until it is to be looked at again. */
  private look(side: PingedSide, now: number): number {
    const { intervalMs, timeoutMs } = this.settings;
    const { from, to } = side;
    const soon = Math.min(intervalMs, timeoutMs);
    if (from.receivedMs > side.pingedMs) {
      const silentMs = now - from.receivedMs;
      if (silentMs < intervalMs) return intervalMs - silentMs;
      this.ping(side, now);
      return soon;
    }
    const leftMs = side.pingedMs + timeoutMs - now;
    // An answer may come any time, and the next silence begins with it.
    if (leftMs > 0) return Math.min(leftMs, soon);
    if (this.mayLive(side)) side.pingedMs = now;
    else if (!to.closed) this.owner.onNoPong(from);
    return soon;
  }

  private ping(side: PingedSide, now: number): void {
    const { from, to } = side;
    // Whoever has said Close, or been told so, need not answer (RFC 6455, 5.5.2).
    if (to.closed || from.closed) return;
    this.expectAnswer(side, now);
    // A ping of the application is under way: a second one might take the place of the first in the peer's answer.
    if (side.waits || to.applicationPingMs > from.receivedMs) return;
    if (to.insert(pingFrame(to.fromClient))) this.owner.onPingSent(from.fromClient);
    else side.waits = true;
  }

  private expectAnswer(side: PingedSide, now: number): void {
    side.pingedMs = now;
    side.taken = side.from.side.delivered();
  }

  /**
   * A side with bytes before it to read is slow, not dead, as long as it takes some. One that has taken all may have
   * answered where nobody listens to it, and cannot where the ping waits for the rest of a frame.
   */
  private mayLive(side: PingedSide): boolean {
    const { taken } = side;
    const { side: peer } = side.from;
    side.taken = peer.delivered();
    return peer.undelivered() > 0 ? side.taken > taken : side.waits || !peer.reading;
  }
}

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
  /** When the ping was sent that is not answered yet; NEVER where there is none. */
  pingedMs = NEVER;
  /** A ping waits for the end of a frame. */
  waits = false;
  /** How much the kernel had not delivered to it then. */
  undelivered = 0;

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
    this.noteSent(side, nowMs());
    this.timer.arm(Math.min(this.settings.timeoutMs, this.settings.intervalMs));
  }

  /** A side has answered; returns the round trip in ms, -1 where nothing had been asked. */
  answered(from: FrameStream): number {
    const side = from === this.client.from ? this.client : this.upstream;
    const { pingedMs } = side;
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
      if (!side.waits) this.ping(side, now);
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
    // A ping of the application is under way: a second one might take the place of the first in the peer's answer.
    if (to.applicationPingMs > from.receivedMs) {
      side.pingedMs = now;
      side.undelivered = from.side.undelivered();
      return;
    }
    if (to.insert(pingFrame(to.fromClient))) this.noteSent(side, now);
    else side.waits = true;
  }

  private noteSent(side: PingedSide, now: number): void {
    side.waits = false;
    side.pingedMs = now;
    side.undelivered = side.from.side.undelivered();
    this.owner.onPingSent(side.from.fromClient);
  }

  /**
   * A side with a lot of bytes before it to read is slow, not dead, as long as they become fewer. One that nobody listens
   * to may have answered where it has taken all that it was sent.
   */
  private mayLive(side: PingedSide): boolean {
    const before = side.undelivered;
    side.undelivered = side.from.side.undelivered();
    if (side.undelivered === 0) return !side.from.side.reading;
    return side.undelivered < before;
  }
}

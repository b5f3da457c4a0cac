/** `websocket_slow_consumer_timeout`: a side that takes nothing for so long, while bytes wait for it, is given up. */
import { Timer, type TimerOwner } from "../net/timers.ts";
import type { TunnelSide } from "./tunnel-side.ts";

const TIMER = 0;

export interface SlowConsumerOwner {
  /** The side has read nothing for the timeout. */
  onSlowConsumer(side: TunnelSide): void;
}

/** Watches one side. */
export class SlowConsumer implements TimerOwner {
  private readonly side: TunnelSide;
  private readonly timeoutMs: number;
  private readonly owner: SlowConsumerOwner;
  private readonly timer = new Timer(this, TIMER);
  /** Bytes that waited when it was looked at last. */
  private undelivered = 0;

  constructor(side: TunnelSide, timeoutMs: number, owner: SlowConsumerOwner) {
    this.side = side;
    this.timeoutMs = timeoutMs;
    this.owner = owner;
  }

  /** It does not take what it is sent. */
  full(): void {
    if (this.timer.armed) return;
    this.undelivered = this.side.undelivered();
    this.timer.arm(this.timeoutMs);
  }

  /** It has taken all that waited for it. */
  drained(): void {
    this.timer.disarm();
  }

  stop(): void {
    this.timer.release();
  }

  onTimer(): void {
    const before = this.undelivered;
    this.undelivered = this.side.undelivered();
    // Slow, but it reads.
    if (this.undelivered < before) this.timer.arm(this.timeoutMs);
    else this.owner.onSlowConsumer(this.side);
  }
}

/** How serving ends without anybody being reset: sockets that close, WebSockets that are told. */
import type { Acceptor } from "../net/acceptor.ts";
import { HANDSHAKE_GRACE_MS } from "../net/refuse-new.ts";
import { Timer, type TimerOwner } from "../net/timers.ts";

/** Of the time of a graceful stop, the part in which WebSockets are told one after another: the rest is for their answers. */
export const DRAIN_SHARE = 0.75;
/** WebSockets that are told at the end of a graceful stop have so long to answer. */
const LAST_WORDS_MS = 1_000;

/** Sockets about to close: accepts who has come this far, and then closes them. */
export class ClosingDoors implements TimerOwner {
  private readonly acceptors: readonly Acceptor[];
  private readonly done: () => void;
  private readonly timer = new Timer(this, 0);

  constructor(acceptors: readonly Acceptor[], done: () => void) {
    this.acceptors = acceptors;
    this.done = done;
    for (const acceptor of acceptors) acceptor.acceptWaiting();
    this.timer.arm(HANDSHAKE_GRACE_MS);
  }

  onTimer(): void {
    for (const acceptor of this.acceptors) {
      acceptor.acceptWaiting();
      acceptor.stop();
    }
    this.done();
  }
}

/** The process ends when they have been heard. */
export class LastWords implements TimerOwner {
  private readonly done: () => void;

  constructor(done: () => void) {
    this.done = done;
    new Timer(this, 0).arm(LAST_WORDS_MS);
  }

  onTimer(): void {
    this.done();
  }
}

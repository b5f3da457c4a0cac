/** A request that has to wait for a while: for its turn, or because it is refused slowly. A client that leaves takes it along. */
import { INFO } from "../net/error-log.ts";
import { Timer, type TimerOwner } from "../net/timers.ts";
import { finalize } from "./finalize.ts";
import type { AbortListener, Request } from "./request.ts";

const CLIENT_CLOSED = 499;

export class Delay implements TimerOwner, AbortListener {
  private readonly r: Request;
  private readonly timer = new Timer(this, 0);
  private readonly whenOver: (r: Request) => void;

  /** Calls `whenOver` after `ms`. */
  constructor(r: Request, ms: number, whenOver: (r: Request) => void) {
    this.r = r;
    this.whenOver = whenOver;
    r.abortListener = this;
    this.timer.arm(ms);
  }

  onTimer(): void {
    this.end();
    this.whenOver(this.r);
  }

  onClientAbort(reset: boolean): boolean {
    this.end();
    const how = reset ? " (104: Connection reset by peer)" : "";
    this.r.log(INFO, `client prematurely closed connection${how}`);
    finalize(this.r, CLIENT_CLOSED);
    return false;
  }

  private end(): void {
    this.timer.release();
    this.r.abortListener = undefined;
  }
}

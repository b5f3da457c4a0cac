/**
 * The end of a WebSocket that the proxy wants (RFC 6455, 7.1): a Close frame to each side, after whatever frame is half
 * sent there; the answers are waited for, then the connections close.
 */
import { Timer, type TimerOwner } from "../net/timers.ts";
import { closeFrame } from "./control-frame.ts";
import { type Ending, GOING_AWAY } from "./endings.ts";
import type { FrameStream } from "./frame-stream.ts";
import type { WatchedTunnel } from "./tunnel-side.ts";

/** How long the answers to the proxy's Close frames, and the ends of half-sent frames, are waited for. */
const CLOSE_TIMEOUT_MS = 5_000;

export class ClosingHandshake implements TimerOwner {
  private readonly tunnel: WatchedTunnel;
  private readonly fromClient: FrameStream;
  private readonly fromUpstream: FrameStream;
  private readonly timer = new Timer(this, 0);
  /** The upstream has been told, or will be when a frame has passed. */
  private upstreamTold = false;
  /** The client's answer is not waited for any more. */
  private overdue = false;
  /** Bytes that had not been delivered when the time was up last. */
  private undelivered = Number.POSITIVE_INFINITY;

  constructor(tunnel: WatchedTunnel, fromClient: FrameStream, fromUpstream: FrameStream) {
    this.tunnel = tunnel;
    this.fromClient = fromClient;
    this.fromUpstream = fromUpstream;
    this.timer.arm(CLOSE_TIMEOUT_MS);
  }

  /** Tells both sides at once, because of `culprit` or of nobody. `unreadable`: it makes no sense any more. */
  refuse(ending: Ending, culprit: FrameStream | undefined, unreadable: boolean): void {
    if (culprit?.split) {
      // The rest of its frame is not wanted, so that no Close can follow either.
      culprit.ignore();
      culprit.target.hangUp();
    }
    this.tellUpstream(ending.upstreamCode, ending.reason);
    this.fromUpstream.endWith(closeFrame(ending.clientCode, ending.reason, false));
    if (unreadable) culprit?.ignore();
    this.settle();
  }

  /**
   * Tells the client. What it had sent before it heard of it still reaches the upstream, and so does its answer, which is
   * the upstream's Close.
   */
  retire(ending: Ending): void {
    this.fromUpstream.endWith(closeFrame(ending.clientCode, ending.reason, false));
    this.settle();
  }

  /** One side will say nothing more. */
  sideGone(stream: FrameStream): void {
    if (!stream.closed) {
      if (stream.split) {
        // A frame that it had begun will never be whole: no Close can follow on the other side.
        stream.ignore();
        stream.target.hangUp();
      } else if (stream.fromClient) this.tellUpstream(GOING_AWAY, "");
    }
    stream.side.hangUp();
    this.settle();
  }

  /** Hangs up where both Close frames have passed: the tunnel closes when both sides have done the same. */
  settle(): void {
    const { fromClient, fromUpstream } = this;
    if (fromUpstream.closed && fromClient.answered) fromClient.side.hangUp();
    if (fromClient.closed && fromUpstream.answered) fromUpstream.side.hangUp();
    if (this.overdue && fromUpstream.answered) this.tunnel.close();
  }

  onTimer(): void {
    // Or wait for websocket_message_rate.
    if (this.takesBytes() || this.fromClient.waits) {
      this.timer.arm(CLOSE_TIMEOUT_MS);
      return;
    }
    if (this.upstreamTold || this.fromClient.closed) {
      this.tunnel.close();
      return;
    }
    this.timer.arm(CLOSE_TIMEOUT_MS);
    this.overdue = true;
    this.tellUpstream(GOING_AWAY, "");
    this.settle();
  }

  /** The tunnel is over. */
  release(): void {
    this.timer.release();
  }

  /** Messages of before the Close are still on their way to a side that reads slowly. */
  private takesBytes(): boolean {
    const { client, upstream } = this.tunnel;
    const before = this.undelivered;
    this.undelivered = client.undelivered() + upstream.undelivered();
    return this.undelivered > 0 && this.undelivered < before;
  }

  private tellUpstream(code: number, reason: string): void {
    this.upstreamTold = true;
    this.fromClient.endWith(closeFrame(code, reason, true));
  }
}

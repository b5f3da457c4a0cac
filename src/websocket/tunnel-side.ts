/** What the WebSocket layer needs of a tunnel: its two sides, and its end. */

import type { FrameStream } from "./frame-stream.ts";
import type { FrameWalker } from "./frame-walker.ts";

/** One side of a tunnel: the client or the upstream. */
export interface TunnelSide {
  /**
   * Set by the session. Where frames are only counted, this walks over what comes in when it has been passed on, and the
   * session is told of a Close. In tunnels by the thousand, each object more that a chunk touches takes its time.
   */
  counter: FrameWalker | undefined;
  /** Set by the session where there is more to do: is shown what comes in, and passes it on. */
  frames: FrameStream | undefined;
  /** It has sent FIN, or is gone. */
  readonly ended: boolean;
  /** Passes bytes[0..length), which came in on this side, on to the other; reading rests while that is full. */
  forward(bytes: Buffer, length: number): void;
  /** Sends bytes of the proxy's own to this side, behind what waits for it. */
  send(bytes: Buffer): void;
  /** Reads nothing from this side until `release`. */
  hold(): void;
  release(): void;
  /** Reads on, however much waits for the other side: nothing is passed on any more. */
  readOn(): void;
  /** Sends FIN to this side, behind what waits for it. The tunnel closes when both sides have had it and sent it. */
  hangUp(): void;
  /** Closes this side at once. */
  cut(): void;
  /** Bytes that the kernel has not been able to deliver to this side, and those that wait for the kernel. */
  undelivered(): number;
}

/** A tunnel. */
export interface WatchedTunnel {
  readonly client: TunnelSide;
  readonly upstream: TunnelSide;
  /** Closes both sides at once. */
  close(): void;
}

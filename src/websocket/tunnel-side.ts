/** What the WebSocket layer needs of a tunnel: its two sides, and its end. */

import type { CountedSide } from "./counted-side.ts";
import type { FrameStream } from "./frame-stream.ts";

/** One side of a tunnel: the client or the upstream. */
export interface TunnelSide extends Pick<CountedSide, keyof CountedSide> {
  /** Set by the session where there is more to do than counting: is shown what comes in, and passes it on. */
  frames: FrameStream | undefined;
  /** It has sent FIN, or is gone. */
  readonly ended: boolean;
  /** Passes bytes[0..length), which came in on this side, on to the other; reading rests while that is full. */
  forward(bytes: Buffer, length: number): void;
  /** Sends bytes of the proxy's own to this side, behind what waits for it. */
  send(bytes: Buffer): void;
  /** What it sends is read, as far as it comes: nobody holds it, and the other side takes what it is sent. */
  readonly reading: boolean;
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
  /** Bytes that the kernel has delivered to this side: grows as the side takes them. */
  delivered(): number;
}

/** A tunnel. */
export interface WatchedTunnel {
  readonly client: TunnelSide;
  readonly upstream: TunnelSide;
  /** Closes both sides at once. */
  close(): void;
}

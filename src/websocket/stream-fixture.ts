/** A stream between two sides that only remember, for tests. */
import { CountedSide } from "./counted-side.ts";
import type { FrameFault } from "./frame-rules.ts";
import { FrameStream, type StreamOwner, type StreamRules } from "./frame-stream.ts";
import { FrameWalker } from "./frame-walker.ts";
import type { TunnelSide } from "./tunnel-side.ts";

/** One side: what it was sent, and what was asked of it. */
export class RememberingSide extends CountedSide implements TunnelSide {
  frames: FrameStream | undefined = undefined;
  ended = false;
  reading = true;
  /** Bytes that it has not read. */
  waiting = 0;
  /** Bytes that it has read. */
  taken = 0;
  readonly sent: Buffer[] = [];
  readonly calls: string[] = [];
  other!: RememberingSide;

  get all(): Buffer {
    return Buffer.concat(this.sent);
  }

  /** Something comes in, as on a socket; true where a counted Close has come. */
  receive(bytes: Buffer): boolean {
    if (!this.counts) {
      this.frames?.pass(bytes, bytes.length);
      return false;
    }
    this.forward(bytes, bytes.length);
    return this.count(bytes, bytes.length);
  }

  forward(bytes: Buffer, length: number): void {
    this.other.sent.push(Buffer.from(bytes.subarray(0, length)));
  }

  send(bytes: Buffer): void {
    this.sent.push(bytes);
  }

  hold(): void {
    this.calls.push("hold");
  }

  release(): void {
    this.calls.push("release");
  }

  readOn(): void {
    this.calls.push("read on");
  }

  hangUp(): void {
    this.calls.push("hang up");
  }

  cut(): void {
    this.calls.push("cut");
  }

  undelivered(): number {
    return this.waiting;
  }

  delivered(): number {
    return this.taken;
  }
}

/** Notes what the stream tells, and ends it with `closing` where it would be ended. */
export class RememberingOwner implements StreamOwner {
  readonly events: string[] = [];
  closing: Buffer = Buffer.from("<close>");
  delays = false;

  onFault(stream: FrameStream, fault: FrameFault): void {
    this.events.push(`${fault.code}${stream.split ? " split" : ""}`);
    if (!stream.split) stream.endWith(this.closing);
    stream.ignore();
  }

  onTooBig(stream: FrameStream): void {
    this.events.push(`too big: ${stream.walker.messageBytes}`);
    if (stream.split) stream.ignore();
    else stream.endWith(this.closing);
  }

  onTooEarly(stream: FrameStream, byMs: number): boolean {
    this.events.push(`too early by ${byMs}`);
    if (!this.delays) stream.endWith(this.closing);
    return this.delays;
  }

  onOwnPong(): void {
    this.events.push("pong");
  }

  onClose(stream: FrameStream): void {
    this.events.push(`close ${stream.walker.closeCode}`);
  }

  onInserted(): void {
    this.events.push("inserted");
  }
}

/** What holds where a test says nothing. */
export const NO_LIMITS: StreamRules = {
  validate: false,
  rsvAllowed: 0,
  maxMessageBytes: 0,
  inflater: undefined,
  bucket: undefined,
  pinged: false,
};

/** A stream from a client, or to one. */
export function streamOf(
  rules: StreamRules | undefined,
  fromClient = true,
): {
  readonly stream: FrameStream;
  readonly side: RememberingSide;
  readonly target: RememberingSide;
  readonly owner: RememberingOwner;
} {
  const side = new RememberingSide();
  const target = new RememberingSide();
  side.other = target;
  target.other = side;
  const owner = new RememberingOwner();
  return { stream: new FrameStream(side, target, fromClient, new FrameWalker(), rules, owner), side, target, owner };
}

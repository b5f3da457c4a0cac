/**
 * What comes in on one side of a WebSocket tunnel, on its way to the other: held to the rules, and parted between two
 * frames where the proxy has one of its own to send. Hot: a chunk with which nothing is wrong is passed on as it is.
 * Where frames are only counted, there is none before the proxy wants to send something.
 *
 * With rules, a frame is passed on only when its header is whole, so that it can be refused, or something be sent before
 * it; the few bytes held back for that are the only ones that are copied.
 */
import { NOWHERE } from "../metrics/cells.ts";
import { nowMs } from "../net/timers.ts";
import { isOwnPong, PING_PAYLOAD_BYTES } from "./control-frame.ts";
import {
  closeFault,
  type FrameFault,
  headerFault,
  INCOMPLETE_TEXT,
  INVALID_TEXT,
  NOT_DEFLATED,
} from "./frame-rules.ts";
import { CLOSE, type FrameWalker, PING, PONG, TEXT } from "./frame-walker.ts";
import type { Inflated, Inflater } from "./inflater.ts";
import type { MessageCounter } from "./message-rate.ts";
import { TextCheck } from "./text-check.ts";
import type { TunnelSide } from "./tunnel-side.ts";

/** A header, and the payload of a control frame. */
const MAX_HELD_BYTES = 14 + 125;
/** Set in the first frame of a compressed message (RFC 7692, 6). */
const COMPRESSED = 4;

const NEVER = Number.NEGATIVE_INFINITY;
/** Two ticks of the timers: so late may messages be that had to wait, and those behind them are not late for it. */
const MOST_LATE_MS = 40;

/** How what comes in is treated. */
const GUARD = 0;
/** The target has had the proxy's Close: only an answer to the other Close is looked for. */
const DISCARD = 1;
/** As DISCARD, but nothing can be made of what comes. */
const IGNORE = 2;

/** What becomes of a frame when its header is whole. */
const PASS = 0;
/** It is held back until it is whole. */
const WITHHOLD = 1;
const FAULTY = 2;
const TOO_BIG = 3;
const TOO_EARLY = 4;

/** What is wrong with a message by what it decompresses to. */
const INFLATED_FAULTS: Readonly<Record<Inflated, FrameFault | "too big" | undefined>> = {
  fine: undefined,
  "too big": "too big",
  broken: NOT_DEFLATED,
  "bad text": INVALID_TEXT,
  "incomplete text": INCOMPLETE_TEXT,
};

/** What holds for the frames of one side. */
export interface StreamRules {
  readonly validate: boolean;
  /** RSV bits that extensions may set. */
  readonly rsvAllowed: number;
  /** 0: none. */
  readonly maxMessageBytes: number;
  /** Tells how large compressed messages are when they are decompressed: `maxMessageBytes` holds for that, too. */
  readonly inflater: Inflater | undefined;
  readonly bucket: MessageCounter | undefined;
  /** The side is pinged: its answers are not for the target. */
  readonly pinged: boolean;
}

/** Who decides about the tunnel. */
export interface StreamOwner {
  /** A frame breaks RFC 6455. It has not been passed on; of a text that turned out bad, a part may have been. */
  onFault(stream: FrameStream, fault: FrameFault): void;
  /** A message is larger than allowed, as its frames announce. */
  onTooBig(stream: FrameStream): void;
  /** A message comes too early. True: `resume` will be called; false: the tunnel ends. */
  onTooEarly(stream: FrameStream, byMs: number): boolean;
  /** The answer to a ping of the proxy. */
  onOwnPong(stream: FrameStream): void;
  /** A Close frame has come. */
  onClose(stream: FrameStream): void;
  /** What had to wait for the end of a frame has been inserted. */
  onInserted(stream: FrameStream): void;
}

export class FrameStream {
  /** Its totals are of what has been passed on. */
  readonly walker: FrameWalker;
  readonly fromClient: boolean;
  /** Where it comes from. */
  readonly side: TunnelSide;
  /** Where it leads to. */
  readonly target: TunnelSide;
  /** When anything last came in. */
  receivedMs = nowMs();
  /** When data, whole messages or not, last passed. */
  messageMs = this.receivedMs;
  /** When a ping of the application on this side last passed. */
  applicationPingMs = NEVER;
  private readonly owner: StreamOwner;
  private readonly rules: StreamRules | undefined;
  private readonly text: TextCheck | undefined;
  /** Payload is looked at. */
  private readonly looks: boolean;
  private mode = GUARD;
  /** The target has had a part of a frame whose rest has not come yet: nothing can be inserted before its end. */
  split: boolean;
  /** The current frame is held back. */
  private withheld = false;
  private held: Buffer | undefined = undefined;
  private heldBytes = 0;
  /** What came behind the header of a message that was too early. */
  private parked: Buffer | undefined = undefined;
  /** A frame of the proxy's own that waits for the end of one that passes. */
  private insertion: Buffer | undefined = undefined;
  /** The insertion is a Close: rules don't hold any more. */
  private final = false;
  private closeNoted: boolean;
  /** The target has had a Close, the application's or the proxy's, or will never have one. */
  closed: boolean;
  private fault: FrameFault | undefined = undefined;
  private earlyByMs = 0;
  /** When the last message that came too early had its turn. */
  private dueMs = NEVER;
  /** When `resume` was called last. */
  private resumedMs = NEVER;

  /** `walker` knows what has passed before. */
  constructor(
    side: TunnelSide,
    target: TunnelSide,
    fromClient: boolean,
    walker: FrameWalker,
    rules: StreamRules | undefined,
    owner: StreamOwner,
  ) {
    this.side = side;
    this.target = target;
    this.fromClient = fromClient;
    this.walker = walker;
    this.split = !walker.atBoundary;
    this.closeNoted = walker.closeCode !== 0;
    this.closed = this.closeNoted;
    this.owner = owner;
    this.rules = rules;
    this.text = rules?.validate ? new TextCheck() : undefined;
    this.looks = this.text !== undefined || rules?.inflater !== undefined;
  }

  /** The side has sent its Close, or will not be understood to do so. */
  get answered(): boolean {
    return this.walker.closeCode !== 0 || this.mode === IGNORE;
  }

  /** A message that came too early waits, with all behind it; what has not been read yet is next. */
  get waits(): boolean {
    return this.parked !== undefined || this.resumedMs === nowMs();
  }

  /** Takes what came in. */
  pass(buffer: Buffer, length: number): void {
    this.receivedMs = nowMs();
    if (this.mode !== GUARD) this.discard(buffer, 0, length);
    else if (this.parked === undefined) this.guard(buffer, length);
    else this.parked = Buffer.concat([this.parked, buffer.subarray(0, length)]);
  }

  /** The side has sent FIN: what is held back will not become whole any more. */
  passRest(): void {
    if (this.mode === GUARD) this.passHeld();
  }

  /** Sends a frame to the target as soon as no other one is under way. False: it waits for that. */
  insert(frame: Buffer): boolean {
    if (this.split) {
      this.insertion = frame;
      return false;
    }
    this.target.send(frame);
    return true;
  }

  /** Sends a Close to the target, as `insert`, and passes nothing on after it. */
  endWith(frame: Buffer): void {
    if (!this.closed) {
      this.final = true;
      if (this.parked !== undefined) this.resume();
      if (!this.insert(frame)) return;
    }
    this.stopPassing(DISCARD);
  }

  /** Nothing can be made of what the side sends any more: it is read, and dropped. */
  ignore(): void {
    this.stopPassing(IGNORE);
  }

  /** Goes on with a message that came too early. */
  resume(): void {
    const { parked } = this;
    if (parked === undefined) return;
    this.parked = undefined;
    this.resumedMs = nowMs();
    this.side.release();
    this.passHeld();
    this.split = true;
    this.guard(parked, parked.length);
  }

  /** The tunnel is over. */
  release(): void {
    this.rules?.inflater?.release();
  }

  private stopPassing(mode: number): void {
    this.mode = Math.max(this.mode, mode);
    this.closed = true;
    this.heldBytes = 0;
    this.parked = undefined;
    this.insertion = undefined;
    this.side.readOn();
  }

  private noteClose(): void {
    if (this.closeNoted) return;
    this.closeNoted = true;
    // What is discarded does not reach the target, which has had the proxy's then.
    this.closed = true;
    this.owner.onClose(this);
  }

  private discard(buffer: Buffer, from: number, end: number): void {
    if (this.mode !== DISCARD) return;
    const { walker } = this;
    const { messages, bytes } = walker;
    walker.sizesAt = NOWHERE;
    const over = walker.walk(buffer, from, end);
    walker.messages = messages;
    walker.bytes = bytes;
    if (over) this.noteClose();
  }

  private guard(chunk: Buffer, end: number): void {
    const { walker } = this;
    let at = 0;
    /** All before it has been passed on, or swallowed. */
    let from = 0;
    /** Where the current frame begins; 0 when it began in an earlier chunk. */
    let frameAt = 0;
    /** The current frame began in this chunk, so that all of it is still here. */
    let fresh = false;
    while (walker.closeCode === 0) {
      if (!walker.inPayload) {
        if (at === end) break;
        if (walker.atBoundary) {
          frameAt = at;
          fresh = true;
        }
        at = walker.readHeader(chunk, at, end);
        if (!walker.inPayload) break;
        const verdict = this.final ? PASS : this.judge();
        if (verdict > WITHHOLD) {
          this.forward(chunk, from, frameAt);
          this.stop(verdict, chunk, frameAt, at, end);
          return;
        }
        this.withheld = verdict === WITHHOLD;
        if (verdict === PASS) {
          this.passHeld();
          this.split = true;
        }
      }
      if (!walker.isControl) {
        this.messageMs = nowMs();
        const fault = this.looks && !this.final ? this.payloadFault(chunk, at, end) : undefined;
        if (fault !== undefined) {
          if (fresh) {
            this.forward(chunk, from, frameAt);
            this.split = false;
          }
          if (fault === "too big") this.owner.onTooBig(this);
          else this.owner.onFault(this, fault);
          this.discard(chunk, at, end);
          return;
        }
      }
      at = walker.walkPayload(chunk, at, end);
      if (walker.inPayload) break;
      if (this.withheld) {
        from = this.settle(chunk, from, frameAt, at);
        if (from < 0) return;
      }
      this.split = false;
      fresh = false;
      if (this.insertion !== undefined) {
        this.forward(chunk, from, at);
        from = at;
        this.insertNow(this.insertion);
        if (this.mode !== GUARD) {
          this.discard(chunk, at, end);
          return;
        }
      }
    }
    if (walker.closeCode !== 0) {
      // RFC 6455, 5.5.1: nothing comes behind a Close; what does is passed on unless it is to be right.
      this.forward(chunk, from, this.rules?.validate ? at : end);
      this.noteClose();
    } else if (this.withheld || (!walker.inPayload && !walker.atBoundary && !this.split)) {
      this.forward(chunk, from, frameAt);
      this.keep(chunk, frameAt, end);
    } else this.forward(chunk, from, end);
  }

  private judge(): number {
    const { walker, rules } = this;
    if (rules === undefined) return PASS;
    const { opcode } = walker;
    if (rules.validate) {
      this.fault = headerFault(walker, this.fromClient, rules.rsvAllowed);
      if (this.fault !== undefined) return FAULTY;
      if (opcode === CLOSE) return WITHHOLD;
    }
    if (opcode === PONG) return rules.pinged && walker.payloadLength === PING_PAYLOAD_BYTES ? WITHHOLD : PASS;
    if (opcode === CLOSE) return PASS;
    const { maxMessageBytes, bucket } = rules;
    if (opcode === PING) this.applicationPingMs = nowMs();
    else if (maxMessageBytes > 0 && walker.messageBytes > maxMessageBytes) return TOO_BIG;
    if (bucket !== undefined && opcode !== 0) {
      const now = nowMs();
      const turnMs = this.turnMs(now);
      const earlyByMs = bucket.count(turnMs);
      if (earlyByMs > 0) {
        this.dueMs = turnMs + earlyByMs;
        this.earlyByMs = this.dueMs - now;
        if (this.earlyByMs > 0) return TOO_EARLY;
      }
    }
    return PASS;
  }

  /** When a message counts: where others have waited, after them, however late the timer was that they waited for. */
  private turnMs(now: number): number {
    return this.dueMs === NEVER ? now : Math.min(now, Math.max(this.dueMs, now - MOST_LATE_MS));
  }

  /** A frame may not pass, or not yet: its header is chunk[frameAt..at), and what is held. */
  private stop(verdict: number, chunk: Buffer, frameAt: number, at: number, end: number): void {
    const { owner } = this;
    if (verdict === TOO_EARLY) {
      if (owner.onTooEarly(this, this.earlyByMs)) {
        this.keep(chunk, frameAt, at);
        this.parked = Buffer.from(chunk.subarray(at, end));
        this.side.hold();
        return;
      }
    } else if (verdict === TOO_BIG) owner.onTooBig(this);
    else owner.onFault(this, this.fault!);
    this.discard(chunk, at, end);
  }

  /** Judges what of a data frame's payload is in chunk[at..end). */
  private payloadFault(chunk: Buffer, at: number, end: number): FrameFault | "too big" | undefined {
    const { messageRsv, payloadLeft } = this.walker;
    const to = Math.min(end, at + payloadLeft);
    if ((messageRsv & COMPRESSED) !== 0) return this.inflatedFault(chunk, at, to);
    return this.text === undefined ? undefined : this.textFault(this.text, chunk, at, to);
  }

  private textFault(text: TextCheck, chunk: Buffer, at: number, to: number): FrameFault | undefined {
    const { walker } = this;
    const { messageOpcode, opcode, payloadLength, payloadLeft } = walker;
    // With extensions that are not known the bytes need not be text.
    if (messageOpcode !== TEXT || (this.rules?.rsvAllowed ?? 0) > COMPRESSED) return undefined;
    const position = payloadLength - payloadLeft;
    if (opcode === TEXT && position === 0) text.reset();
    if (!text.check(chunk, at, to, walker.maskKey, position)) return INVALID_TEXT;
    return walker.fin && to - at === payloadLeft && !text.complete ? INCOMPLETE_TEXT : undefined;
  }

  private inflatedFault(chunk: Buffer, at: number, to: number): FrameFault | "too big" | undefined {
    const inflater = this.rules?.inflater;
    if (inflater === undefined) return undefined;
    const { opcode, fin, maskKey, payloadLength, payloadLeft } = this.walker;
    const position = payloadLength - payloadLeft;
    if (opcode !== 0 && position === 0) inflater.begin(opcode === TEXT ? this.text : undefined);
    let verdict = inflater.feed(chunk, at, to, maskKey, position);
    if (verdict === "fine" && fin && to - at === payloadLeft) verdict = inflater.end();
    return INFLATED_FAULTS[verdict];
  }

  /** A control frame that was held back is whole: returns where what is to be passed on begins, -1 for nothing more. */
  private settle(chunk: Buffer, from: number, frameAt: number, at: number): number {
    const { walker, owner } = this;
    this.withheld = false;
    const wasHeld = this.heldBytes > 0;
    if (wasHeld) this.keep(chunk, frameAt, at);
    const bytes = wasHeld ? this.held! : chunk;
    const payloadAt = (wasHeld ? this.heldBytes : at) - walker.payloadLength;
    const fault = walker.opcode === CLOSE ? closeFault(bytes, payloadAt, walker) : undefined;
    const isOwn = walker.opcode === PONG && isOwnPong(bytes, payloadAt, walker.maskKey);
    if (fault === undefined && !isOwn) {
      if (wasHeld) this.passHeld();
      return wasHeld ? at : from;
    }
    if (wasHeld) this.heldBytes = 0;
    else this.forward(chunk, from, frameAt);
    if (isOwn) owner.onOwnPong(this);
    else owner.onFault(this, fault!);
    return isOwn ? at : -1;
  }

  private insertNow(frame: Buffer): void {
    this.insertion = undefined;
    this.target.send(frame);
    if (this.final) this.stopPassing(DISCARD);
    this.owner.onInserted(this);
  }

  /** Passes chunk[from..to) on. */
  private forward(chunk: Buffer, from: number, to: number): void {
    if (from < to) this.side.forward(from === 0 ? chunk : chunk.subarray(from, to), to - from);
  }

  private keep(chunk: Buffer, from: number, to: number): void {
    this.held ??= Buffer.allocUnsafeSlow(MAX_HELD_BYTES);
    this.heldBytes += chunk.copy(this.held, this.heldBytes, from, to);
  }

  private passHeld(): void {
    const { heldBytes } = this;
    if (heldBytes === 0) return;
    this.heldBytes = 0;
    this.side.forward(this.held!, heldBytes);
  }
}

/**
 * Counts the messages that come in on one side of a tunnel. Hot, and part of the side itself: in tunnels by the thousand
 * each object more that a chunk touches takes its time. Messages of one frame that come as a whole are counted here;
 * whatever is more than that is for the walker.
 */
import { NOWHERE } from "../metrics/cells.ts";
import { observeSize } from "../metrics/histogram.ts";
import {
  BINARY,
  FIN_BIT,
  FrameWalker,
  LENGTH_16,
  LENGTH_64,
  LENGTH_BITS,
  MASK_BIT,
  MASK_KEY_BYTES,
  OPCODE_BITS,
  TEXT,
} from "./frame-walker.ts";

/** First bytes of frames that are whole messages, whatever extensions have set in them. */
const WHOLE_MESSAGE_BITS = FIN_BIT | OPCODE_BITS;
const WHOLE_TEXT = FIN_BIT | TEXT;
const WHOLE_BINARY = FIN_BIT | BINARY;

export abstract class CountedSide {
  protected counts = false;
  /** The next byte begins a message, or a control frame. */
  private between = true;
  /** What the walker does not know of yet. */
  private ownMessages = 0;
  private ownBytes = 0;
  /** Where the sizes of messages are counted: MESSAGE_SIZE. */
  private sizesAt = NOWHERE;
  /** Walks over what is not counted here; many tunnels never need one. */
  private walker: FrameWalker | undefined = undefined;

  /** From now on what comes in is counted. */
  countIn(sizesAt: number): void {
    this.counts = true;
    this.sizesAt = sizesAt;
  }

  /** From now on nothing is counted here: that is for whoever takes the walker, which knows of all so far. */
  stopCounting(): FrameWalker {
    this.counts = false;
    const walker = this.ownWalker();
    walker.messages += this.ownMessages;
    walker.bytes += this.ownBytes;
    this.ownMessages = 0;
    this.ownBytes = 0;
    return walker;
  }

  /** Whole messages that came in and were passed on, and the payload bytes of whole data frames. */
  get messages(): number {
    return this.ownMessages + (this.walker?.messages ?? 0);
  }

  get bytes(): number {
    return this.ownBytes + (this.walker?.bytes ?? 0);
  }

  /** The code of the Close frame when it has come as a whole; 0 before. */
  get closeCode(): number {
    return this.walker?.closeCode ?? 0;
  }

  /** Counts what is in buffer[0..length); true when there has been a Close, in it or before. */
  protected count(buffer: Uint8Array, length: number): boolean {
    const at = this.between ? this.countWhole(buffer, length) : 0;
    if (at === length) return false;
    const walker = this.ownWalker();
    const over = walker.walk(buffer, at, length);
    this.between = walker.betweenMessages;
    return over;
  }

  private ownWalker(): FrameWalker {
    this.walker ??= new FrameWalker(this.sizesAt);
    return this.walker;
  }

  /** Counts messages of one frame that are there as a whole, from the first byte on; returns what is behind them. */
  private countWhole(buffer: Uint8Array, end: number): number {
    const { sizesAt } = this;
    let at = 0;
    let messages = 0;
    let bytes = 0;
    while (end - at >= 2) {
      const kind = buffer[at]! & WHOLE_MESSAGE_BITS;
      if (kind !== WHOLE_BINARY && kind !== WHOLE_TEXT) break;
      const second = buffer[at + 1]!;
      let length = second & LENGTH_BITS;
      let payloadAt = at + (second >= MASK_BIT ? 2 + MASK_KEY_BYTES : 2);
      if (length >= LENGTH_16) {
        if (length === LENGTH_64 || end - at < 4) break;
        length = (buffer[at + 2]! << 8) | buffer[at + 3]!;
        payloadAt += 2;
      }
      if (end - payloadAt < length) break;
      at = payloadAt + length;
      messages++;
      bytes += length;
      observeSize(sizesAt, length);
    }
    this.ownMessages += messages;
    this.ownBytes += bytes;
    return at;
  }
}

/**
 * Walks over WebSocket frames as they pass (RFC 6455, section 5): reads headers, counts payload, keeps nothing. Hot: one
 * walker per direction of a tunnel sees every chunk; a frame costs its header's bytes and a few additions, however
 * long it is. Chunks may begin and end anywhere.
 */

import { NOWHERE } from "../metrics/cells.ts";
import { observeSize } from "../metrics/histogram.ts";

export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** Close codes that no frame carries (RFC 6455, 7.4.1): a Close without a code, and an end without a Close. */
export const NO_CODE = 1005;
export const NO_CLOSE = 1006;

export const FIN_BIT = 0x80;
export const MASK_BIT = 0x80;
export const OPCODE_BITS = 0x0f;
const CONTROL_BIT = 0x08;
export const LENGTH_BITS = 0x7f;
export const LENGTH_16 = 126;
export const LENGTH_64 = 127;
export const MASK_KEY_BYTES = 4;
/** What comes next. */
/** A frame that begins a message, or a control frame. */
const MESSAGE = -1;
/** A frame that goes on with a message, or a control frame. */
const FIRST_BYTE = 0;
const SECOND_BYTE = 1;
const LONG_LENGTH = 2;
const MASK_KEY = 3;
/** The header is complete. */
const PAYLOAD = 4;
/** Nothing: there has been a Close. */
const NOTHING = 5;

/** The frame does not follow from the one before it. */
export const IN_ORDER = 0;
export const NOTHING_TO_CONTINUE = 1;
export const MESSAGE_UNFINISHED = 2;

export class FrameWalker {
  private state = MESSAGE;
  /** Whole messages, and the payload bytes of whole data frames. */
  messages = 0;
  bytes = 0;
  /** Where the sizes of whole messages are counted: MESSAGE_SIZE. */
  sizesAt: number;

  /** The code of the Close frame when it has come as a whole; 0 before. Nothing is read behind it. */
  closeCode = 0;

  // The frame whose header was read last.
  fin = false;
  /** Bits 4 (RSV1), 2 and 1. */
  rsv = 0;
  opcode = 0;
  masked = false;
  /** The length did not fit, or was not put, into the second byte. */
  longLength = false;
  /** Bytes; exact up to 2^53. */
  payloadLength = 0;
  /** Bytes of the payload that have not come yet. */
  payloadLeft = 0;
  /** The masking key, first byte highest. */
  maskKey = 0;
  /** IN_ORDER, or how the frame breaks the order of fragments. */
  order = IN_ORDER;

  // The message that the last data frame belongs to.
  /** Opcode of its first frame; 0 between two messages. */
  messageOpcode = 0;
  /** Payload bytes that its frames so far have or announce. */
  messageBytes = 0;
  /** RSV bits of its first frame. */
  messageRsv = 0;

  private headLeft = 0;
  /** The code of a Close frame that is not whole yet. */
  private code = 0;

  constructor(sizesAt: number = NOWHERE) {
    this.sizesAt = sizesAt;
  }

  /** Nothing of a frame has come that is not whole. */
  get atBoundary(): boolean {
    return this.state <= FIRST_BYTE || this.state === NOTHING;
  }

  /** The next byte begins a message, or a control frame. */
  get betweenMessages(): boolean {
    return this.state === MESSAGE;
  }

  /** A header is complete; its payload, or the end of an empty one, is to be walked over. */
  get inPayload(): boolean {
    return this.state === PAYLOAD;
  }

  /** The current (or last) frame is a Close, Ping or Pong. */
  get isControl(): boolean {
    return (this.opcode & CONTROL_BIT) !== 0;
  }

  /** Walks over buffer[from..end); true when it has come upon a Close, then or earlier. */
  walk(buffer: Uint8Array, from: number, end: number): boolean {
    let at = from;
    while (at < end && this.state !== NOTHING) {
      if (this.state !== PAYLOAD) {
        at = this.readHeader(buffer, at, end);
        if (this.state !== PAYLOAD) return false;
      }
      at = this.walkPayload(buffer, at, end);
    }
    return this.state === NOTHING;
  }

  /** Reads header bytes from buffer[at..end) and returns the position behind them; see `inPayload`. */
  readHeader(buffer: Uint8Array, from: number, end: number): number {
    let at = from;
    while (at < end) {
      const byte = buffer[at++]!;
      switch (this.state) {
        case MESSAGE:
        case FIRST_BYTE:
          this.fin = byte >= FIN_BIT;
          this.rsv = (byte >> 4) & 7;
          this.opcode = byte & OPCODE_BITS;
          this.state = SECOND_BYTE;
          continue;
        case SECOND_BYTE: {
          const length = byte & LENGTH_BITS;
          this.masked = byte >= MASK_BIT;
          this.maskKey = 0;
          this.longLength = length >= LENGTH_16;
          if (length < LENGTH_16) {
            this.payloadLength = length;
            this.lengthKnown();
          } else {
            this.payloadLength = 0;
            this.headLeft = length === LENGTH_16 ? 2 : 8;
            this.state = LONG_LENGTH;
          }
          break;
        }
        case LONG_LENGTH:
          this.payloadLength = this.payloadLength * 256 + byte;
          if (--this.headLeft === 0) this.lengthKnown();
          break;
        default:
          this.maskKey = (this.maskKey << 8) | byte;
          if (--this.headLeft === 0) this.headerDone();
      }
      if (this.state === PAYLOAD) return at;
    }
    return at;
  }

  /**
   * Walks over payload in buffer[at..end) and returns the position behind it. With its last byte the frame is over, and
   * `inPayload` false.
   */
  walkPayload(buffer: Uint8Array, at: number, end: number): number {
    const { payloadLeft } = this;
    if (this.opcode === CLOSE) this.readCode(buffer, at, end);
    if (end - at < payloadLeft) {
      this.payloadLeft = payloadLeft - (end - at);
      return end;
    }
    this.payloadLeft = 0;
    this.frameDone();
    return at + payloadLeft;
  }

  private lengthKnown(): void {
    if (this.masked) {
      this.headLeft = MASK_KEY_BYTES;
      this.state = MASK_KEY;
    } else this.headerDone();
  }

  private headerDone(): void {
    this.state = PAYLOAD;
    this.payloadLeft = this.payloadLength;
    this.order = IN_ORDER;
    if ((this.opcode & CONTROL_BIT) !== 0) return;
    if (this.opcode === CONTINUATION) {
      if (this.messageOpcode === 0) this.order = NOTHING_TO_CONTINUE;
      this.messageBytes += this.payloadLength;
      return;
    }
    if (this.messageOpcode !== 0) this.order = MESSAGE_UNFINISHED;
    this.messageOpcode = this.opcode;
    this.messageRsv = this.rsv;
    this.messageBytes = this.payloadLength;
  }

  private frameDone(): void {
    if ((this.opcode & CONTROL_BIT) !== 0) {
      this.state = this.messageOpcode === 0 ? MESSAGE : FIRST_BYTE;
      if (this.opcode === CLOSE) {
        this.state = NOTHING;
        this.closeCode = this.code === 0 ? NO_CODE : this.code;
      }
      return;
    }
    this.state = this.fin ? MESSAGE : FIRST_BYTE;
    this.bytes += this.payloadLength;
    if (!this.fin) return;
    this.messages++;
    observeSize(this.sizesAt, this.messageBytes);
    this.messageOpcode = 0;
    this.messageBytes = 0;
  }

  /** The first two bytes of a Close frame's payload, unmasked, are its code. */
  private readCode(buffer: Uint8Array, from: number, end: number): void {
    if (this.payloadLength < 2) return;
    let position = this.payloadLength - this.payloadLeft;
    for (let at = from; at < end && position < 2; at++, position++) {
      const shift = position === 0 ? 8 : 0;
      const key = (this.maskKey >> (24 - 8 * position)) & 0xff;
      this.code |= (buffer[at]! ^ key) << shift;
    }
  }
}

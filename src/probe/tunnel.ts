/** What happens in an open WebSocket: messages, pings, silence, the close. */
import { inflateRawSync } from "node:zlib";
import { BINARY, CLOSE, CONTINUATION, NO_CLOSE, NO_CODE, PING, PONG, TEXT } from "../websocket/frame-walker.ts";
import { clientFrame, type Frame, readFrame } from "./frames.ts";
import type { Wire } from "./wire.ts";

/** A message as an application sees it. */
export interface Message {
  readonly binary: boolean;
  readonly data: Buffer;
}

/** How a WebSocket ended. */
export interface Ending {
  /** As browsers report it: 1006 without a Close frame, 1005 without a code in it. */
  readonly code: number;
  readonly reason: string;
  /** By what: a Close frame of the other end, FIN or RST without one. */
  readonly by: "close frame" | "fin" | "reset";
  readonly atMs: number;
}

/** What ends a compressed message (RFC 7692, 7.2.2). */
const DEFLATE_TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const RSV1 = 4;

export class Tunnel {
  private readonly wire: Wire;
  private readonly openedAt = performance.now();
  private partial: Buffer[] = [];
  private partialOpcode = 0;
  private partialRsv = 0;
  private readonly messages: Message[] = [];
  private readonly pongs: Buffer[] = [];
  /** Pings that the other end has sent, when. */
  readonly pingsAtMs: number[] = [];
  ending: Ending | undefined = undefined;
  /** What the other end has done that RFC 6455 does not allow. */
  violation = "";

  constructor(wire: Wire) {
    this.wire = wire;
  }

  private get nowMs(): number {
    return performance.now() - this.openedAt;
  }

  sendText(text: string): void {
    this.wire.write(clientFrame(TEXT, Buffer.from(text, "utf8")));
  }

  /** The round trip of a ping; undefined where no pong comes in time. */
  async ping(timeoutMs: number): Promise<number | undefined> {
    const payload = Buffer.from(String(performance.now()));
    const start = performance.now();
    this.wire.write(clientFrame(PING, payload));
    const there = (): boolean => this.pongs.some((pong) => pong.equals(payload));
    await this.pump(there, timeoutMs);
    return there() ? performance.now() - start : undefined;
  }

  /** The next message; undefined where none comes in time, or the connection ends. */
  async receive(timeoutMs: number): Promise<Message | undefined> {
    await this.pump(() => this.messages.length > 0, timeoutMs);
    return this.messages.shift();
  }

  /** Waits for the end, or for so long. */
  async rest(timeoutMs: number): Promise<void> {
    await this.pump(() => false, timeoutMs);
  }

  /** Closes with 1000 and waits for the answer; true where it came. */
  async close(timeoutMs: number): Promise<boolean> {
    const NORMAL = Buffer.from([0x03, 0xe8]);
    this.wire.write(clientFrame(CLOSE, NORMAL));
    await this.pump(() => false, timeoutMs);
    this.wire.close();
    return this.ending?.by === "close frame";
  }

  /** Lets go of the connection. */
  drop(): void {
    this.wire.close();
  }

  /** Takes frames until something is there, the connection has ended, or the time is over. Answers pings, as browsers do. */
  private async pump(done: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!done() && this.ending === undefined) {
      const frame = await this.wire.until(readFrame, Math.max(0, deadline - performance.now()));
      if (frame === "timeout") return;
      if (frame === "closed") {
        this.end(NO_CLOSE, "", this.wire.end === "reset" ? "reset" : "fin");
        return;
      }
      this.take(frame);
    }
  }

  private take(frame: Frame): void {
    const { opcode, payload } = frame;
    if (frame.masked) this.violation ||= "frames of the server are masked (RFC 6455, 5.1)";
    switch (opcode) {
      case PING:
        this.pingsAtMs.push(this.nowMs);
        this.wire.write(clientFrame(PONG, payload));
        return;
      case PONG:
        this.pongs.push(payload);
        return;
      case CLOSE: {
        const code = payload.length >= 2 ? payload.readUInt16BE(0) : NO_CODE;
        this.wire.write(clientFrame(CLOSE, payload.subarray(0, 2)));
        this.end(code, payload.subarray(2).toString(), "close frame");
        return;
      }
      case TEXT:
      case BINARY:
        this.partial = [];
        this.partialOpcode = opcode;
        this.partialRsv = frame.rsv;
        break;
      case CONTINUATION:
        break;
      default:
        this.violation ||= `what comes is no WebSocket frame (opcode ${opcode})`;
        this.end(NO_CLOSE, "", "fin");
        return;
    }
    this.partial.push(payload);
    if (!frame.fin) return;
    const whole = Buffer.concat(this.partial);
    this.messages.push({
      binary: this.partialOpcode === BINARY,
      data: this.partialRsv === RSV1 ? inflated(whole) : whole,
    });
  }

  private end(code: number, reason: string, by: Ending["by"]): void {
    this.ending = { code, reason, by, atMs: this.nowMs };
  }
}

function inflated(bytes: Buffer): Buffer {
  try {
    return inflateRawSync(Buffer.concat([bytes, DEFLATE_TAIL]));
  } catch {
    return bytes;
  }
}

/** The WebSocket of a page that is open: sends what there is to see, once a second. */
import type { LoadContext } from "../config/load-context.ts";
import type { Request } from "../http/request.ts";
import { sendHead } from "../http/response-output.ts";
import { DONE } from "../http/verdict.ts";
import { REFUSALS } from "../metrics/cells.ts";
import type { Socket, SocketOwner } from "../net/socket.ts";
import { nowMs, Timer, type TimerOwner } from "../net/timers.ts";
import { closeFrame, pongFrame } from "../websocket/control-frame.ts";
import { GOING_AWAY } from "../websocket/endings.ts";
import { headerFault } from "../websocket/frame-rules.ts";
import { FrameWalker, NO_CODE, PING } from "../websocket/frame-walker.ts";
import { acceptOf } from "../websocket/handshake.ts";
import { textFrame } from "../websocket/text-frame.ts";
import { type Snapshot, snapshot } from "./api-snapshot.ts";
import { pastSamples } from "./dashboard-history.ts";
import { Reading } from "./metrics-reading.ts";

const INTERVAL_MS = 1000;
/** A page that has taken nothing for so long is gone. */
const PATIENCE_MS = 30_000;
/** More locations than a page can show are left out: those with the most tunnels and requests are sent. */
const MOST_LOCATIONS = 100;
const NORMAL = 1000;
const MAX_PING_BYTES = 125;

function frameOf(message: object): Buffer {
  return textFrame(Buffer.from(JSON.stringify(message), "utf8"));
}

function activity({ tunnelsOpen, handshakes, requests }: Snapshot["locations"][number]): number {
  const answered = Object.values(requests).reduce((a, b) => a + b, 0);
  return tunnelsOpen * 1e9 + handshakes + answered;
}

/** The last frame, which all pages of a worker get alike. */
let last: { readonly load: LoadContext; readonly atMs: number; readonly frame: Buffer } | undefined;

function currentFrame(load: LoadContext): Buffer | undefined {
  if (last?.load === load && nowMs() - last.atMs < INTERVAL_MS / 2) return last.frame;
  const reading = Reading.take(load);
  if (reading === undefined) return undefined;
  const now = snapshot(reading);
  const locations = [...now.locations].sort((a, b) => activity(b) - activity(a)).slice(0, MOST_LOCATIONS);
  last = { load, atMs: nowMs(), frame: frameOf({ type: "now", ...now, locations }) };
  return last.frame;
}

/** Answers the handshake and goes on until the page closes. `api`: where its buttons send to, if anywhere. */
export function openFeed(r: Request, load: LoadContext, api: string | undefined): number {
  const { connection, out } = r;
  r.keepAlive = false;
  out.status = 101;
  out.list.add("Upgrade", "websocket");
  out.list.add("Sec-WebSocket-Accept", acceptOf(r.headers.get("sec-websocket-key") ?? ""));
  if (!sendHead(r)) return DONE;
  connection.flush();
  const early = connection.becomeTunnel();
  const feed = new Feed(r, load);
  for (const piece of connection.output.takePending() ?? []) feed.send(piece);
  const reasons = Object.fromEntries(REFUSALS);
  feed.send(frameOf({ type: "hello", api: api ?? null, reasons, past: pastSamples() }));
  feed.beat();
  if (early !== undefined && early.length > 0) feed.onData(early, early.length);
  return DONE;
}

class Feed implements SocketOwner, TimerOwner {
  private readonly request: Request;
  private readonly socket: Socket;
  private readonly load: LoadContext;
  private readonly walker = new FrameWalker();
  private readonly timer = new Timer(this, 0);
  private readonly ping = Buffer.alloc(MAX_PING_BYTES);
  private pending: Buffer | undefined = undefined;
  private takenMs = nowMs();
  private closing = false;
  private closed = false;

  constructor(r: Request, load: LoadContext) {
    this.request = r;
    this.socket = r.connection.socket;
    this.load = load;
    this.socket.data = this;
  }

  onTimer(): void {
    this.beat();
  }

  /** One more picture, unless the page has not taken the last one yet. */
  beat(): void {
    if (this.closed) return;
    this.timer.arm(INTERVAL_MS);
    // Nobody waits for the end of a page that stays open, nor long for one that does not read.
    if (this.request.connection.leaving) {
      if (this.closing) this.end();
      else this.close(GOING_AWAY);
      return;
    }
    if (this.pending === undefined) {
      const frame = currentFrame(this.load);
      if (frame !== undefined) this.send(frame);
    } else if (nowMs() - this.takenMs > PATIENCE_MS) this.end();
  }

  /** Sends bytes behind what waits; they are not changed. */
  send(bytes: Buffer): void {
    if (this.closed) return;
    if (this.pending !== undefined) {
      this.pending = Buffer.concat([this.pending, bytes]);
      return;
    }
    const written = this.socket.write(bytes, bytes.length);
    this.took(written);
    if (written >= 0 && written < bytes.length) this.pending = bytes.subarray(written);
  }

  private took(bytes: number): void {
    this.takenMs = nowMs();
    if (bytes > 0) this.request.connection.output.sentBytes += bytes;
  }

  /** The page has nothing to say, but browsers close and ping. */
  onData(buffer: Buffer, length: number): void {
    const { walker } = this;
    for (let at = 0; at < length && walker.closeCode === 0 && !this.closing; ) {
      if (!walker.inPayload) {
        at = walker.readHeader(buffer, at, length);
        if (!walker.inPayload) return;
        const fault = headerFault(walker, true, 0);
        if (fault !== undefined) {
          this.close(fault.code);
          return;
        }
      }
      if (walker.opcode === PING) this.readPing(buffer, at, length);
      at = walker.walkPayload(buffer, at, length);
      if (walker.opcode === PING && !walker.inPayload) {
        // Of many pings the last one that there is room to answer is enough (RFC 6455, 5.5.3).
        if (this.pending === undefined) this.send(pongFrame(this.ping.subarray(0, walker.payloadLength)));
      }
    }
    if (walker.closeCode !== 0) this.close(walker.closeCode === NO_CODE ? NORMAL : walker.closeCode);
  }

  private readPing(buffer: Buffer, at: number, end: number): void {
    const { payloadLength, payloadLeft, maskKey } = this.walker;
    let position = payloadLength - payloadLeft;
    for (let i = at; i < end && position < Math.min(payloadLength, MAX_PING_BYTES); i++, position++) {
      this.ping[position] = buffer[i]! ^ (maskKey >>> (24 - 8 * (position & 3)));
    }
  }

  onDrain(): void {
    const { pending } = this;
    if (pending === undefined) return;
    const written = this.socket.write(pending, pending.length);
    if (written < 0) return;
    this.took(written);
    this.pending = written < pending.length ? pending.subarray(written) : undefined;
    if (this.closing && this.pending === undefined) this.end();
  }

  onEnd(): void {
    this.end();
  }

  onClose(): void {
    this.end();
  }

  /** Says why and ends, when all that was to be said is out. */
  private close(code: number): void {
    if (this.closing || this.closed) return;
    this.closing = true;
    this.send(closeFrame(code, "", false));
    if (this.pending === undefined) this.end();
  }

  private end(): void {
    if (this.closed) return;
    this.closed = true;
    this.timer.release();
    this.socket.end();
    this.request.connection.tunnelClosed();
  }
}

/**
 * After 101: bytes pass both ways until both sides have ended (ngx_http_upstream_process_upgraded). Hot: one chunk in,
 * one write out, no allocation; 64 B echoes ran at 1.0 to 1.1 of nginx's rate on one core. Where the tunnel is a WebSocket
 * that a directive or a variable asks about, a session sees the chunks on their way.
 */

import type { Request } from "../http/request.ts";
import { ERR, INFO } from "../net/error-log.ts";
import { narrowReceiveWindow, type Socket, type SocketOwner, undeliveredBytes } from "../net/socket.ts";
import { acknowledgedBytes } from "../net/tcp-info.ts";
import { nowMs, Timer, type TimerOwner } from "../net/timers.ts";
import { CountedSide } from "../websocket/counted-side.ts";
import type { FrameStream } from "../websocket/frame-stream.ts";
import type { WebSocketSession } from "../websocket/session.ts";
import type { TunnelSide, WatchedTunnel } from "../websocket/tunnel-side.ts";

const IDLE_TIMER = 0;

/** One direction's receiving end: what arrives on `socket` goes to `other`. */
class TunnelEnd extends CountedSide implements SocketOwner, TunnelSide {
  // What each chunk touches comes first, so that it is together in memory.
  readonly socket: Socket;
  other!: TunnelEnd;
  /** Bytes from the other side that this socket has not taken yet. */
  private pending: Buffer | undefined = undefined;
  /** Bytes that came in on this side. */
  received = 0;
  /** Bytes that this side's socket took. */
  sent = 0;
  /** When bytes last came in, or went out after they had to wait. */
  activeMs = nowMs();
  frames: FrameStream | undefined = undefined;

  readonly tunnel: Tunnel;
  private narrowed = false;
  /** This side sent FIN, or is gone. */
  ended = false;
  /** FIN has been sent to this side, or it is gone. */
  finished = false;
  /** FIN is to be sent to this side when all that waits for it is out. */
  private finishing = false;
  /** The session wants nothing to be read from this side: what has come is passed on when its time comes. */
  held = false;

  constructor(tunnel: Tunnel, socket: Socket) {
    super();
    this.tunnel = tunnel;
    this.socket = socket;
  }

  onData(buffer: Buffer, length: number): void {
    this.received += length;
    this.activeMs = nowMs();
    this.pass(buffer, length);
  }

  /** Passes on what came in, here or behind the upstream's head. */
  pass(buffer: Buffer, length: number): void {
    if (this.counts) {
      this.forward(buffer, length);
      if (this.count(buffer, length)) this.tunnel.session?.onCountedClose(this);
    } else if (this.frames === undefined) this.forward(buffer, length);
    else this.frames.pass(buffer, length);
  }

  forward(buffer: Buffer, length: number): void {
    if (!this.other.take(buffer, length)) this.rest();
  }

  /** Passes buffer[0..length) on to this side; false when it can't keep up: what is left over is copied. */
  take(buffer: Buffer, length: number): boolean {
    if (this.pending !== undefined) {
      // A reset delivers what the kernel still holds even while the socket is paused.
      this.pending = Buffer.concat([this.pending, buffer.subarray(0, length)]);
      return false;
    }
    const written = this.socket.write(buffer, length);
    if (written === length) {
      this.sent += written;
      return true;
    }
    if (written < 0) return true;
    this.sent += written;
    this.pending = Buffer.from(buffer.subarray(written, length));
    return false;
  }

  onDrain(): void {
    const { pending } = this;
    if (pending === undefined) return;
    const written = this.socket.write(pending, pending.length);
    if (written < 0) return;
    this.sent += written;
    this.activeMs = nowMs();
    if (written < pending.length) {
      this.pending = pending.subarray(written);
      return;
    }
    this.pending = undefined;
    this.tunnel.session?.onSideDrained(this);
    if (this.finishing) this.finish();
    else if (this.other.reading) this.other.socket.resume();
  }

  onEnd(): void {
    this.ended = true;
    if (this.tunnel.session?.onSideEnded(this)) this.tunnel.closeIfDone();
    else this.other.hangUp();
  }

  onClose(reset: boolean): void {
    this.tunnel.onEndClosed(this, reset);
  }

  // What the session asks for

  send(bytes: Buffer): void {
    this.take(bytes, bytes.length);
  }

  get reading(): boolean {
    return !this.held && this.other.pending === undefined;
  }

  hold(): void {
    this.held = true;
    this.socket.pause();
  }

  release(): void {
    this.held = false;
    this.activeMs = nowMs();
    if (this.reading) this.socket.resume();
  }

  readOn(): void {
    this.held = false;
    this.socket.resume();
  }

  hangUp(): void {
    this.finishing = true;
    if (this.pending === undefined) this.finish();
  }

  cut(): void {
    this.ended = true;
    this.finished = true;
    this.pending = undefined;
    this.socket.terminate();
  }

  undelivered(): number {
    return this.waitingBytes + undeliveredBytes(this.socket);
  }

  delivered(): number {
    return acknowledgedBytes(this.socket) ?? this.sent - undeliveredBytes(this.socket);
  }

  /** Bytes that wait for the kernel to take them. */
  get waitingBytes(): number {
    return this.pending?.length ?? 0;
  }

  /** The connection is gone, while the session waits for the other side. */
  lost(): void {
    this.ended = true;
    this.finished = true;
    this.pending = undefined;
  }

  /** All its bytes are out: sends FIN. */
  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    if (!this.tunnel.closeIfDone()) this.socket.shutdown();
  }

  private rest(): void {
    this.socket.pause();
    this.tunnel.session?.onSideFull(this.other);
    if (this.narrowed) return;
    this.narrowed = true;
    narrowReceiveWindow(this.socket);
  }
}

/** What the tunnel reports when it is over. */
export interface TunnelOwner {
  onTunnelClosed(tunnel: Tunnel): void;
}

export class Tunnel implements TimerOwner, WatchedTunnel {
  readonly request: Request;
  readonly client: TunnelEnd;
  readonly upstream: TunnelEnd;
  private readonly owner: TunnelOwner;
  private readonly idleTimer = new Timer(this, IDLE_TIMER);
  private readonly idleMs: number;
  private closed = false;
  /** What passes is a WebSocket, and somebody wants to know. */
  session: WebSocketSession | undefined = undefined;

  /** Takes over both sockets. `idleMs`: longest time without a byte in either direction (proxy_read_timeout). */
  constructor(r: Request, clientSocket: Socket, upstreamSocket: Socket, idleMs: number, owner: TunnelOwner) {
    this.request = r;
    this.owner = owner;
    this.idleMs = idleMs;
    this.client = new TunnelEnd(this, clientSocket);
    this.upstream = new TunnelEnd(this, upstreamSocket);
    this.client.other = this.upstream;
    this.upstream.other = this.client;
    clientSocket.data = this.client;
    upstreamSocket.data = this.upstream;
    this.idleTimer.arm(idleMs);
  }

  onTimer(): void {
    const { client, upstream } = this;
    const idleSinceMs = client.held || upstream.held ? nowMs() : Math.max(client.activeMs, upstream.activeMs);
    const leftMs = idleSinceMs + this.idleMs - nowMs();
    if (leftMs > 0) {
      this.idleTimer.arm(leftMs);
      return;
    }
    this.request.log(INFO, "upstream timed out (110: Connection timed out)");
    this.end(true);
  }

  /** One socket is gone; a reset goes on to the other side as a reset. */
  onEndClosed(end: TunnelEnd, reset: boolean): void {
    if (this.closed) return;
    if (this.session?.onSideClosed(end)) {
      end.lost();
      this.closeIfDone();
      return;
    }
    if (reset) {
      this.request.log(end === this.client ? INFO : ERR, "recv() failed (104: Connection reset by peer)");
      end.other.socket.terminate();
    }
    this.end(false);
  }

  /** Closes both sides. */
  close(): void {
    this.end(false);
  }

  /** Closes the tunnel where both sides have sent FIN and had one; true when it has. */
  closeIfDone(): boolean {
    const { client, upstream } = this;
    if (!client.ended || !upstream.ended || !client.finished || !upstream.finished) return false;
    this.end(false);
    return true;
  }

  private end(timedOut: boolean): void {
    if (this.closed) return;
    this.closed = true;
    this.idleTimer.release();
    this.client.socket.end();
    this.upstream.socket.end();
    this.session?.onTunnelClosed(timedOut);
    this.owner.onTunnelClosed(this);
  }
}

/** The tunnel that a socket is part of, if it is. */
export function tunnelOf(socket: Socket): Tunnel | undefined {
  const { data } = socket;
  return data instanceof TunnelEnd ? data.tunnel : undefined;
}

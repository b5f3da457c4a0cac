/** A connection to an upstream peer: carries one exchange after another, rests in the pool in between. */
import { nextConnectionNumber } from "../http/connection.ts";
import { connectTo, type PlainSocket } from "../net/plain-socket.ts";
import { kept, receivedView } from "../net/received-bytes.ts";
import { type ConnectCall, type ConnectOwner, narrowReceiveWindow, type Socket } from "../net/socket.ts";
import { nowMs, Timer, type TimerOwner } from "../net/timers.ts";
import { connectTls, type TlsOwner, type TlsSocket } from "../net/tls-socket.ts";
import type { Peer } from "../upstream/peer.ts";
import type { ConnectionPool, IdleSlot, PooledConnection } from "../upstream/pool.ts";
import type { UpstreamTlsPlan } from "./upstream-tls.ts";

/** Who uses the connection at the moment. */
export interface UpstreamUser {
  onUpstreamConnect(): void;
  onUpstreamConnectError(errno: number, call: ConnectCall): void;
  /** The connection is there, TLS begins on it; `onUpstreamConnect` comes after its handshake. */
  onUpstreamHandshake(): void;
  /** TLS failed, or the peer's certificate is not good enough: the connection is closed. */
  onUpstreamTlsError(message: string): void;
  /** The chunk holds only during the call. */
  onUpstreamData(chunk: Buffer): void;
  /** The connection's timer, which its user arms, has run down. */
  onUpstreamTimeout(): void;
  /** What was queued for the upstream has left. */
  onUpstreamDrain(): void;
  /** The upstream sent FIN. */
  onUpstreamEnd(): void;
  onUpstreamClose(reset: boolean): void;
}

const PROGRESS_TIMER = 0;

export class UpstreamConnection implements ConnectOwner, TlsOwner, TimerOwner, PooledConnection {
  readonly number = nextConnectionNumber();
  readonly startedMs = nowMs();
  requests = 0;
  slot: IdleSlot | undefined = undefined;
  /** Where TLS begins, a TLS socket takes the place of the plain one. */
  socket: Socket;
  /** What the connection's TLS says and asks for; "" without TLS. */
  readonly security: string;
  user: UpstreamUser | undefined;
  bytesSent = 0;
  /** For whoever uses the connection; not armed while nobody does. It stays on the wheel from one exchange to the next. */
  readonly timer = new Timer(this, PROGRESS_TIMER);
  private readonly pool: ConnectionPool;
  private readonly tcpKeepalive: boolean;
  private readonly peer: Peer;
  private tls: UpstreamTlsPlan | undefined;
  private pending: Buffer[] | undefined = undefined;
  private connected = false;
  private closed = false;
  private narrowed = false;

  constructor(
    peer: Peer,
    pool: ConnectionPool,
    user: UpstreamUser,
    localAddress: Uint8Array | undefined,
    tcpKeepalive: boolean,
    tls: UpstreamTlsPlan | undefined,
  ) {
    this.peer = peer;
    this.tls = tls;
    this.security = tls === undefined ? "" : tls.key;
    this.tcpKeepalive = tcpKeepalive;
    this.pool = pool;
    this.user = user;
    this.socket = connectTo(peer.systemAddress, this, localAddress);
  }

  /** Bytes wait for the socket to take them. */
  get blocked(): boolean {
    return this.pending !== undefined;
  }

  get open(): boolean {
    return this.connected && !this.closed;
  }

  /** Sends bytes, which the connection may keep; false when some of them wait for `onUpstreamDrain`. */
  write(chunk: Buffer): boolean {
    if (!this.open) return true;
    if (this.pending !== undefined) {
      this.pending.push(kept(chunk));
      return false;
    }
    const written = this.socket.write(chunk, chunk.length);
    if (written === chunk.length) {
      this.bytesSent += written;
      return true;
    }
    if (written < 0) return true;
    this.bytesSent += written;
    this.pending = [kept(chunk.subarray(written))];
    return false;
  }

  /** Sends bytes of a buffer that the caller goes on using. */
  writeShared(buffer: Buffer, length: number): boolean {
    if (!this.open) return true;
    const written = this.pending === undefined ? this.socket.write(buffer, length) : 0;
    if (written < 0) return true;
    this.bytesSent += written;
    if (written === length) return true;
    this.pending ??= [];
    this.pending.push(Buffer.from(buffer.subarray(written, length)));
    return false;
  }

  /** Hands `socket` over (to a tunnel); the connection is nobody's from here on. Returns bytes not yet sent, if any. */
  detach(): readonly Buffer[] | undefined {
    this.user = undefined;
    const unsent = this.pending;
    this.pending = undefined;
    this.markClosed();
    return unsent;
  }

  /** Reads no more until `resume`: the client can't keep up. */
  pause(): void {
    this.socket.pause();
    if (this.narrowed) return;
    this.narrowed = true;
    narrowReceiveWindow(this.socket);
  }

  resume(): void {
    this.socket.resume();
  }

  /** Closes at once. */
  close(): void {
    this.user = undefined;
    if (this.closed) return;
    this.markClosed();
    this.pending = undefined;
    this.socket.end();
  }

  private markClosed(): void {
    this.closed = true;
    this.timer.release();
  }

  onConnect(): void {
    if (this.tcpKeepalive) this.socket.setKeepAlive(true);
    if (this.tls !== undefined) {
      this.beginTls(this.tls);
      return;
    }
    this.connected = true;
    this.user?.onUpstreamConnect();
  }

  private beginTls(tls: UpstreamTlsPlan): void {
    const { peer } = this;
    const keep = (session: Uint8Array): void => tls.keep(peer, session);
    const plain = this.socket as PlainSocket;
    this.user?.onUpstreamHandshake();
    this.socket = connectTls(plain, tls.context, tls.serverName, tls.session(peer), keep, this);
  }

  onHandshake(): void {
    const fault = this.tls!.fault((this.socket as TlsSocket).session!);
    this.tls = undefined;
    if (fault !== undefined) {
      this.markClosed();
      this.socket.end();
      this.user?.onUpstreamTlsError(fault);
      return;
    }
    this.connected = true;
    this.user?.onUpstreamConnect();
  }

  onHandshakeFailed(message: string): void {
    if (this.closed) return;
    this.markClosed();
    const text =
      message === "" ? "peer closed connection in SSL handshake" : `SSL_do_handshake() failed (SSL: ${message})`;
    this.user?.onUpstreamTlsError(text);
  }

  onTimer(): void {
    this.user?.onUpstreamTimeout();
  }

  onConnectError(errno: number, call: ConnectCall): void {
    this.markClosed();
    this.user?.onUpstreamConnectError(errno, call);
  }

  onData(buffer: Buffer, length: number): void {
    if (this.user !== undefined) this.user.onUpstreamData(receivedView(buffer, length));
    else this.dropIdle();
  }

  onDrain(): void {
    const { pending } = this;
    while (pending !== undefined && pending.length > 0) {
      const chunk = pending[0]!;
      const written = this.socket.write(chunk, chunk.length);
      if (written < 0) return;
      this.bytesSent += written;
      if (written < chunk.length) {
        pending[0] = chunk.subarray(written);
        return;
      }
      pending.shift();
    }
    this.pending = undefined;
    this.user?.onUpstreamDrain();
  }

  onEnd(): void {
    if (this.user !== undefined) this.user.onUpstreamEnd();
    else this.dropIdle();
  }

  onClose(reset: boolean): void {
    if (this.closed && this.user === undefined) return;
    this.markClosed();
    if (this.user !== undefined) this.user.onUpstreamClose(reset);
    else this.pool.remove(this);
  }

  /** An idle connection that says anything is of no use: its peer closes it, or is confused. */
  private dropIdle(): void {
    this.pool.remove(this);
    this.close();
  }
}

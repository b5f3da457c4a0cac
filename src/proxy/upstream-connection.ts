/** A connection to an upstream peer: carries one exchange after another, rests in the pool in between. */
import { nextConnectionNumber } from "../http/connection.ts";
import { type ConnectOwner, connectTo, type Socket, shrinkReceiveBuffer } from "../net/socket.ts";
import { nowMs } from "../net/timers.ts";
import type { Peer } from "../upstream/peer.ts";
import type { ConnectionPool, IdleSlot, PooledConnection } from "../upstream/pool.ts";

/** Who uses the connection at the moment. */
export interface UpstreamUser {
  onUpstreamConnect(): void;
  /** `code` as ECONNREFUSED. */
  onUpstreamConnectError(code: string): void;
  onUpstreamData(chunk: Buffer): void;
  /** What was queued for the upstream has left. */
  onUpstreamDrain(): void;
  /** The upstream sent FIN. */
  onUpstreamEnd(): void;
  onUpstreamClose(reset: boolean): void;
}

export class UpstreamConnection implements ConnectOwner, PooledConnection {
  readonly number = nextConnectionNumber();
  readonly startedMs = nowMs();
  requests = 0;
  slot: IdleSlot | undefined = undefined;
  socket: Socket | undefined = undefined;
  user: UpstreamUser | undefined;
  bytesSent = 0;
  private readonly pool: ConnectionPool;
  private readonly tcpKeepalive: boolean;
  private pending: Buffer[] = [];
  private closed = false;
  private shrunk = false;

  constructor(
    peer: Peer,
    pool: ConnectionPool,
    user: UpstreamUser,
    localAddress: string | undefined,
    tcpKeepalive: boolean,
  ) {
    this.tcpKeepalive = tcpKeepalive;
    this.pool = pool;
    this.user = user;
    connectTo(peer.address, this, localAddress);
  }

  /** Bytes wait for the socket to take them. */
  get blocked(): boolean {
    return this.pending.length > 0;
  }

  get open(): boolean {
    return this.socket !== undefined && !this.closed;
  }

  /** Sends bytes, which the connection may keep; false when some of them wait for `onUpstreamDrain`. */
  write(chunk: Buffer): boolean {
    if (this.closed || this.socket === undefined) return true;
    if (this.pending.length > 0) {
      this.pending.push(chunk);
      return false;
    }
    const written = this.socket.write(chunk);
    if (written === chunk.length) {
      this.bytesSent += written;
      return true;
    }
    if (written < 0) return true;
    this.bytesSent += written;
    this.pending.push(chunk.subarray(written));
    return false;
  }

  /** Sends bytes of a buffer that the caller goes on using. */
  writeShared(buffer: Buffer, length: number): boolean {
    const socket = this.socket;
    if (this.closed || socket === undefined) return true;
    const written = this.pending.length === 0 ? socket.write(buffer, 0, length) : 0;
    if (written < 0) return true;
    this.bytesSent += written;
    if (written === length) return true;
    this.pending.push(Buffer.from(buffer.subarray(written, length)));
    return false;
  }

  /** Hands the socket over (to a tunnel); the connection is nobody's from here on. Returns bytes not yet sent. */
  detach(): { readonly socket: Socket; readonly unsent: readonly Buffer[] } {
    this.user = undefined;
    const unsent = this.pending;
    this.pending = [];
    this.closed = true;
    return { socket: this.socket!, unsent };
  }

  /** Reads no more until `resume`: the client can't keep up. */
  pause(): void {
    this.socket?.pause();
    if (this.shrunk) return;
    this.shrunk = true;
    if (this.socket !== undefined) shrinkReceiveBuffer(this.socket);
  }

  resume(): void {
    this.socket?.resume();
  }

  /** Closes at once. */
  close(): void {
    this.user = undefined;
    if (this.closed) return;
    this.closed = true;
    this.pending = [];
    this.socket?.end();
  }

  onConnect(socket: Socket): void {
    this.socket = socket;
    if (this.closed) {
      // Given up while connecting (Bun cannot cancel a connect).
      socket.terminate();
      return;
    }
    if (this.tcpKeepalive) socket.setKeepAlive(true);
    this.user?.onUpstreamConnect();
  }

  onConnectError(code: string): void {
    this.closed = true;
    this.user?.onUpstreamConnectError(code);
  }

  onData(chunk: Buffer): void {
    if (this.user !== undefined) this.user.onUpstreamData(chunk);
    else this.dropIdle();
  }

  onDrain(): void {
    while (this.pending.length > 0) {
      const chunk = this.pending[0]!;
      const written = this.socket!.write(chunk);
      if (written < 0) return;
      this.bytesSent += written;
      if (written < chunk.length) {
        this.pending[0] = chunk.subarray(written);
        return;
      }
      this.pending.shift();
    }
    this.user?.onUpstreamDrain();
  }

  onEnd(): void {
    if (this.user !== undefined) this.user.onUpstreamEnd();
    else this.dropIdle();
  }

  onClose(reset: boolean): void {
    if (this.closed && this.user === undefined) return;
    this.closed = true;
    if (this.user !== undefined) this.user.onUpstreamClose(reset);
    else this.pool.remove(this);
  }

  /** An idle connection that says anything is of no use: its peer closes it, or is confused. */
  private dropIdle(): void {
    this.pool.remove(this);
    this.close();
  }
}

/** A connection to an upstream peer: carries one exchange after another, rests in the pool in between. */
import { nextConnectionNumber } from "../http/connection.ts";
import {
  type ConnectCall,
  type ConnectOwner,
  connectTo,
  isReceived,
  receivedView,
  type Socket,
  shrinkReceiveBuffer,
} from "../net/socket.ts";
import { nowMs } from "../net/timers.ts";
import type { Peer } from "../upstream/peer.ts";
import type { ConnectionPool, IdleSlot, PooledConnection } from "../upstream/pool.ts";

/** Who uses the connection at the moment. */
export interface UpstreamUser {
  onUpstreamConnect(): void;
  onUpstreamConnectError(errno: number, call: ConnectCall): void;
  /** The chunk holds only during the call. */
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
  readonly socket: Socket;
  user: UpstreamUser | undefined;
  bytesSent = 0;
  private readonly pool: ConnectionPool;
  private readonly tcpKeepalive: boolean;
  private pending: Buffer[] = [];
  private connected = false;
  private closed = false;
  private shrunk = false;

  constructor(
    peer: Peer,
    pool: ConnectionPool,
    user: UpstreamUser,
    localAddress: Uint8Array | undefined,
    tcpKeepalive: boolean,
  ) {
    this.tcpKeepalive = tcpKeepalive;
    this.pool = pool;
    this.user = user;
    this.socket = connectTo(peer.systemAddress, this, localAddress);
  }

  /** Bytes wait for the socket to take them. */
  get blocked(): boolean {
    return this.pending.length > 0;
  }

  get open(): boolean {
    return this.connected && !this.closed;
  }

  /** Sends bytes, which the connection may keep; false when some of them wait for `onUpstreamDrain`. */
  write(chunk: Buffer): boolean {
    if (!this.open) return true;
    if (this.pending.length > 0) {
      this.pending.push(isReceived(chunk) ? Buffer.from(chunk) : chunk);
      return false;
    }
    const written = this.socket.write(chunk, chunk.length);
    if (written === chunk.length) {
      this.bytesSent += written;
      return true;
    }
    if (written < 0) return true;
    this.bytesSent += written;
    const rest = chunk.subarray(written);
    this.pending.push(isReceived(rest) ? Buffer.from(rest) : rest);
    return false;
  }

  /** Sends bytes of a buffer that the caller goes on using. */
  writeShared(buffer: Buffer, length: number): boolean {
    if (!this.open) return true;
    const written = this.pending.length === 0 ? this.socket.write(buffer, length) : 0;
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
    return { socket: this.socket, unsent };
  }

  /** Reads no more until `resume`: the client can't keep up. */
  pause(): void {
    this.socket.pause();
    if (this.shrunk) return;
    this.shrunk = true;
    shrinkReceiveBuffer(this.socket);
  }

  resume(): void {
    this.socket.resume();
  }

  /** Closes at once. */
  close(): void {
    this.user = undefined;
    if (this.closed) return;
    this.closed = true;
    this.pending = [];
    this.socket.end();
  }

  onConnect(): void {
    this.connected = true;
    if (this.tcpKeepalive) this.socket.setKeepAlive(true);
    this.user?.onUpstreamConnect();
  }

  onConnectError(errno: number, call: ConnectCall): void {
    this.closed = true;
    this.user?.onUpstreamConnectError(errno, call);
  }

  onData(buffer: Buffer, length: number): void {
    if (this.user !== undefined) this.user.onUpstreamData(receivedView(buffer, length));
    else this.dropIdle();
  }

  onDrain(): void {
    while (this.pending.length > 0) {
      const chunk = this.pending[0]!;
      const written = this.socket.write(chunk, chunk.length);
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

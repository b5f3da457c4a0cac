/**
 * Sockets without TLS on the event loop: connect to an address, read, write, close.
 * Hot: bytes are received into one buffer that all sockets share, and sent from wherever they lie.
 */
import type { Address } from "./address.ts";
import { freeSlot, NO_SLOT, takeSlot } from "./connection-slots.ts";
import {
  closeWatched,
  type Deferred,
  defer,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  reportFault,
  unwatch,
  type Watched,
  watch,
} from "./event-loop.ts";
import {
  AF_UNIX,
  bindSocket,
  closeDescriptor,
  connectSocket,
  EAGAIN,
  EINPROGRESS,
  IP_BIND_ADDRESS_NO_PORT,
  IPPROTO_IP,
  IPPROTO_TCP,
  integerOption,
  lastErrno,
  receive,
  resetOnClose,
  SO_ERROR,
  SO_KEEPALIVE,
  SOL_SOCKET,
  send,
  setIntegerOption,
  shutdownSending,
  streamSocket,
  TCP_NODELAY,
} from "./libc.ts";
import { poison, poisoned, RECEIVE_BYTES, receiveBuffer } from "./received-bytes.ts";
import { type ConnectCall, type ConnectOwner, localHost, type Socket, type SocketOwner } from "./socket.ts";

/** Reads of one busy socket before the others get their turn. */
const READS_PER_TURN = 4;

const NO_ERROR = 0;

/** A socket without TLS: connected, or connecting. */
export class PlainSocket implements Socket, Watched, Deferred {
  // What each event touches comes first, so that it is together in memory.
  data!: SocketOwner;
  fd: number;
  private connecting: boolean;
  private paused = false;
  /** More bytes, or the end, may be waiting in the kernel. */
  private readable = false;
  /** Reading on will meet FIN or an error. */
  private ending = false;
  /** FIN was read. */
  private ended = false;
  /** A write came short; `onDrain` is due. */
  private full = false;
  /** A write failed: what ends the connection is a reset. */
  private broken = false;
  private deferred = false;
  private connectErrno = NO_ERROR;
  private failedCall: ConnectCall = "connect";
  /** Of an accepted socket. */
  private readonly peer: Address | undefined;

  constructor(fd: number, connecting: boolean, peer: Address | undefined) {
    this.fd = fd;
    this.connecting = connecting;
    this.peer = peer;
  }

  get remoteAddress(): string | undefined {
    return this.peer?.host;
  }

  get remotePort(): number {
    return this.peer?.port ?? 0;
  }

  get localAddress(): string | undefined {
    return localHost(this.fd);
  }

  write(bytes: Uint8Array, length: number): number {
    if (this.fd < 0 || this.broken) return -1;
    let taken = this.connecting ? 0 : send(this.fd, bytes, length);
    if (taken === length) return length;
    if (taken < 0) {
      if (lastErrno() !== EAGAIN) {
        this.broken = true;
        this.ending = true;
        this.readSoon();
        return -1;
      }
      taken = 0;
    }
    this.full = true;
    return taken;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (this.readable) this.readSoon();
  }

  shutdown(): void {
    if (this.fd >= 0) shutdownSending(this.fd);
  }

  end(): void {
    if (this.fd < 0) return;
    closeWatched(this.fd);
    freeSlot();
    this.fd = -1;
  }

  readNow(): boolean {
    if (this.fd >= 0 && !this.connecting && !this.paused) this.read();
    return false;
  }

  terminate(): void {
    if (this.fd < 0) return;
    resetOnClose(this.fd);
    this.end();
  }

  /** Gives the descriptor away, open: TLS begins on it. The owner hears no more of this socket. */
  release(): number {
    const { fd } = this;
    if (fd >= 0) unwatch(fd);
    this.fd = -1;
    return fd;
  }

  /** Another process takes the connection over, if `pass` succeeds with the descriptor: here it is gone then. */
  giveAway(pass: (fd: number) => boolean): boolean {
    if (this.fd < 0 || !pass(this.fd)) return false;
    // The kernel takes it off the set by itself only when nobody has it any more.
    closeDescriptor(this.release());
    freeSlot();
    return true;
  }

  setKeepAlive(on: boolean): void {
    if (this.fd >= 0) setIntegerOption(this.fd, SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0);
  }

  onEvents(events: number): void {
    try {
      if (this.connecting) this.finishConnect(events);
      else this.handle(events);
    } catch (error) {
      this.fault(error);
    }
  }

  onTurn(): void {
    this.deferred = false;
    try {
      if (this.connectErrno !== NO_ERROR) {
        this.end();
        (this.data as ConnectOwner).onConnectError(this.connectErrno, this.failedCall);
      } else if (this.fd >= 0 && this.readable && (!this.paused || this.broken)) this.read();
    } catch (error) {
      this.fault(error);
    }
  }

  /** Starts a connect; how it ends comes to the owner in a later turn. */
  connect(destination: Uint8Array, owner: ConnectOwner, local: Uint8Array | undefined): void {
    this.data = owner;
    if (!takeSlot()) {
      this.connectErrno = NO_SLOT;
      this.deferSelf();
      return;
    }
    const family = destination[0]!;
    const fd = streamSocket(family);
    if (fd < 0) {
      this.failConnect("socket");
      freeSlot();
      return;
    }
    this.fd = fd;
    if (family !== AF_UNIX) setIntegerOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (local !== undefined) {
      setIntegerOption(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
      if (bindSocket(fd, local) < 0) {
        this.failConnect("bind");
        return;
      }
    }
    if (connectSocket(fd, destination) < 0 && lastErrno() !== EINPROGRESS) {
      this.failConnect("connect");
      return;
    }
    if (!watch(fd, INTEREST, this)) this.failConnect("socket");
  }

  private failConnect(call: ConnectCall): void {
    this.connectErrno = lastErrno();
    this.failedCall = call;
    this.deferSelf();
  }

  private finishConnect(events: number): void {
    const failed = (events & (EPOLLERR | EPOLLHUP)) !== 0;
    if (failed) {
      const errno = integerOption(this.fd, SOL_SOCKET, SO_ERROR) ?? NO_ERROR;
      if (errno !== NO_ERROR) {
        this.end();
        (this.data as ConnectOwner).onConnectError(errno, "connect");
        return;
      }
    }
    this.connecting = false;
    (this.data as ConnectOwner).onConnect();
    // What came in with the same event, as a server's greeting or its FIN.
    if (this.fd >= 0) this.handle(events);
  }

  private handle(events: number): void {
    if ((events & EPOLLOUT) !== 0 && this.full) {
      this.full = false;
      this.data.onDrain();
      if (this.fd < 0) return;
    }
    // A FIN that was read shows in every later event, as one for room to write.
    const interesting = this.ended ? EPOLLERR | EPOLLHUP : EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP;
    if ((events & interesting) === 0) return;
    this.readable = true;
    if ((events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) !== 0) this.ending = true;
    if ((events & EPOLLERR) !== 0) this.broken = true;
    if (!this.paused || this.broken) this.read();
  }

  /** Takes what the kernel holds. A reset connection is read to its end even while paused. */
  private read(): void {
    for (let reads = 0; reads < READS_PER_TURN; reads++) {
      const count = receive(this.fd, receiveBuffer, RECEIVE_BYTES);
      if (count <= 0) {
        this.readable = false;
        if (count === 0) this.readEnd();
        else this.readFailed();
        return;
      }
      // Edge-triggered: a short read has emptied the kernel's buffer, unless the end is behind it.
      if (count < RECEIVE_BYTES && !this.ending) this.readable = false;
      this.data.onData(receiveBuffer, count);
      if (poisoned) poison(count);
      if (this.fd < 0 || !this.readable) return;
      if (this.paused && !this.broken) return;
    }
    this.readSoon();
  }

  private readEnd(): void {
    if (this.broken || this.ended) {
      this.lost(this.broken);
      return;
    }
    this.ended = true;
    this.data.onEnd();
  }

  private readFailed(): void {
    if (lastErrno() !== EAGAIN || this.broken) this.lost(true);
  }

  private lost(reset: boolean): void {
    this.end();
    this.data.onClose(reset);
  }

  private readSoon(): void {
    this.readable = true;
    this.deferSelf();
  }

  private deferSelf(): void {
    if (this.deferred) return;
    this.deferred = true;
    defer(this);
  }

  private fault(error: unknown): void {
    reportFault(error);
    if (this.fd < 0) return;
    this.terminate();
    try {
      this.data.onClose(true);
    } catch (second) {
      reportFault(second);
    }
  }
}

/** What a connected socket is watched for. */
export const INTEREST = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

/**
 * Connects; the outcome comes to `owner` as onConnect or onConnectError. Addresses in the system's form; `local` is
 * proxy_bind's.
 */
export function connectTo(destination: Uint8Array, owner: ConnectOwner, local: Uint8Array | undefined): PlainSocket {
  const socket = new PlainSocket(-1, true, undefined);
  socket.connect(destination, owner, local);
  return socket;
}

/** Accepts connections from a listening descriptor. */
import { type Address, fromSystemAddress } from "./address.ts";
import { freeSlot, holdSlot, takeSlot } from "./connection-slots.ts";
import { ALERT, CRIT, ERR, type LogLevel } from "./error-log.ts";
import { EPOLLEXCLUSIVE, EPOLLIN, reportFault, unwatch, type Watched, watch } from "./event-loop.ts";
import {
  acceptSocket,
  closeDescriptor,
  EAGAIN,
  ECONNABORTED,
  EMFILE,
  ENFILE,
  IPPROTO_TCP,
  lastErrno,
  numberedError,
  setIntegerOption,
  TCP_NODELAY,
} from "./libc.ts";
import { INTEREST, PlainSocket } from "./plain-socket.ts";
import type { SocketOwner } from "./socket.ts";
import { Timer, type TimerOwner } from "./timers.ts";

/** Who takes the connections of a listening socket. */
export interface AcceptOwner {
  /** Returns the owner of the new connection. */
  onAccept(socket: PlainSocket): SocketOwner;
  /** A connection could not be accepted; told as nginx does. */
  onAcceptError(level: LogLevel, message: string): void;
  /** worker_connections does not allow another connection: it was closed at once. */
  onFull(): void;
}

/** Out of descriptors: accepting rests for so long (nginx: accept_mutex_delay). */
const ACCEPT_REST_MS = 500;

const nameRoom = new Uint8Array(128);
const nameLength = new Uint32Array(1);

/** Begins with a connection that was accepted, here or by another process; the descriptor belongs to it. */
export function takeAccepted(
  fd: number,
  peer: Address | undefined,
  owner: Pick<AcceptOwner, "onAccept" | "onFull">,
): void {
  if (!takeSlot()) {
    closeDescriptor(fd);
    owner.onFull();
    return;
  }
  const socket = new PlainSocket(fd, false, peer);
  try {
    socket.data = owner.onAccept(socket);
  } catch (error) {
    reportFault(error);
    socket.terminate();
    return;
  }
  if (socket.fd >= 0 && !watch(fd, INTEREST, socket)) socket.terminate();
}

/** A listening descriptor of this process: accepts until stopped. */
export class Acceptor implements Watched, TimerOwner {
  private readonly fd: number;
  private readonly owner: AcceptOwner;
  private readonly timer = new Timer(this, 0);
  private stopped = false;
  /** Other processes wait for the same connections. */
  shared: boolean;
  /** Takes all that wait at once instead of one a turn (multi_accept). */
  many: boolean;

  /** Takes the descriptor over. Of several processes that wait for a connection one gets it. */
  constructor(fd: number, owner: AcceptOwner, shared: boolean, many: boolean) {
    this.fd = fd;
    this.owner = owner;
    this.shared = shared;
    this.many = many;
    holdSlot();
    // Accepted sockets inherit it; a unix socket refuses it, and needs none.
    setIntegerOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    this.begin();
  }

  /** Stops accepting and closes the descriptor; established connections go on. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.timer.release();
    unwatch(this.fd);
    closeDescriptor(this.fd);
    freeSlot();
  }

  onTimer(): void {
    this.begin();
  }

  onEvents(): void {
    if (!this.acceptOne()) return;
    if (this.many) this.acceptWaiting();
    if (!this.shared || this.stopped) return;
    // Of processes that wait for the same socket the kernel wakes the one that has waited longest, again and again: this
    // one goes to the end of the queue. nginx does it after every 16th, which left 100 clients at once on two of four.
    unwatch(this.fd);
    this.begin();
  }

  /** Accepts all that are in the queue now. */
  acceptWaiting(): void {
    while (!this.stopped && this.acceptOne());
  }

  /** False when there was none. */
  private acceptOne(): boolean {
    const fd = acceptSocket(this.fd, nameRoom, nameLength);
    if (fd < 0) return this.failed(lastErrno());
    takeAccepted(fd, fromSystemAddress(nameRoom), this.owner);
    return true;
  }

  private begin(): void {
    watch(this.fd, EPOLLIN | EPOLLEXCLUSIVE, this);
  }

  /** True when others may wait behind this one, which has gone again (ngx_event_accept). */
  private failed(errno: number): boolean {
    if (errno === EAGAIN) return false;
    const gone = errno === ECONNABORTED;
    const none = errno === EMFILE || errno === ENFILE;
    this.owner.onAcceptError(gone ? ERR : none ? CRIT : ALERT, `accept4() failed (${numberedError(errno)})`);
    if (none) {
      unwatch(this.fd);
      this.timer.arm(ACCEPT_REST_MS);
    }
    return gone;
  }
}

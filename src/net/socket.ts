/** Stream sockets as their owners see them, plain or over TLS, and what the kernel says of both. */
import { fromSystemAddress } from "./address.ts";
import { IPPROTO_TCP, setIntegerOption, socketName, TCP_WINDOW_CLAMP, unsentBytes } from "./libc.ts";

/** What a socket reports to. One object per connection, in `socket.data`. */
export interface SocketOwner {
  /** Bytes came in: buffer[0..length). The buffer is every socket's: what is to be kept must be copied before returning. */
  onData(buffer: Buffer, length: number): void;
  /** The socket takes bytes again after a short write. */
  onDrain(): void;
  /** The peer sent FIN; writing is still possible. */
  onEnd(): void;
  /** The socket is gone, not by its owner; `reset` when the peer (or the network) broke it off. */
  onClose(reset: boolean): void;
}

/** The system call that an outgoing connection failed in. */
export type ConnectCall = "socket" | "bind" | "connect";

/** Who opens an outgoing connection learns how it ended. */
export interface ConnectOwner extends SocketOwner {
  onConnect(): void;
  /** `errno` is the system's number of the error, or NO_SLOT. */
  onConnectError(errno: number, call: ConnectCall): void;
}

/** A stream of bytes to and from the other end, plain or over TLS. Methods do nothing once it is closed. */
export interface Socket {
  /** Whom it reports to: set by whoever made the socket before anything can happen on it. */
  data: SocketOwner;
  /** -1 once closed. */
  readonly fd: number;
  /** The client's IP literal; undefined for a unix socket, and on a socket that was not accepted. */
  readonly remoteAddress: string | undefined;
  readonly remotePort: number;
  /** The IP literal it is connected to on this side: a system call; undefined when closed or a unix socket. */
  readonly localAddress: string | undefined;
  /**
   * Sends bytes[0..length). Returns how many were taken: fewer when it is full, `onDrain` comes when it is not; -1 when
   * the connection is broken, `onClose` follows.
   */
  write(bytes: Uint8Array, length: number): number;
  /** Reads no more until `resume`: FIN is not seen either, a reset is. */
  pause(): void;
  resume(): void;
  /** Takes what has come in by now, instead of waiting for the event; true where that is not possible yet. */
  readNow(): boolean;
  /** Sends FIN (after a close_notify where there is TLS); reading goes on. */
  shutdown(): void;
  /** Closes at once; the owner hears no more. */
  end(): void;
  /** Closes with RST. */
  terminate(): void;
  /** SO_KEEPALIVE. */
  setKeepAlive(on: boolean): void;
}

/** The IP literal of this end of a connection; undefined when it is closed or has none. */
export function localHost(fd: number): string | undefined {
  if (fd < 0) return undefined;
  const name = socketName(fd);
  return name === undefined ? undefined : fromSystemAddress(name)?.host;
}

/** What a sender whose reader is slow may have under way: some segments of the loopback, which are of 64 KiB. */
const SLOW_WINDOW_BYTES = 256 * 1024;

/** Bytes that were written and that the other end's kernel has not confirmed yet; 0 where that is not known. */
export function undeliveredBytes(socket: Socket): number {
  return socket.fd < 0 ? 0 : (unsentBytes(socket.fd) ?? 0);
}

/**
 * Bounds what one slow reader can make the kernel hold for the sender on this socket. Not by SO_RCVBUF: what was under way
 * by the larger window before was dropped then, and came again after seconds.
 */
export function narrowReceiveWindow(socket: Socket): void {
  setIntegerOption(socket.fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, SLOW_WINDOW_BYTES);
}

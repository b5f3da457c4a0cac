/**
 * TLS on a connected descriptor. The handshake and the records are BoringSSL's, inside Bun's sockets, which live in Bun's
 * own event loop (nested in ours); from outside it is a socket like any other.
 */
import { freeSlot } from "./connection-slots.ts";
import { type Deferred, defer, reportFault } from "./event-loop.ts";
import {
  bytesWait,
  closeDescriptor,
  IPPROTO_TCP,
  resetOnClose,
  SO_KEEPALIVE,
  SOL_SOCKET,
  setIntegerOption,
  TCP_QUICKACK,
} from "./libc.ts";
import type { PlainSocket } from "./plain-socket.ts";
import { localHost, type Socket, type SocketOwner } from "./socket.ts";
import { type BunTlsError, type BunTlsHandlers, type BunTlsSocket, beginBunTls } from "./tls-bun.ts";
import { MAX_RECORD_BYTES, type TlsContext } from "./tls-context.ts";
import { HandshakeWatch } from "./tls-hurry.ts";
import { TlsInput } from "./tls-input.ts";
import { TlsOutput } from "./tls-output.ts";
import { sessionOf, type TlsSession } from "./tls-session.ts";

/** Who owns a socket on which a handshake runs. Nothing but these and `onClose` is called before it has ended. */
export interface TlsOwner extends SocketOwner {
  onHandshake(): void;
  /** It failed, and the socket is closed. `message`: BoringSSL's words; "" when the other end broke it off. */
  onHandshakeFailed(message: string): void;
}

/** EPROTO, ECONNRESET: the handshake itself failed. */
const SYSTEM_CODE = /^E[A-Z]+$/;

/** ALPN (RFC 7301): what nginx offers; a client that wants none of them is refused. */
const SERVER_PROTOCOLS = Buffer.from("\x08http/1.1\x08http/1.0\x08http/0.9", "latin1");

/** How TLS is begun on a descriptor. */
export interface TlsStart {
  readonly context: TlsContext;
  readonly isServer: boolean;
  /** A server asks for a certificate; a client looks at the server's in any case. */
  readonly requestCertificate: boolean;
  /** What a client names (SNI); "" for nothing. */
  readonly serverName: string;
  /** Of a client: a session to resume. */
  readonly session: Uint8Array | undefined;
  /** Of a client: is given sessions that can be resumed. */
  readonly onSession: ((session: Uint8Array) => void) | undefined;
}

const serverStart = { isServer: true, serverName: "", session: undefined, onSession: undefined } as const;

/** Becomes the TLS server of a connection that was accepted. `initial`: bytes that were read from it already. */
export function acceptTls(
  plain: PlainSocket,
  context: TlsContext,
  requestCertificate: boolean,
  owner: TlsOwner,
  initial: Uint8Array,
): TlsSocket {
  return new TlsSocket(plain, { ...serverStart, context, requestCertificate }, owner, initial);
}

/** Begins TLS as the client, on a connection that has been opened. */
export function connectTls(
  plain: PlainSocket,
  context: TlsContext,
  serverName: string,
  session: Uint8Array | undefined,
  onSession: ((session: Uint8Array) => void) | undefined,
  owner: TlsOwner,
): TlsSocket {
  const start = { context, isServer: false, requestCertificate: false, serverName, session, onSession };
  return new TlsSocket(plain, start, owner, undefined);
}

export class TlsSocket implements Socket, Deferred {
  data: SocketOwner;
  fd: number;
  /** The server asked the client for a certificate. */
  readonly requestedCertificate: boolean;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number;
  readonly onSession: ((session: Uint8Array) => void) | undefined;
  /** What is to be resumed. */
  readonly resumed: Uint8Array | undefined;
  private readonly recordBytes: number;
  private readonly isServer: boolean;
  private bun: BunTlsSocket | undefined;
  private handshake: HandshakeWatch | undefined = undefined;
  private outcome: TlsSession | undefined = undefined;
  /** The other end has said that nothing more comes. */
  private ended = false;
  private toldEnd = false;
  private readonly input = new TlsInput();
  private readonly output = new TlsOutput();
  /** What the handshake failed with before the owner could know of the socket. */
  private failedEarly: string | undefined = undefined;

  constructor(plain: PlainSocket, start: TlsStart, owner: TlsOwner, initial: Uint8Array | undefined) {
    this.remoteAddress = plain.remoteAddress;
    this.remotePort = plain.remotePort;
    this.data = owner;
    this.requestedCertificate = start.requestCertificate;
    this.onSession = start.onSession;
    this.resumed = start.session;
    this.recordBytes = start.context.recordBytes;
    this.isServer = start.isServer;
    this.fd = plain.release();
    const options = {
      secureContext: start.context.native,
      requestCert: start.requestCertificate,
      rejectUnauthorized: false,
      serverName: start.serverName,
      ...(start.isServer && { ALPNProtocols: SERVER_PROTOCOLS }),
    } as const;
    this.bun = beginBunTls<TlsSocket>(this.fd, start.isServer, options, this, handlers, initial);
    if (this.bun === undefined) {
      closeDescriptor(this.fd);
      this.failedEarly = "";
    }
    if (this.failedEarly !== undefined) {
      this.forget();
      defer(this);
    } else if (this.outcome === undefined) this.handshake = new HandshakeWatch(this.fd);
  }

  onTurn(): void {
    try {
      if (this.failedEarly !== undefined) (this.data as TlsOwner).onHandshakeFailed(this.failedEarly);
      else this.deliver(false);
    } catch (error) {
      this.fault(error);
    }
  }

  get localAddress(): string | undefined {
    return localHost(this.fd);
  }

  /** What the handshake came to; undefined before its end. */
  get session(): TlsSession | undefined {
    return this.outcome;
  }

  write(bytes: Uint8Array, length: number): number {
    return this.bun === undefined ? -1 : this.output.write(this.bun, bytes, length);
  }

  pause(): void {
    this.input.paused = true;
    this.bun?.pause();
  }

  resume(): void {
    this.input.paused = false;
    this.bun?.resume();
    if (this.input.waiting) defer(this);
  }

  /** Decrypting is up to Bun's loop: true when something waits for it. */
  readNow(): boolean {
    return this.fd >= 0 && (this.input.waiting || bytesWait(this.fd));
  }

  shutdown(): void {
    this.bun?.shutdown();
  }

  end(): void {
    const { bun } = this;
    if (bun === undefined) return;
    this.forget();
    bun.shutdown();
    bun.close();
  }

  terminate(): void {
    const { bun } = this;
    if (bun === undefined) return;
    resetOnClose(this.fd);
    this.forget();
    bun.close();
  }

  setKeepAlive(on: boolean): void {
    if (this.fd >= 0) setIntegerOption(this.fd, SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0);
  }

  /** The descriptor is closed, or will be in the same breath. */
  private forget(): void {
    this.endWatch();
    this.bun = undefined;
    this.output.clear();
    this.input.clear();
    if (this.fd >= 0) freeSlot();
    this.fd = -1;
  }

  private endWatch(): void {
    this.handshake?.end();
    this.handshake = undefined;
  }

  // Called by the handlers below.

  handshakeEnded(done: boolean, error: BunTlsError | null): void {
    // A certificate that did not verify comes as a failure, with a code of X.509: what follows from it is not decided here.
    const ok = done || (error?.code !== undefined && !SYSTEM_CODE.test(error.code));
    const message = error === null || error.code === "ECONNRESET" ? "" : error.message;
    if (this.bun === undefined) {
      if (!ok && this.fd >= 0) this.failedEarly = message;
      return;
    }
    this.endWatch();
    const owner = this.data as TlsOwner;
    if (ok) {
      this.outcome = sessionOf(this.bun);
      if (this.isServer) this.confirm();
      if (this.recordBytes < MAX_RECORD_BYTES) this.bun.setMaxSendFragment(this.recordBytes);
      owner.onHandshake();
      return;
    }
    this.forget();
    owner.onHandshakeFailed(message);
  }

  /**
   * Acknowledges the client's Finished at once. A client with Nagle's algorithm holds its request back until then, which
   * is 40 ms in Linux while there is nothing to send: OpenSSL's tickets follow the handshake, BoringSSL's the answer.
   */
  private confirm(): void {
    setIntegerOption(this.fd, IPPROTO_TCP, TCP_QUICKACK, 1);
  }

  received(bytes: Buffer): void {
    if (this.bun === undefined) return;
    this.input.add(bytes);
    this.deliver(false);
  }

  private deliver(all: boolean): void {
    this.input.passTo(this, all);
    if (this.ended) this.tellEnd();
  }

  drained(): void {
    if (this.bun === undefined || !this.output.full) return;
    this.output.full = false;
    this.data.onDrain();
  }

  peerEnded(): void {
    if (this.bun === undefined || this.ended) return;
    this.ended = true;
    this.tellEnd();
  }

  private tellEnd(): void {
    if (this.outcome === undefined || this.toldEnd || this.bun === undefined || this.input.waiting) return;
    this.toldEnd = true;
    this.data.onEnd();
  }

  closed(error: BunTlsError | undefined): void {
    if (this.bun === undefined) return;
    // What came before the end is not lost, as on plain sockets.
    this.deliver(true);
    if (this.bun === undefined) return;
    this.forget();
    if (this.outcome !== undefined) this.data.onClose(error !== undefined);
    else (this.data as TlsOwner).onHandshakeFailed("");
  }

  fault(error: unknown): void {
    reportFault(error);
    if (this.bun === undefined) return;
    this.terminate();
    this.data.onClose(true);
  }
}

/** One object for all sockets. Exceptions in owners are bugs, and cost only the connection they happened on. */
const handlers: BunTlsHandlers<TlsSocket> = {
  open(socket) {
    const { resumed } = socket.data;
    if (resumed !== undefined) socket.setSession(resumed);
  },
  handshake({ data }, ok, error) {
    try {
      data.handshakeEnded(ok, error);
    } catch (fault) {
      data.fault(fault);
    }
  },
  data({ data }, bytes) {
    try {
      data.received(bytes);
    } catch (fault) {
      data.fault(fault);
    }
  },
  drain({ data }) {
    try {
      data.drained();
    } catch (fault) {
      data.fault(fault);
    }
  },
  end({ data }) {
    try {
      data.peerEnded();
    } catch (fault) {
      data.fault(fault);
    }
  },
  close({ data }, error) {
    try {
      data.closed(error);
    } catch (fault) {
      data.fault(fault);
    }
  },
  error() {
    // The socket closes after it: `close` tells.
  },
  session({ data }, session) {
    data.onSession?.(session);
  },
};

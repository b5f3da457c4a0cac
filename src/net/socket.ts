/** The only doors to Bun's sockets: accept from a listening descriptor, connect to an address. */
import { SO_RCVBUF, SOL_SOCKET, setIntegerOption } from "./libc.ts";

/** What a socket reports to. One object per connection, in `socket.data`; handlers are shared by all sockets. */
export interface SocketOwner {
  onData(chunk: Buffer): void;
  /** The socket takes bytes again after a short write. */
  onDrain(): void;
  /** The peer sent FIN; writing is still possible. */
  onEnd(): void;
  /** The socket is gone; `reset` when the peer (or the network) broke it off. */
  onClose(reset: boolean): void;
}

/** Who opens an outgoing connection learns how it ended. */
export interface ConnectOwner extends SocketOwner {
  onConnect(socket: Socket): void;
  /** `code` is the system's name of the error, as ECONNREFUSED. */
  onConnectError(code: string): void;
}

export type Socket = Bun.Socket<SocketOwner>;

/** Takes the exceptions of handlers: they are bugs, and cost only the connection they happened on. */
export interface Faults {
  onFault(error: unknown): void;
}

let faults: Faults = { onFault: () => {} };

/** Names who is told of exceptions in socket handlers; the worker sets its error log. */
export function setFaults(handler: Faults): void {
  faults = handler;
}

function closeFaulty(socket: Socket, error: unknown): void {
  faults.onFault(error);
  socket.terminate();
}

const handlers = {
  data(socket: Socket, chunk: Buffer): void {
    socket.data.onData(chunk);
  },
  drain(socket: Socket): void {
    socket.data.onDrain();
  },
  end(socket: Socket): void {
    socket.data.onEnd();
  },
  close(socket: Socket, error?: Error): void {
    socket.data?.onClose(error !== undefined && error !== null);
  },
  error: closeFaulty,
};

const connectHandlers = {
  ...handlers,
  open(socket: Socket): void {
    (socket.data as ConnectOwner).onConnect(socket);
  },
  connectError(socket: Socket, error: Error & { code?: string }): void {
    (socket.data as ConnectOwner).onConnectError(error.code ?? "ECONNREFUSED");
  },
};

/** A listening descriptor adopted by this process. */
export interface Acceptor {
  /** Stops accepting; established connections go on. */
  stop(): void;
}

/**
 * Accepts from a listening descriptor that the master opened (Bun adopts it: undocumented, held by a test).
 * `accept` returns the owner of the new connection.
 */
export function acceptFrom(fd: number, accept: (socket: Socket) => SocketOwner): Acceptor {
  const options = {
    fd,
    allowHalfOpen: true,
    socket: {
      ...handlers,
      open(socket: Socket): void {
        socket.data = accept(socket);
      },
    },
  };
  const listener = Bun.listen<SocketOwner>(options as unknown as Bun.TCPSocketListenOptions<SocketOwner>);
  return { stop: () => listener.stop(false) };
}

/** Where to connect: an IP literal and port, or the path of a unix socket. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  readonly path: string | undefined;
}

const ignore = (): void => {};

/** Connects; the outcome comes to `owner` as onConnect or onConnectError. `localAddress` is proxy_bind's. */
export function connectTo(destination: Destination, owner: ConnectOwner, localAddress: string | undefined): void {
  const options =
    destination.path !== undefined
      ? { unix: destination.path, data: owner, allowHalfOpen: true, socket: connectHandlers }
      : {
          hostname: destination.host,
          port: destination.port,
          data: owner,
          allowHalfOpen: true,
          socket: connectHandlers,
          ...(localAddress === undefined ? {} : { localAddress }),
        };
  // connectError has told the owner already; the promise says the same again.
  Bun.connect<SocketOwner>(options as unknown as Bun.TCPSocketConnectOptions<SocketOwner>).catch(ignore);
}

/** A sender whose reader is slow: smaller kernel buffers bring chunks of about 130 KiB instead of 512 KiB. */
const SLOW_RECEIVE_BUFFER_BYTES = 64 * 1024;

/** Bounds what one slow reader can make the process hold for the sender on this socket. */
export function shrinkReceiveBuffer(socket: Socket): void {
  // `fd` is there but missing in the types.
  setIntegerOption((socket as unknown as { fd: number }).fd, SOL_SOCKET, SO_RCVBUF, SLOW_RECEIVE_BUFFER_BYTES);
}

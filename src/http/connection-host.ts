/** What surrounds a client connection: where it was accepted, and the worker that has it. */
import type { TlsContext } from "../net/tls-context.ts";
import type { Connection } from "./connection.ts";
import type { AddressServers } from "./location.ts";
import type { Request } from "./request.ts";

/** A listening address as connections see it; a reload replaces `servers`. */
export interface ListenBinding {
  servers: AddressServers;
  /** Of the socket, as configured: 0.0.0.0:80. */
  readonly text: string;
  readonly isUnix: boolean;
  /** 0 for a unix socket. */
  readonly port: number;
  /** The configuration does not listen there any more: its connections are kept for no other request. */
  readonly closing: boolean;
}

/** What the worker offers its connections. */
export interface ConnectionHost {
  onConnectionClosed(connection: Connection): void;
  /** A request of it has become a tunnel. */
  onTunnel(r: Request): void;
  /** True while the worker shuts down: no connection is kept for another request. */
  readonly draining: boolean;
  /** The worker's way to others, where it has one. */
  readonly handover?: ConnectionHandover | undefined;
}

/** Connections go to the worker that can resume their sessions. */
export interface ConnectionHandover {
  /** A handshake begins with this context. */
  uses(context: TlsContext): void;
  /** Gives a connection away whose ClientHello, `bytes`, has these tickets; false where it stays. */
  give(connection: Connection, tickets: readonly string[], bytes: Uint8Array): boolean;
}

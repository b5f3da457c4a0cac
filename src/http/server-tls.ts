/** TLS of a server as connections see it, and the choice of a server for a ClientHello (ngx_http_ssl_servername). */
import { ERR, INFO } from "../net/error-log.ts";
import type { ClientHello } from "../net/tls-client-hello.ts";
import type { TlsContext } from "../net/tls-context.ts";
import type { TlsSession } from "../net/tls-session.ts";
import { verifyErrorText } from "../net/tls-verify-errors.ts";
import type { Connection } from "./connection.ts";
import { validateHost } from "./host.ts";
import type { AddressServers, Server } from "./location.ts";
import type { Request } from "./request.ts";

/** Compiled `ssl_*` directives of a server. */
export interface ServerTls {
  /** ssl_reject_handshake. */
  readonly rejectHandshake: boolean;
  readonly verifyClient: "off" | "on" | "optional" | "optional_no_ca";
  /** The certificates with their settings; undefined where the server has none of its own. */
  readonly identity: TlsIdentity | undefined;
  /** Whether the certificate of a client is good, beyond what BoringSSL has found: OpenSSL's error number, 0 for good. */
  verify(session: TlsSession): number;
}

/** Where a server's context comes from. */
export interface TlsIdentity {
  /** The context for a connection; a text (for the error log) where its certificates cannot be loaded. */
  context(connection: Connection, server: Server): TlsContext | string;
}

/** TLS of one connection. */
export interface ConnectionTls {
  readonly hello: ClientHello | undefined;
  /** The server named by SNI; undefined where none was found by it. */
  readonly named: NamedByClient | undefined;
  /** Set by the handshake's end. */
  session: TlsSession | undefined;
}

/** A server found by SNI, which requests that come later start from (hc->conf_ctx). */
export interface NamedByClient {
  readonly name: string;
  server: Server;
  /** Where it was found: a reload asks again. */
  servers: AddressServers;
}

/** What becomes of a handshake. */
export type TlsChoice =
  | { readonly context: TlsContext; readonly requestCertificate: boolean }
  | { readonly alert: number; readonly level: typeof ERR | typeof INFO; readonly message: string };

// Alerts of RFC 8446 6.2.
const HANDSHAKE_FAILURE = 40;
const INTERNAL_ERROR = 80;
const UNRECOGNIZED_NAME = 112;

/** Chooses the server and the certificate for a client, and sets `connection.tls`. `hello`: undefined for one that could not be read. */
export function chooseTls(connection: Connection, servers: AddressServers, hello: ClientHello | undefined): TlsChoice {
  const named = findNamed(servers, hello?.serverName ?? "");
  const server = named?.server ?? servers.defaultServer;
  if (server.tls?.rejectHandshake) return { alert: UNRECOGNIZED_NAME, level: INFO, message: "handshake rejected" };
  // A server without certificates of its own is reached with those of the default server.
  const owner = server.tls?.identity === undefined ? servers.defaultServer : server;
  const identity = owner.tls?.identity;
  if (identity === undefined) return { alert: HANDSHAKE_FAILURE, level: ERR, message: "no certificate is defined" };
  connection.tls = { hello, named, session: undefined };
  const context = identity.context(connection, server);
  if (typeof context === "string") return { alert: INTERNAL_ERROR, level: ERR, message: context };
  return { context, requestCertificate: owner.tls?.verifyClient !== "off" };
}

function findNamed(servers: AddressServers, serverName: string): NamedByClient | undefined {
  const name = serverName === "" ? undefined : validateHost(serverName);
  const server = name === undefined ? undefined : servers.find(name, undefined);
  return server === undefined || name === undefined ? undefined : { name, server, servers };
}

/** The server that requests of a connection start from: SNI's, else the default one. */
export function firstServer(servers: AddressServers, tls: ConnectionTls | undefined): Server {
  const named = tls?.named;
  if (named === undefined) return servers.defaultServer;
  if (named.servers !== servers) {
    named.server = servers.find(named.name, undefined) ?? servers.defaultServer;
    named.servers = servers;
  }
  return named.server;
}

/** A record with a fatal alert, in the clear, as servers answer before keys are agreed on. */
export function alertRecord(alert: number): Buffer {
  const ALERT_RECORD = 21;
  const FATAL = 2;
  return Buffer.from([ALERT_RECORD, 3, 3, 0, 2, FATAL, alert]);
}

/** Client certificates: the status that a request is refused with, 0 where it may go on (ngx_http_process_request). */
export function certificateVerdict(r: Request, session: TlsSession): number {
  const tls = r.server.tls;
  if (tls === undefined || tls.verifyClient === "off") return 0;
  const error = tls.verify(session);
  if (error !== 0 && !(tls.verifyClient === "optional_no_ca" && isOptionalError(error))) {
    r.log(INFO, `client SSL certificate verify error: (${error}:${verifyErrorText(error)})`);
    return 495;
  }
  if (tls.verifyClient === "on" && session.peerCertificates.length === 0) {
    r.log(INFO, "client sent no required SSL certificate");
    return 496;
  }
  return 0;
}

/** Errors that only say that the certificate's issuer is not known (ngx_ssl_verify_error_optional). */
function isOptionalError(error: number): boolean {
  return error === 18 || error === 19 || error === 20 || error === 21 || error === 27;
}

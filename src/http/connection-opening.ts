/** What comes on a connection before its first request: the header of the PROXY protocol, then a ClientHello and TLS. */
import { HANDSHAKING, TLS_FAILURES, TLS_HANDSHAKES } from "../metrics/cells.ts";
import { count, uncount } from "../metrics/counters.ts";
import { ERR, INFO } from "../net/error-log.ts";
import type { PlainSocket } from "../net/plain-socket.ts";
import { beginsTls, MAX_HELLO_BYTES, readClientHello } from "../net/tls-client-hello.ts";
import { acceptTls, type TlsSocket } from "../net/tls-socket.ts";
import type { Connection } from "./connection.ts";
import type { AddressServers } from "./location.ts";
import { ProxyHeaderParser } from "./proxy-protocol.ts";
import { alertRecord, chooseTls } from "./server-tls.ts";

/** What was fed must be kept, and fed again with what follows. */
export const KEEP = -1;

const BROKEN_HANDSHAKE = "peer closed connection in SSL handshake";

type Stage = "proxy" | "hello" | "handshake" | "done";

/** Made for connections that do not begin with a request. */
export class ConnectionOpening {
  private readonly connection: Connection;
  private stage: Stage;
  private readonly proxyParser = new ProxyHeaderParser();
  /** Another worker may get it. */
  private mayGo = true;

  constructor(connection: Connection, servers: AddressServers) {
    this.connection = connection;
    this.stage = servers.proxyProtocol ? "proxy" : "hello";
  }

  /** Requests may come. */
  get done(): boolean {
    return this.stage === "done";
  }

  /** TLS is at work: it notices itself when the client leaves. */
  get handshaking(): boolean {
    return this.stage === "handshake";
  }

  /** What the connection does, for the log. */
  get action(): string {
    return this.stage === "proxy" ? "reading PROXY protocol" : "SSL handshaking";
  }

  /** Feeds input[from..). Returns the index of the first byte that is not taken, or KEEP. */
  feed(input: Buffer, from: number): number {
    return this.stage === "proxy" ? this.readProxyHeader(input, from) : this.readHello(input, from);
  }

  /** It comes from another worker: the ClientHello is next, and it stays here. */
  continueWithHello(): void {
    this.stage = "hello";
    this.mayGo = false;
  }

  private readProxyHeader(input: Buffer, from: number): number {
    const { connection, proxyParser } = this;
    const at = proxyParser.feed(input, from, input.length);
    if (at === -1) return input.length;
    if (at === -2) {
      if (proxyParser.error !== "") connection.logEarly(ERR, proxyParser.error);
      connection.close();
      return input.length;
    }
    connection.proxyHeader = proxyParser.header;
    this.stage = connection.binding.servers.tls ? "hello" : "done";
    return at;
  }

  /** The first bytes tell TLS from HTTP that came to the wrong port. */
  private readHello(input: Buffer, from: number): number {
    const { connection } = this;
    if (!beginsTls(input[from]!)) {
      connection.withoutTls = true;
      this.stage = "done";
      return from;
    }
    const bytes = from === 0 ? input : input.subarray(from);
    const hello = readClientHello(bytes);
    if (hello === "incomplete" && bytes.length < MAX_HELLO_BYTES) return KEEP;
    if (typeof hello !== "string" && hello.ticketKeys.length > 0 && this.mayGo) {
      if (connection.host.handover?.give(connection, hello.ticketKeys, bytes) === true) {
        connection.close();
        return input.length;
      }
    }
    const { servers } = connection.binding;
    const choice = chooseTls(connection, servers, typeof hello === "string" ? undefined : hello);
    if ("alert" in choice) {
      connection.logEarly(choice.level, choice.message);
      const alert = alertRecord(choice.alert);
      connection.socket.write(alert, alert.length);
      count(TLS_FAILURES);
      connection.close();
      return input.length;
    }
    connection.host.handover?.uses(choice.context);
    this.stage = "handshake";
    count(HANDSHAKING);
    const plain = connection.socket as PlainSocket;
    connection.useSocket(acceptTls(plain, choice.context, choice.requestCertificate, connection, bytes));
    return input.length;
  }

  handshakeEnded(): void {
    const { connection } = this;
    connection.tls!.session = (connection.socket as TlsSocket).session;
    this.stage = "done";
    uncount(HANDSHAKING);
    count(TLS_HANDSHAKES);
  }

  handshakeFailed(message: string): void {
    count(TLS_FAILURES);
    const text = message === "" ? BROKEN_HANDSHAKE : `SSL_do_handshake() failed (SSL: ${message})`;
    this.connection.logEarly(INFO, text);
  }

  /** The client sent FIN; `begun`: a part of its hello has come. */
  clientEnded(begun: boolean): void {
    const { connection } = this;
    if (this.stage === "proxy") {
      const broken = this.proxyParser.brokenOff();
      if (broken === undefined) connection.logEarly(INFO, "client closed connection");
      else connection.logEarly(ERR, broken);
    } else if (this.stage === "hello") connection.logEarly(INFO, begun ? BROKEN_HANDSHAKE : "client closed connection");
  }

  clientReset(begun: boolean): void {
    const inHello = this.stage === "hello" && begun;
    this.connection.logEarly(INFO, `${inHello ? BROKEN_HANDSHAKE : "recv() failed"} (104: Connection reset by peer)`);
  }

  /** The connection is gone. */
  release(): void {
    if (this.handshaking) uncount(HANDSHAKING);
  }
}

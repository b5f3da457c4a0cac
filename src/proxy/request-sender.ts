/**
 * The request side of an exchange: takes the client's body, and sends head and body to a peer, to the next one again
 * where the first failed. Hot: a request without body is one write.
 */
import { chunkHead } from "../http/chunked.ts";
import { type BodyConsumer, testExpect } from "../http/request-body.ts";
import { Spool } from "../http/spool.ts";
import { NOTICE, WARN } from "../net/error-log.ts";
import type { UpstreamExchange } from "./exchange.ts";
import type { UpstreamConnection } from "./upstream-connection.ts";
import type { OutgoingRequest } from "./upstream-protocol.ts";

/** client_body_in_file_only: whether a body's file keeps its name, and how long. */
const BODY_FILE_NAMING = { off: "unlinked", clean: "clean", on: "kept" } as const;

/** A request body goes to the upstream in pieces of this size. */
const BODY_PIECE_BYTES = 64 * 1024;

/** Heads are made here: they leave in the same call. */
const scratch = Buffer.allocUnsafe(64 * 1024);

export class RequestSender implements BodyConsumer, OutgoingRequest {
  private readonly exchange: UpstreamExchange;
  readonly hostHeader: string;
  bodyLength = -1;
  chunked = false;
  /** Made once, the same for every try. */
  head = "";
  method: string;
  uri = "";
  fixedBody: Buffer | undefined = undefined;
  private body: Spool | undefined = undefined;
  /** The client's body goes to the upstream as it comes (proxy_request_buffering off). */
  streaming = false;
  private bodyEnded = true;
  /** Everything has left for the peer of this try. */
  sent = false;
  /** Some byte has left for the peer of this try: it may have been acted on. */
  begun = false;

  constructor(exchange: UpstreamExchange) {
    this.exchange = exchange;
    this.hostHeader = exchange.target.url.hostHeader;
    this.method = exchange.r.method;
  }

  /** Reads the client's body as far as it has to be known, then goes on with `exchange.connect`. */
  start(): void {
    const { exchange } = this;
    const { r } = exchange;
    testExpect(r);
    if (r.body === undefined) {
      this.bodyLength = r.contentLength;
      if (r.contentLength === 0 && r.location.core.clientBodyInFileOnly !== "off") {
        this.makeSpool();
        this.onBodyEnd();
      } else this.begin();
      return;
    }
    if (r.body.complete && r.bodySpool !== undefined) {
      // Read for another upstream, before an error page or X-Accel-Redirect led here.
      this.body = r.bodySpool;
      this.bodyLength = this.body.bytes;
      this.begin();
      return;
    }
    this.makeSpool();
    this.bodyEnded = false;
    r.body.read(this);
    if (!this.mayStream()) return;
    // A body that has come in full with the head is sent like a buffered one, as in nginx.
    r.connection.feedWaitingBody();
    if (this.bodyEnded || exchange.state !== "body") return;
    r.connection.bodyPaused();
    r.connection.pauseReading();
    this.streaming = true;
    this.chunked = r.chunked;
    this.bodyLength = r.contentLength;
    this.begin();
  }

  private makeSpool(): void {
    const { r } = this.exchange;
    const { clientBodyBufferBytes, clientBodyTempPath, clientBodyInFileOnly } = r.location.core;
    // A body that is known to be little larger gets a buffer of its size (ngx_http_read_client_request_body).
    const whole = !r.chunked && r.contentLength < clientBodyBufferBytes + (clientBodyBufferBytes >> 2);
    const memoryBytes = whole ? r.contentLength : clientBodyBufferBytes;
    const naming = BODY_FILE_NAMING[clientBodyInFileOnly];
    this.body = new Spool("replay", memoryBytes, Number.POSITIVE_INFINITY, clientBodyTempPath, naming);
    r.bodySpool = this.body;
  }

  private mayStream(): boolean {
    const { settings, r } = this.exchange;
    const { protocol } = settings;
    if (settings.requestBuffering || protocol.replacesBody || !settings.passRequestBody) return false;
    return !r.chunked || protocol.sendsChunks;
  }

  /** The request is known as far as it has to be: makes its head and asks the first peer. */
  private begin(): void {
    const { exchange } = this;
    const { settings } = exchange;
    if (!settings.protocol.makeRequest(exchange.r, exchange.target, this)) {
      exchange.finish(500);
      return;
    }
    if (this.fixedBody !== undefined || !settings.passRequestBody) this.body = undefined;
    exchange.connect();
  }

  onBody(chunk: Buffer): boolean {
    if (this.streaming) return this.sendBodyPiece(chunk);
    const body = this.body!;
    const { inFile } = body;
    const taken = body.append(chunk);
    if (!inFile) this.tellOfBodyFile();
    if (!taken && body.failure !== undefined) this.bodyLost(body.failure);
    return true;
  }

  private bodyLost(message: string): void {
    this.exchange.r.logError(message);
    this.exchange.finish(500);
  }

  private tellOfBodyFile(): void {
    const { r } = this.exchange;
    const body = this.body!;
    if (!body.inFile) return;
    const level = r.location.core.clientBodyInFileOnly === "off" ? WARN : NOTICE;
    r.log(level, `a client request body is buffered to a temporary file ${body.fileName}`);
  }

  onBodyEnd(): void {
    const { exchange } = this;
    this.bodyEnded = true;
    if (this.streaming) {
      const { connection } = exchange;
      if (exchange.state === "done" || connection === undefined) return;
      if (this.chunked) connection.write(Buffer.from("0\r\n\r\n", "latin1"));
      if (!connection.blocked) this.allSent();
      return;
    }
    const body = this.body!;
    this.bodyLength = body.bytes;
    if (exchange.r.location.core.clientBodyInFileOnly !== "off" && !body.inFile) {
      if (!body.toFile()) {
        this.bodyLost(body.failure!);
        return;
      }
      this.tellOfBodyFile();
    }
    if (exchange.state === "body") this.begin();
  }

  onBodyError(status: number): void {
    this.exchange.finish(status);
  }

  /** Another peer will be asked: nothing has been sent to it yet. */
  newTry(): void {
    this.sent = false;
    this.begun = false;
  }

  /** Sends the request, as far as the connection takes it. */
  send(connection: UpstreamConnection): void {
    this.begun = true;
    const text = this.head;
    if (text.length > scratch.length) connection.write(Buffer.from(text, "latin1"));
    else {
      let length = scratch.latin1Write(text, 0);
      const small = this.fixedBody;
      if (small !== undefined && length + small.length <= scratch.length) length += small.copy(scratch, length);
      else if (small !== undefined) connection.write(Buffer.from(text, "latin1"));
      if (small === undefined || length > text.length || small.length === 0) connection.writeShared(scratch, length);
      else connection.write(small);
    }
    if (this.streaming) {
      this.exchange.armSend();
      this.sendGathered();
      this.exchange.r.body!.proceed();
      return;
    }
    this.body?.rewind();
    this.sendBody(connection);
  }

  /** The connection takes bytes again. */
  onDrain(connection: UpstreamConnection): void {
    if (this.sent) return;
    if (!this.streaming) this.sendBody(connection);
    else if (this.bodyEnded) this.allSent();
    else {
      this.exchange.armSend();
      this.exchange.r.body!.proceed();
    }
  }

  private sendBodyPiece(chunk: Buffer): boolean {
    const { connection, state } = this.exchange;
    if (connection === undefined || state === "done") return true;
    if (!this.chunked) return connection.write(chunk);
    connection.write(Buffer.from(chunkHead(chunk.length), "latin1"));
    connection.write(chunk);
    return connection.write(Buffer.from("\r\n", "latin1"));
  }

  /** Of a body that is streamed: what came with the head. */
  private sendGathered(): void {
    const body = this.body!;
    body.rewind();
    for (;;) {
      const piece = body.read(BODY_PIECE_BYTES);
      if (piece === undefined) return;
      this.sendBodyPiece(piece);
    }
  }

  /** Sends the buffered body as far as the upstream takes it. */
  private sendBody(connection: UpstreamConnection): void {
    const { body } = this;
    if (body !== undefined) {
      while (!connection.blocked) {
        const piece = body.read(BODY_PIECE_BYTES);
        if (piece === undefined) break;
        connection.write(piece);
      }
    }
    if (connection.blocked || (body !== undefined && body.unread > 0)) this.exchange.armSend();
    else this.allSent();
  }

  private allSent(): void {
    this.sent = true;
    this.exchange.onRequestSent();
  }
}

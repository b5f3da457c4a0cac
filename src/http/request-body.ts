/** A request's body on its way in: framed by Content-Length or chunks, to a consumer or to nowhere. */
import { ERR, INFO } from "../net/error-log.ts";
import { ChunkedDecoder } from "./chunked.ts";
import { finalize } from "./finalize.ts";
import type { Request } from "./request.ts";
import { OK } from "./verdict.ts";

/** Takes body bytes as they come. */
export interface BodyConsumer {
  /** The chunk holds only during the call. False: no more until `RequestBody.proceed`. */
  onBody(chunk: Buffer): boolean;
  onBodyEnd(): void;
  /** Reading ended early: the status that nginx would finish with (400, 408, 413). */
  onBodyError(status: number): void;
}

export class RequestBody {
  private readonly r: Request;
  private readonly decoder: ChunkedDecoder | undefined;
  /** Bytes still to come of a body with Content-Length. */
  private left: number;
  private consumer: BodyConsumer | undefined = undefined;
  private discarding = false;
  /** Body bytes read so far, without chunk framing. */
  bytes = 0;
  /** Bytes read so far as they were on the wire, for $request_length. */
  wireBytes = 0;
  complete = false;
  /** What is fed next came with the head: not counted in $request_length when it is refused, as with nginx. */
  private withHead: boolean;
  private feeding = false;
  /** `discard` is looking at what has come, and gives what is wrong with it to its caller. */
  private refusing = false;
  private refusal = OK;

  constructor(r: Request, withHead: boolean) {
    this.r = r;
    this.withHead = withHead;
    this.decoder = r.chunked ? new ChunkedDecoder(false) : undefined;
    this.left = r.chunked ? 0 : r.contentLength;
  }

  /** Starts reading into `consumer`; sends 100 Continue first where the client waits for it. */
  read(consumer: BodyConsumer): void {
    testExpect(this.r);
    this.consumer = consumer;
    if (this.complete) {
      consumer.onBodyEnd();
      return;
    }
    this.r.connection.readBody();
  }

  /** The consumer takes bytes again. */
  proceed(): void {
    if (!this.complete) this.r.connection.readBody();
  }

  /**
   * From here on the body is thrown away; what has come of it already, at once. OK, or the status to answer with where
   * that was not a body (ngx_http_discard_request_body).
   */
  discard(): number {
    this.consumer = undefined;
    if (this.discarding || this.complete) return OK;
    this.discarding = true;
    if (this.feeding) return OK;
    this.refusing = true;
    this.r.connection.feedWaitingBody();
    this.refusing = false;
    return this.refusal;
  }

  get discarded(): boolean {
    return this.discarding;
  }

  /** Reads from a chunk of the connection; returns the index after what it took. */
  feed(chunk: Buffer, from: number): number {
    this.feeding = true;
    const at = this.take(chunk, from);
    this.feeding = false;
    return at;
  }

  private take(chunk: Buffer, from: number): number {
    const { connection } = this.r;
    connection.armBodyTimer();
    let at = from;
    let more = true;
    if (this.decoder === undefined) {
      const end = Math.min(chunk.length, from + this.left);
      this.left -= end - from;
      if (!this.discarding) this.wireBytes += end - from;
      more = this.deliver(chunk, from, end);
      at = end;
      if (this.left === 0) this.finish();
    } else {
      const { decoder } = this;
      const before = this.wireBytes;
      const length = this.withHead ? 0 : chunk.length - from;
      while (at < chunk.length && more && !decoder.done && !decoder.failed && !this.discardEnded()) {
        at = decoder.next(chunk, at);
        if (decoder.dataEnd === decoder.dataStart) continue;
        if (this.tooLarge(decoder.dataEnd - decoder.dataStart + decoder.chunkLeft)) {
          this.wireBytes = before + length;
          this.fail(413);
          return chunk.length;
        }
        more = this.deliver(chunk, decoder.dataStart, decoder.dataEnd);
      }
      if (decoder.failed) {
        if (!this.discarding) this.wireBytes = before + length;
        this.r.log(ERR, "client sent invalid chunked body");
        this.fail(400);
        return chunk.length;
      }
      if (!this.discarding) this.wireBytes = before + at - from;
      if (decoder.done) this.finish();
    }
    this.withHead = false;
    if (!more && !this.complete) {
      connection.bodyPaused();
      connection.pauseReading();
    }
    return at;
  }

  /** The client went away in the middle of the body. */
  onClientGone(reset: boolean): void {
    if (reset) this.r.log(INFO, "recv() failed (104: Connection reset by peer)");
    else if (!this.discarding) this.r.log(INFO, "client prematurely closed connection");
    this.r.connection.broken = true;
    this.fail(400);
  }

  onTimeout(): void {
    this.fail(408);
  }

  /** Lets go of what the body holds. */
  release(): void {
    this.consumer = undefined;
  }

  private discardEnded(): boolean {
    return this.r.finished && !this.r.keepAlive;
  }

  /** A chunk of which `bytes` are not read yet makes the body larger than client_max_body_size. */
  private tooLarge(bytes: number): boolean {
    const limit = this.r.location.core.clientMaxBodyBytes;
    if (this.consumer === undefined || limit === 0 || limit - this.bytes >= bytes) return false;
    this.r.log(ERR, `client intended to send too large chunked body: ${this.bytes}+${bytes} bytes`);
    return true;
  }

  private deliver(chunk: Buffer, start: number, end: number): boolean {
    this.bytes += end - start;
    if (this.consumer === undefined || end === start) return true;
    return this.consumer.onBody(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end));
  }

  private finish(): void {
    if (this.complete) return;
    this.complete = true;
    this.r.connection.bodyPaused();
    const { consumer } = this;
    this.consumer = undefined;
    consumer?.onBodyEnd();
    if (this.discarding) this.r.connection.onBodyDiscarded();
  }

  private fail(status: number): void {
    const { consumer, r } = this;
    this.consumer = undefined;
    r.keepAlive = false;
    if (this.refusing) {
      this.refusal = status;
      return;
    }
    if (consumer !== undefined) {
      this.r.connection.bodyPaused();
      consumer.onBodyError(status);
    } else if (!r.finished) {
      finalize(r, status);
    } else {
      r.connection.close();
    }
  }
}

/** Tells a client that waits for it to send its body (RFC 9110 10.1.1); nginx does so without looking for a body. */
export function testExpect(r: Request): void {
  if (!r.expectContinue) return;
  r.expectContinue = false;
  if (r.httpVersion < 1001 || r.headSent) return;
  r.connection.output.text("HTTP/1.1 100 Continue\r\n\r\n");
  r.connection.flush();
}

/**
 * An unread request body is read and thrown away, so that the connection can be kept. OK, or the status to answer with
 * where what has come of it is no body.
 */
export function discardBody(r: Request): number {
  testExpect(r);
  return r.body === undefined ? OK : r.body.discard();
}

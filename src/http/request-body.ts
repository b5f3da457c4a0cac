/** A request's body on its way in: framed by Content-Length or chunks, to a consumer or to nowhere. */
import { ERR, INFO } from "../net/error-log.ts";
import { ChunkedDecoder } from "./chunked.ts";
import { finalize } from "./phases.ts";
import type { Request } from "./request.ts";

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

  constructor(r: Request) {
    this.r = r;
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

  /** From here on the body is thrown away. */
  discard(): void {
    this.consumer = undefined;
    if (this.discarding || this.complete) return;
    this.discarding = true;
  }

  get discarded(): boolean {
    return this.discarding;
  }

  /** Reads from a chunk of the connection; returns the index after what it took. */
  feed(chunk: Buffer, from: number): number {
    const { connection } = this.r;
    connection.armBodyTimer();
    let at = from;
    let more = true;
    if (this.decoder === undefined) {
      const end = Math.min(chunk.length, from + this.left);
      this.left -= end - from;
      this.wireBytes += end - from;
      more = this.deliver(chunk, from, end);
      at = end;
      if (this.left === 0) this.finish();
    } else {
      const { decoder } = this;
      while (at < chunk.length && more && !decoder.done && !decoder.failed && !this.discardEnded()) {
        const next = decoder.next(chunk, at);
        this.wireBytes += next - at;
        at = next;
        if (decoder.dataEnd > decoder.dataStart) more = this.deliver(chunk, decoder.dataStart, decoder.dataEnd);
      }
      if (decoder.failed) {
        this.r.log(ERR, "client sent invalid chunked body");
        this.fail(400);
        return chunk.length;
      }
      if (decoder.done) this.finish();
    }
    if (!more && !this.complete) {
      connection.bodyPaused();
      connection.pauseReading();
    }
    return at;
  }

  /** The client went away in the middle of the body. */
  onClientGone(): void {
    this.r.log(INFO, "client prematurely closed connection");
    this.r.connection.broken = true;
    this.fail(400);
  }

  onTimeout(): void {
    this.r.log(INFO, "client timed out (110: Connection timed out)");
    this.fail(408);
  }

  /** Lets go of what the body holds. */
  release(): void {
    this.consumer = undefined;
  }

  private discardEnded(): boolean {
    return this.r.finished && !this.r.keepAlive;
  }

  private deliver(chunk: Buffer, start: number, end: number): boolean {
    this.bytes += end - start;
    if (this.consumer === undefined || end === start) return true;
    const limit = this.r.location.core.clientMaxBodyBytes;
    if (this.decoder !== undefined && limit > 0 && this.bytes > limit) {
      this.r.log(ERR, `client intended to send too large chunked body: ${this.bytes} bytes`);
      this.fail(413);
      return true;
    }
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

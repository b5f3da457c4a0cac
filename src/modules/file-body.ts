/**
 * Sends files: small ones with their head in one write, large ones in pieces as the client takes them. A slow client
 * costs a descriptor and no memory: what its socket does not take is read again later.
 */
import { finalize, queueBody, queueEnd } from "../http/phases.ts";
import type { BodyProducer, Request } from "../http/request.ts";
import { AGAIN, OK } from "../http/verdict.ts";
import { ALERT } from "../net/error-log.ts";
import { type Deferred, defer } from "../net/event-loop.ts";
import { closeDescriptor, readAt } from "../net/libc.ts";
import type { RangedBody } from "./range.ts";

/** Up to this size a file leaves together with its head. */
export const WHOLE_FILE_BYTES = 64 * 1024;
/** One read of a larger file. */
const PIECE_BYTES = 256 * 1024;
/** After so many bytes of one file other clients get a turn (nginx's sendfile_max_chunk). */
const TURN_BYTES = 2 * 1024 * 1024;
/** The same where a filter works on every byte. */
const FILTERED_TURN_BYTES = 512 * 1024;

/** Holds a piece from its read to its write, within one call: one buffer serves all files. */
const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);

/** An open file that is being sent as the body of a request. */
export class FileBody implements BodyProducer, Deferred {
  private readonly r: Request;
  private fd: number;
  private readonly path: string;
  private readonly ranges: RangedBody["ranges"];
  private readonly tail: string;
  private range = 0;
  /** Position in the file; -1 before the head of the range has been queued. */
  private position = -1;
  private pumping = false;

  /** Takes the descriptor over: it is closed when the body has been sent, or by `close`. */
  constructor(r: Request, fd: number, path: string, size: number, ranged: RangedBody | undefined) {
    this.r = r;
    this.fd = fd;
    this.path = path;
    this.ranges = ranged?.ranges ?? [{ start: 0, end: size, head: "" }];
    this.tail = ranged?.tail ?? "";
  }

  /** Queues the whole body if it is small, else begins to send it; returns the content handler's verdict. */
  send(): number {
    let bytes = 0;
    for (const { start, end } of this.ranges) bytes += end - start;
    if (bytes <= WHOLE_FILE_BYTES) return this.sendWhole();
    this.r.producer = this;
    this.pump();
    return AGAIN;
  }

  onWritable(): void {
    if (!this.pumping) this.pump();
  }

  /** Closes the file; harmless when it is closed already. */
  close(): void {
    if (this.fd < 0) return;
    closeDescriptor(this.fd);
    this.fd = -1;
  }

  private sendWhole(): number {
    const { r } = this;
    for (const { start, end, head } of this.ranges) {
      if (head !== "") queueBody(r, Buffer.from(head, "latin1"));
      const buffer = Buffer.allocUnsafe(end - start);
      let got = 0;
      while (got < buffer.length) {
        const room = got === 0 ? buffer : buffer.subarray(got);
        const count = readAt(this.fd, room, room.length, start + got);
        if (count <= 0) return this.truncated(start + got);
        got += count;
      }
      queueBody(r, buffer);
    }
    return this.ended();
  }

  private pump(): void {
    this.pumping = true;
    const { r } = this;
    const { connection } = r;
    const turnBytes = r.bodyFilter === undefined ? TURN_BYTES : FILTERED_TURN_BYTES;
    let turn = 0;
    while (connection.open && this.fd >= 0) {
      const range = this.ranges[this.range];
      if (range === undefined) {
        r.producer = undefined;
        finalize(r, this.ended());
        break;
      }
      if (turn >= turnBytes) {
        defer(this);
        break;
      }
      if (this.position < 0) {
        this.position = range.start;
        if (range.head !== "") queueBody(r, Buffer.from(range.head, "latin1"));
      }
      const wanted = Math.min(PIECE_BYTES, range.end - this.position);
      const count = readAt(this.fd, piece, wanted, this.position);
      if (count <= 0) {
        this.truncated(this.position);
        break;
      }
      if (!this.write(count, range.end)) break;
      turn += count;
    }
    this.pumping = false;
  }

  /** Sends what was read; false when the client must take bytes first. */
  private write(count: number, end: number): boolean {
    const { r } = this;
    const { connection } = r;
    // The shared buffer may only stay queued in this call; chunk framing cannot be taken back, so it gets a copy.
    // A filter takes the bytes at once.
    const filtered = r.bodyFilter !== undefined;
    const shared = !r.chunkedOut && !filtered;
    queueBody(r, shared || filtered ? piece.subarray(0, count) : Buffer.from(piece.subarray(0, count)));
    this.position += count;
    const flushed = connection.flush();
    if (!flushed && shared) this.position -= connection.output.unqueue(count);
    if (this.position === end) {
      this.range++;
      this.position = -1;
    }
    return flushed;
  }

  onTurn(): void {
    if (!this.pumping && this.r.producer === this && this.r.connection.open) this.pump();
  }

  private ended(): number {
    this.close();
    if (this.tail !== "") queueBody(this.r, Buffer.from(this.tail, "latin1"));
    queueEnd(this.r, "");
    return OK;
  }

  /** The head promised more: the connection ends, so that the client sees that bytes are missing. */
  private truncated(position: number): number {
    this.r.log(ALERT, `file "${this.path}" was truncated at ${position}`);
    this.close();
    this.r.connection.close();
    return AGAIN;
  }
}

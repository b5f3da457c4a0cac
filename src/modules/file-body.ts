/**
 * Sends files in pieces as the client takes them, the first one with the head. A slow client costs a descriptor and no
 * memory: what its socket does not take is read again later.
 */
import { finalize } from "../http/finalize.ts";
import type { BodyProducer, Request } from "../http/request.ts";
import { queueBody, queueEnd } from "../http/response-output.ts";
import { AGAIN, OK } from "../http/verdict.ts";
import { ALERT } from "../net/error-log.ts";
import { type Deferred, defer } from "../net/event-loop.ts";
import { closeDescriptor, readAt } from "../net/libc.ts";
import type { RangedBody } from "./range.ts";

/** One read. What of a file fits leaves together with its head. */
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

  /** Sends as much as the client takes; returns the content handler's verdict. */
  send(): number {
    this.r.producer = this;
    return this.pump();
  }

  onWritable(): void {
    this.goOn();
  }

  private goOn(): void {
    if (this.pumping) return;
    if (this.pump() === OK) finalize(this.r, OK);
  }

  /** Closes the file; harmless when it is closed already. */
  close(): void {
    if (this.fd < 0) return;
    closeDescriptor(this.fd);
    this.fd = -1;
  }

  /** OK when all of it is queued, AGAIN when the client must take bytes first, or nothing more can be sent. */
  private pump(): number {
    this.pumping = true;
    const { r } = this;
    const { connection } = r;
    const turnBytes = r.bodyFilter === undefined ? TURN_BYTES : FILTERED_TURN_BYTES;
    let turn = 0;
    let verdict = AGAIN;
    while (connection.open && this.fd >= 0) {
      const range = this.ranges[this.range];
      if (range === undefined) {
        verdict = this.ended();
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
    return verdict;
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
    if (this.r.producer === this && this.r.connection.open) this.goOn();
  }

  private ended(): number {
    this.r.producer = undefined;
    this.close();
    if (this.tail !== "") queueBody(this.r, Buffer.from(this.tail, "latin1"));
    queueEnd(this.r, "");
    return OK;
  }

  /** The head promised more: the connection ends, so that the client sees that bytes are missing. */
  private truncated(position: number): void {
    this.r.log(ALERT, `file "${this.path}" was truncated at ${position}`);
    this.close();
    this.r.connection.close();
  }
}

/**
 * The write side of one client connection. Hot: what one event produces (head, chunk sizes, body) is queued and leaves
 * in a single write; a short write keeps the rest and tells the producer to wait for `onWritable`.
 */
import { isReceived, kept } from "../net/received-bytes.ts";
import type { Socket } from "../net/socket.ts";

/** Below this size pieces are copied together: one 64 KiB copy costs less than a second system call. */
const COALESCE_BYTES = 64 * 1024;

const scratch = Buffer.allocUnsafe(COALESCE_BYTES);

export class Output {
  private socket: Socket;
  private pieces: (string | Buffer)[] = [];
  /** Bytes queued and not yet taken by the socket. */
  pendingBytes = 0;
  /** Bytes the socket took since the connection began. */
  sentBytes = 0;
  /** The socket is full: wait for its drain event. */
  blocked = false;
  /** Pieces are queued that belong to the receive buffer. */
  private borrowed = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** TLS has begun: what is written goes through it. */
  useSocket(socket: Socket): void {
    this.socket = socket;
  }

  /** Queues text, one byte per char. */
  text(text: string): void {
    this.pieces.push(text);
    this.pendingBytes += text.length;
  }

  /** Queues bytes; the buffer belongs to the output from here on. Received bytes are copied if they don't leave at once. */
  bytes(chunk: Buffer): void {
    if (isReceived(chunk)) this.borrowed = true;
    this.pieces.push(chunk);
    this.pendingBytes += chunk.length;
  }

  /**
   * Writes what is queued, at most `limit` bytes of it. True when nothing is left over.
   * A closed socket swallows everything: its onClose ends the request.
   */
  flush(limit: number): boolean {
    const done = this.send(limit);
    if (this.borrowed) {
      this.borrowed = false;
      if (!done) this.keepPieces();
    }
    return done;
  }

  private keepPieces(): void {
    const { pieces } = this;
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!;
      if (typeof piece !== "string") pieces[i] = kept(piece);
    }
  }

  private send(limit: number): boolean {
    if (this.blocked) return false;
    while (this.pendingBytes > 0) {
      if (limit <= 0) return false;
      const written = this.writeSome(limit);
      if (written < 0) {
        this.discard();
        return true;
      }
      this.sentBytes += written;
      this.pendingBytes -= written;
      limit -= written;
      if (this.blocked) return false;
    }
    return true;
  }

  /** Called on the socket's drain event. */
  drained(): void {
    this.blocked = false;
  }

  /**
   * Takes back up to `bytes` bytes from the end of what is queued; returns how many. For producers that can read them
   * again, so that a slow client's output holds no memory.
   */
  unqueue(bytes: number): number {
    let left = Math.min(bytes, this.pendingBytes);
    const taken = left;
    this.pendingBytes -= taken;
    while (left > 0) {
      const last = this.pieces.pop()!;
      if (last.length > left) {
        const kept = last.length - left;
        this.pieces.push(typeof last === "string" ? last.slice(0, kept) : last.subarray(0, kept));
        left = 0;
      } else {
        left -= last.length;
      }
    }
    return taken;
  }

  /** Takes what is queued out, as bytes, if anything is: somebody else writes to the socket from here on. */
  takePending(): Buffer[] | undefined {
    if (this.pieces.length === 0) return undefined;
    const out = this.pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece, "latin1") : piece));
    this.discard();
    return out;
  }

  discard(): void {
    this.pieces.length = 0;
    this.pendingBytes = 0;
  }

  /** One system call; drops what was written from the queue. Returns the bytes taken, -1 when the socket is closed. */
  private writeSome(limit: number): number {
    const first = this.pieces[0]!;
    if (typeof first !== "string" && (this.pieces.length === 1 || first.length >= COALESCE_BYTES)) {
      return this.writeWhole(first, limit);
    }
    let used = 0;
    let count = 0;
    for (; count < this.pieces.length; count++) {
      const piece = this.pieces[count]!;
      if (used + piece.length > COALESCE_BYTES) break;
      if (typeof piece === "string") scratch.latin1Write(piece, used);
      else piece.copy(scratch, used);
      used += piece.length;
    }
    if (count === 0) {
      // A single text longer than the scratch buffer: rare (a huge `return` body), so it may cost a copy.
      const whole = Buffer.from(first as string, "latin1");
      this.pieces[0] = whole;
      return this.writeWhole(whole, limit);
    }
    const wanted = Math.min(used, limit);
    const written = this.socket.write(scratch, wanted);
    if (written < 0) return -1;
    if (written < wanted) this.blocked = true;
    if (count === this.pieces.length) this.pieces.length = 0;
    else this.pieces.splice(0, count);
    if (written < used) this.pieces.unshift(Buffer.from(scratch.subarray(written, used)));
    return written;
  }

  private writeWhole(piece: Buffer, limit: number): number {
    const wanted = Math.min(piece.length, limit);
    const written = this.socket.write(piece, wanted);
    if (written < 0) return -1;
    if (written < wanted) this.blocked = true;
    if (written === piece.length) this.pieces.shift();
    else this.pieces[0] = piece.subarray(written);
    return written;
  }
}

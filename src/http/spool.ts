/** Bodies on their way through: in memory as long as they are small, then in a temporary file. */
import { closeSync, ftruncateSync, readSync, unlinkSync, writeSync } from "node:fs";
import type { LeveledPath } from "../config/list-arguments.ts";
import { exceptionErrno, numberedException } from "../net/libc.ts";
import { filePiece, kept } from "../net/received-bytes.ts";
import { createTempFile } from "./temp-directory.ts";

/**
 * `replay`: every byte can be read again after `rewind`; what outgrows memory moves to the file as a whole, as nginx
 * keeps request bodies. `fifo`: what has been read is gone and its room is free again, as nginx buffers responses.
 */
export type SpoolKind = "replay" | "fifo";

/** What becomes of the file's name: removed at creation, removed by `release`, or left (client_body_in_file_only). */
export type SpoolName = "unlinked" | "clean" | "kept";

/**
 * A store of bytes, written at its end and read from its front. Memory stays below `memoryBytes` plus one chunk.
 * File access is synchronous: pages of a temporary file are in the page cache, where a copy is cheaper than a thread.
 */
export class Spool {
  /** Bytes appended so far. */
  bytes = 0;
  /** nginx's words for the failed system call, once one failed; the spool takes nothing more then. */
  failure: string | undefined = undefined;
  private readonly kind: SpoolKind;
  private readonly memoryBytes: number;
  private readonly maxFileBytes: number;
  private readonly directory: LeveledPath;
  private readonly naming: SpoolName;

  private chunks: Buffer[] = [];
  private heldBytes = 0;
  /** The cursor: a chunk's index (always 0 in a fifo) and the offset in it. */
  private chunkIndex = 0;
  private chunkOffset = 0;

  private fd = -1;
  private name: string | undefined = undefined;
  private fileBytes = 0;
  private fileOffset = 0;

  /**
   * @param memoryBytes above that, bytes go to a file
   * @param maxFileBytes size at which the file is full; 0 for no file at all, Infinity for no limit
   */
  constructor(
    kind: SpoolKind,
    memoryBytes: number,
    maxFileBytes: number,
    directory: LeveledPath,
    naming: SpoolName = "unlinked",
  ) {
    this.kind = kind;
    this.memoryBytes = memoryBytes;
    this.maxFileBytes = maxFileBytes;
    this.directory = directory;
    this.naming = naming;
  }

  /** Bytes that can be read before the source has to deliver more. */
  get unread(): number {
    if (this.kind === "fifo") return this.heldBytes - this.chunkOffset + this.fileBytes - this.fileOffset;
    if (this.fd >= 0) return this.fileBytes - this.fileOffset;
    let left = -this.chunkOffset;
    for (let i = this.chunkIndex; i < this.chunks.length; i++) left += this.chunks[i]!.length;
    return left;
  }

  /** A file is in use. */
  get inFile(): boolean {
    return this.fd >= 0;
  }

  /** Name under which the file was created, for logs and $request_body_file; it may have been unlinked. */
  get fileName(): string | undefined {
    return this.name;
  }

  /** Memory and file are used up: the source should rest until `read` has made room. */
  get full(): boolean {
    if (this.fileBytes > this.fileOffset || this.kind === "replay") {
      return this.fd >= 0 ? this.fileBytes >= this.maxFileBytes : this.memoryFull && this.maxFileBytes === 0;
    }
    return this.memoryFull && this.maxFileBytes === 0;
  }

  /**
   * Takes a chunk. False: it is `full` now, or a write failed (`failure`). The chunk itself
   * is stored in the first case, so that limits are overstepped by one chunk at most.
   */
  append(chunk: Buffer): boolean {
    if (this.failure !== undefined) return false;
    this.bytes += chunk.length;
    const fileHolds = this.kind === "replay" ? this.fd >= 0 : this.fileBytes > this.fileOffset;
    if (!fileHolds && (this.maxFileBytes === 0 || this.heldBytes + chunk.length <= this.memoryBytes)) {
      this.chunks.push(kept(chunk));
      this.heldBytes += chunk.length;
    } else if (!this.toFile() || !this.write(chunk)) {
      return false;
    }
    return !this.full;
  }

  /** Opens the file, and moves what a `replay` spool holds in memory to it. False on `failure`. */
  toFile(): boolean {
    if (this.fd < 0) {
      const file = createTempFile(this.directory, this.naming !== "unlinked");
      if (typeof file === "string") {
        this.failure = file;
        return false;
      }
      this.fd = file.fd;
      this.name = file.name;
    }
    if (this.kind === "fifo" || this.chunks.length === 0) return true;
    const chunks = this.chunks;
    let read = this.chunkOffset;
    for (let i = 0; i < this.chunkIndex; i++) read += chunks[i]!.length;
    this.dropMemory();
    for (const chunk of chunks) if (!this.write(chunk)) return false;
    this.fileOffset = read;
    return true;
  }

  /**
   * The next bytes, at most `maxBytes`; undefined when everything appended has been read, or on `failure`. Lent like
   * received ones: who keeps them beyond the call copies them (`kept`).
   */
  read(maxBytes: number): Buffer | undefined {
    const chunk = this.chunks[this.chunkIndex];
    if (chunk !== undefined) return this.readChunk(chunk, maxBytes);
    const wanted = Math.min(maxBytes, this.fileBytes - this.fileOffset, filePiece.length);
    if (wanted <= 0) return undefined;
    const got = this.readFile(filePiece, wanted);
    if (got <= 0) return undefined;
    this.fileOffset += got;
    if (this.kind === "fifo" && this.fileOffset === this.fileBytes) this.emptyFile();
    return filePiece.subarray(0, got);
  }

  /** Begins to read at the first byte again. Only for `replay`. */
  rewind(): void {
    this.chunkIndex = 0;
    this.chunkOffset = 0;
    this.fileOffset = 0;
  }

  /** All bytes as one buffer when they are in memory ($request_body); undefined when they are in a file. */
  inMemory(): Buffer | undefined {
    if (this.fd >= 0) return undefined;
    return this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks);
  }

  /** Lets go of memory and file. May be called more than once; the spool is empty afterwards. */
  release(): void {
    this.dropMemory();
    this.fileBytes = 0;
    this.fileOffset = 0;
    if (this.fd < 0) return;
    closeSync(this.fd);
    this.fd = -1;
    if (this.naming !== "clean" || this.name === undefined) return;
    try {
      unlinkSync(this.name);
    } catch {
      // Somebody else removed it: that is what was wanted.
    }
  }

  private get memoryFull(): boolean {
    return this.heldBytes - (this.kind === "fifo" ? this.chunkOffset : 0) >= this.memoryBytes;
  }

  private dropMemory(): void {
    this.chunks = [];
    this.heldBytes = 0;
    this.chunkIndex = 0;
    this.chunkOffset = 0;
  }

  private readChunk(chunk: Buffer, maxBytes: number): Buffer {
    const from = this.chunkOffset;
    const to = Math.min(chunk.length, from + maxBytes);
    if (to < chunk.length) {
      this.chunkOffset = to;
      return chunk.subarray(from, to);
    }
    this.chunkOffset = 0;
    if (this.kind === "fifo") {
      this.chunks.shift();
      this.heldBytes -= chunk.length;
    } else {
      this.chunkIndex++;
    }
    return from === 0 ? chunk : chunk.subarray(from);
  }

  /** A file that has been read to its end starts afresh, so that a slow client costs no more disk than it lags behind. */
  private emptyFile(): void {
    this.fileBytes = 0;
    this.fileOffset = 0;
    try {
      ftruncateSync(this.fd, 0);
    } catch {
      // The old bytes are overwritten instead.
    }
  }

  private write(chunk: Buffer): boolean {
    let done = 0;
    try {
      while (done < chunk.length) done += writeSync(this.fd, chunk, done, chunk.length - done, this.fileBytes + done);
    } catch (error) {
      return this.fail("pwrite", error);
    }
    this.fileBytes += chunk.length;
    return true;
  }

  private readFile(buffer: Buffer, length: number): number {
    try {
      return readSync(this.fd, buffer, 0, length, this.fileOffset);
    } catch (error) {
      this.fail("pread", error);
      return -1;
    }
  }

  private fail(call: string, error: unknown): false {
    if (exceptionErrno(error) === undefined) throw error;
    this.failure = `${call}() "${this.name}" failed (${numberedException(error)})`;
    return false;
  }
}

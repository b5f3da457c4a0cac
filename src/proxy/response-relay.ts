/**
 * A response body on its way to the client. With buffering the upstream is read ahead into memory and then a temporary
 * file, so that it is rid of its slow client; without, a slow client pauses the upstream. Hot when nothing is blocked.
 */
import type { LeveledPath } from "../config/list-arguments.ts";
import type { BodyProducer, Request } from "../http/request.ts";
import { flushBody, queueBody } from "../http/response-output.ts";
import { Spool } from "../http/spool.ts";
import { WARN } from "../net/error-log.ts";

/** What is read back from the spool at once. */
const PIECE_BYTES = 64 * 1024;

/** The upstream side. */
export interface RelaySource {
  pauseUpstream(): void;
  resumeUpstream(): void;
  /** Everything is on its way to the client. */
  onRelayed(): void;
  /** A temporary file could not be written. */
  onRelayFailed(message: string): void;
}

/** How much may wait for a slow client. */
export interface RelayLimits {
  readonly buffering: boolean;
  readonly memoryBytes: number;
  /** 0: no file. */
  readonly maxTempFileBytes: number;
  readonly tempPath: LeveledPath;
}

export class ResponseRelay implements BodyProducer {
  private readonly r: Request;
  private readonly limits: RelayLimits;
  private readonly source: RelaySource;
  private spool: Spool | undefined = undefined;
  private blocked = false;
  private paused = false;
  private ended = false;

  constructor(r: Request, limits: RelayLimits, source: RelaySource) {
    this.r = r;
    this.limits = limits;
    this.source = source;
    r.producer = this;
  }

  /** Takes body bytes, which it may keep; they leave with `flush`. */
  take(chunk: Buffer): void {
    if (!this.blocked) {
      queueBody(this.r, chunk);
      return;
    }
    const { limits } = this;
    this.spool ??= new Spool("fifo", limits.buffering ? limits.memoryBytes : 0, this.maxFileBytes, limits.tempPath);
    const { inFile } = this.spool;
    const taken = this.spool.append(chunk);
    if (this.spool.inFile && !inFile) {
      this.r.log(WARN, `an upstream response is buffered to a temporary file ${this.spool.fileName}`);
    }
    if (taken) return;
    if (this.spool.failure !== undefined) this.source.onRelayFailed(this.spool.failure);
    else this.pause();
  }

  /** Sends what one event brought. */
  flush(): void {
    if (this.blocked) return;
    if (!this.limits.buffering) flushBody(this.r);
    if (this.r.connection.flush()) return;
    this.blocked = true;
    if (!this.limits.buffering) this.pause();
  }

  /** The upstream's body is complete; `onRelayed` follows when the client's side has taken it. */
  end(): void {
    this.ended = true;
    if (!this.blocked) this.source.onRelayed();
  }

  onWritable(): void {
    this.blocked = false;
    const { spool } = this;
    while (spool !== undefined && !this.blocked) {
      const piece = spool.read(PIECE_BYTES);
      if (piece === undefined) break;
      queueBody(this.r, piece);
      if (!this.limits.buffering) flushBody(this.r);
      if (!this.r.connection.flush()) this.blocked = true;
    }
    if (this.ended) {
      if (!this.blocked) this.source.onRelayed();
      return;
    }
    if (this.paused && (!this.blocked || (this.limits.buffering && spool !== undefined && !spool.full))) {
      this.paused = false;
      this.source.resumeUpstream();
    }
  }

  release(): void {
    this.spool?.release();
  }

  private get maxFileBytes(): number {
    return this.limits.buffering ? this.limits.maxTempFileBytes : 0;
  }

  private pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.source.pauseUpstream();
  }
}

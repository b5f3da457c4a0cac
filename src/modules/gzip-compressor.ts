/**
 * A gzip stream that works at once, piece by piece, as nginx's zlib does: with the asynchronous streams of node:zlib a
 * response would have to wait for each of its pieces. Costs some 0.2 to 1 ms for 100 KB of text.
 */
import { constants, createGzip } from "node:zlib";
import type { BodyFilter } from "../http/body-filter.ts";
import type { ZlibEngine } from "../http/zlib-engine.ts";

/** Output is taken out of this in pieces: one buffer serves all streams. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);
const NOTHING = Buffer.alloc(0);

/** Unused engines, by their settings: making one costs four times as much as resetting it. */
const spare = new Map<number, ZlibEngine[]>();
/** Engines kept per setting: one is some 256 KB. */
const MAX_SPARE = 4;

/**
 * The engine is zlib-ng, whose levels are not all zlib's: its 1 makes responses 1.3 to 2 times as large as zlib's 1, its
 * 2 the same size in the same time; its 9 is worse than its 8 for short texts.
 */
const ENGINE_LEVELS: Readonly<Record<number, number>> = { 1: 2, 9: 8 };

/** How hard to compress (gzip_comp_level) and how much memory to take (gzip_window, gzip_hash), as zlib counts them. */
export interface GzipParameters {
  readonly level: number;
  readonly windowBits: number;
  readonly memLevel: number;
}

/** No window is smaller than the body needs: fewer bits to clear and to search (ngx_http_gzip_filter_memory). */
export function fittingParameters(parameters: GzipParameters, contentLength: number): GzipParameters {
  let { windowBits, memLevel } = parameters;
  if (contentLength <= 0) return parameters;
  // zlib's window is smaller than it says by 262 bytes.
  while (windowBits > 9 && contentLength < (1 << (windowBits - 1)) - 262) {
    windowBits--;
    memLevel--;
  }
  return { level: parameters.level, windowBits, memLevel: Math.max(1, memLevel) };
}

/** Compresses one body. Takes its engine with the first byte, so a head without a body costs none. */
export class GzipCompressor implements BodyFilter {
  private readonly parameters: GzipParameters;
  private engine: ZlibEngine | undefined = undefined;
  private done = false;
  /** Something was written since the last flush. */
  private holding = false;
  inputBytes = 0;
  outputBytes = 0;
  /** The body came to its end: the numbers of bytes are final. */
  complete = false;

  constructor(parameters: GzipParameters) {
    this.parameters = parameters;
  }

  write(chunk: Buffer): readonly Buffer[] {
    this.inputBytes += chunk.length;
    this.holding = true;
    return this.run(chunk, constants.Z_NO_FLUSH);
  }

  flush(): readonly Buffer[] {
    if (!this.holding) return [];
    this.holding = false;
    return this.run(NOTHING, constants.Z_SYNC_FLUSH);
  }

  end(): readonly Buffer[] {
    if (this.done) return [];
    const rest = this.run(NOTHING, constants.Z_FINISH);
    this.complete = true;
    this.release();
    return rest;
  }

  release(): void {
    this.done = true;
    const { engine } = this;
    if (engine === undefined) return;
    this.engine = undefined;
    giveBack(this.parameters, engine);
  }

  private run(chunk: Buffer, flush: number): readonly Buffer[] {
    if (this.done) return [];
    this.engine ??= take(this.parameters);
    const { _handle: stream, _writeState: state } = this.engine;
    const pieces: Buffer[] = [];
    let offset = 0;
    let left = chunk.length;
    for (;;) {
      stream.writeSync(flush, chunk, offset, left, scratch, 0, scratch.length);
      const outputLeft = state[0]!;
      const inputLeft = state[1]!;
      const got = scratch.length - outputLeft;
      if (got > 0) pieces.push(Buffer.from(scratch.subarray(0, got)));
      this.outputBytes += got;
      offset += left - inputLeft;
      left = inputLeft;
      if (outputLeft > 0) return pieces;
    }
  }
}

function keyOf({ level, windowBits, memLevel }: GzipParameters): number {
  return (level * 16 + windowBits) * 16 + memLevel;
}

function take(parameters: GzipParameters): ZlibEngine {
  const known = spare.get(keyOf(parameters))?.pop();
  if (known !== undefined) return known;
  const level = ENGINE_LEVELS[parameters.level] ?? parameters.level;
  // chunkSize: the buffer of the asynchronous interface, which is not used.
  return createGzip({ ...parameters, level, chunkSize: 64 }) as unknown as ZlibEngine;
}

function giveBack(parameters: GzipParameters, engine: ZlibEngine): void {
  const key = keyOf(parameters);
  const list = spare.get(key) ?? [];
  spare.set(key, list);
  if (list.length >= MAX_SPARE) {
    engine.close();
    return;
  }
  engine._handle.reset();
  list.push(engine);
}

/**
 * How large the messages of one side are when they are decompressed (permessage-deflate, RFC 7692): what they decompress
 * to is counted, checked where it is to be text, and thrown away; no more of it is made than is allowed.
 */
import { constants, createInflateRaw } from "node:zlib";
import type { ZlibEngine } from "../http/zlib-engine.ts";
import type { TextCheck } from "./text-check.ts";

/** What came out: it is only counted, so one buffer serves all. */
const output = Buffer.allocUnsafeSlow(64 * 1024);
/** Payload without its mask. */
const input = Buffer.allocUnsafeSlow(16 * 1024);
/** Left out by whoever compressed a message (RFC 7692, 7.2.1). */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

let failed = false;
function noteError(): void {
  failed = true;
}

/** Engines that hold nothing of anybody: one is some 20 KB. */
const spare: ZlibEngine[] = [];
const MAX_SPARE = 8;

function take(): ZlibEngine {
  const known = spare.pop();
  if (known !== undefined) return known;
  // chunkSize: the buffer of the asynchronous interface, which is not used.
  const engine = createInflateRaw({ windowBits: 15, chunkSize: 64 }) as unknown as ZlibEngine;
  engine._handle.onerror = noteError;
  return engine;
}

function giveBack(engine: ZlibEngine): void {
  if (spare.length >= MAX_SPARE) {
    engine.close();
    return;
  }
  engine._handle.reset();
  spare.push(engine);
}

/** What is to be said of a message so far. */
export type Inflated = "fine" | "too big" | "broken" | "bad text" | "incomplete text";

export class Inflater {
  private readonly maxBytes: number;
  /** Messages may refer to those before them. */
  private readonly takesOver: boolean;
  private engine: ZlibEngine | undefined = undefined;
  /** Of the message so far, decompressed. */
  bytes = 0;
  /** Checks it, where it is to be text. */
  private text: TextCheck | undefined = undefined;

  /** `takesOver`: "context takeover" was not ruled out for this side. */
  constructor(maxBytes: number, takesOver: boolean) {
    this.maxBytes = maxBytes;
    this.takesOver = takesOver;
  }

  /** A compressed message begins; `text` checks what it decompresses to. */
  begin(text: TextCheck | undefined): void {
    this.bytes = 0;
    this.text = text;
    text?.reset();
  }

  /**
   * Takes payload chunk[from..to) of a frame, which stands at `position` of its payload and is masked with `maskKey`, first
   * byte highest; 0 where it is not masked.
   */
  feed(chunk: Uint8Array, from: number, to: number, maskKey: number, position: number): Inflated {
    for (let at = from; at < to; at += input.length) {
      const length = Math.min(input.length, to - at);
      for (let i = 0; i < length; i++) {
        const shift = 24 - 8 * ((position + at - from + i) & 3);
        input[i] = chunk[at + i]! ^ (maskKey >>> shift);
      }
      const verdict = this.run(input, length);
      if (verdict !== "fine") return verdict;
    }
    return "fine";
  }

  /** The message is complete. */
  end(): Inflated {
    const verdict = this.run(TAIL, TAIL.length);
    if (!this.takesOver) this.release();
    return verdict === "fine" && this.text?.complete === false ? "incomplete text" : verdict;
  }

  /** Nothing more comes. */
  release(): void {
    const { engine } = this;
    this.engine = undefined;
    if (engine !== undefined) giveBack(engine);
  }

  private run(bytes: Uint8Array, length: number): Inflated {
    this.engine ??= take();
    const { _handle: stream, _writeState: state } = this.engine;
    failed = false;
    for (let offset = 0; ; ) {
      stream.writeSync(constants.Z_SYNC_FLUSH, bytes, offset, length - offset, output, 0, output.length);
      if (failed) return "broken";
      const outputLeft = state[0]!;
      offset = length - state[1]!;
      this.bytes += output.length - outputLeft;
      if (this.bytes > this.maxBytes) return "too big";
      if (this.text?.check(output, 0, output.length - outputLeft, 0, 0) === false) return "bad text";
      if (outputLeft === 0) continue;
      if (offset === length) return "fine";
      // A final block has ended the stream: what is left begins one (RFC 7692, 7.2.3.4).
      stream.reset();
    }
  }
}

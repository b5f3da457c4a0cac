/** The native streams behind node:zlib's objects; not documented, the same in Node and Bun, held by our tests. */

interface NativeStream {
  onerror: () => void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void;
  reset(): void;
}

/** A compressor or decompressor of node:zlib, used at once instead of through its stream. */
export interface ZlibEngine {
  readonly _handle: NativeStream;
  /** After each write: bytes left of the output, bytes left of the input. */
  readonly _writeState: Uint32Array;
  close(): void;
}

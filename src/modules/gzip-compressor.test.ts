import { expect, test } from "bun:test";
import { constants, gunzipSync } from "node:zlib";
import { fuzzSeed, seededRandom } from "../http/fuzz-input.ts";
import { fittingParameters, GzipCompressor } from "./gzip-compressor.ts";

const parameters = { level: 1, windowBits: 15, memLevel: 8 };

/** What a client makes of bytes that are not all there yet. */
function decodedSoFar(pieces: readonly Buffer[]): string {
  return gunzipSync(Buffer.concat(pieces), { finishFlush: constants.Z_SYNC_FLUSH }).latin1Slice();
}

test("a flush brings out all that was written", () => {
  const compressor = new GzipCompressor(parameters);
  const pieces = [...compressor.write(Buffer.from("one ")), ...compressor.flush()];
  expect(decodedSoFar(pieces)).toBe("one ");
  expect(compressor.flush()).toEqual([]);
  pieces.push(...compressor.write(Buffer.from("two")), ...compressor.flush());
  expect(decodedSoFar(pieces)).toBe("one two");
  pieces.push(...compressor.end());
  expect(gunzipSync(Buffer.concat(pieces)).latin1Slice()).toBe("one two");
  expect(compressor.complete).toBe(true);
  expect([compressor.inputBytes, compressor.outputBytes]).toEqual([7, Buffer.concat(pieces).length]);
});

test("a body without bytes is a stream without bytes", () => {
  expect(gunzipSync(Buffer.concat(new GzipCompressor(parameters).end())).length).toBe(0);
});

test("after its end, or when it was given up, it says nothing more", () => {
  const compressor = new GzipCompressor(parameters);
  compressor.end();
  expect([compressor.write(Buffer.from("x")), compressor.flush(), compressor.end()]).toEqual([[], [], []]);
  const givenUp = new GzipCompressor(parameters);
  givenUp.write(Buffer.from("x"));
  givenUp.release();
  givenUp.release();
  expect([givenUp.end(), givenUp.complete]).toEqual([[], false]);
});

test("engines are used again without anything left in them", () => {
  for (let i = 0; i < 20; i++) {
    const broken = new GzipCompressor(parameters);
    broken.write(Buffer.from("left over ".repeat(i)));
    broken.release();
    const next = new GzipCompressor(parameters);
    const pieces = [...next.write(Buffer.from("clean")), ...next.end()];
    expect(gunzipSync(Buffer.concat(pieces)).latin1Slice()).toBe("clean");
  }
});

test("the input may be overwritten after each write", () => {
  const compressor = new GzipCompressor(parameters);
  const shared = Buffer.from("first");
  const pieces = [...compressor.write(shared)];
  shared.fill("x");
  pieces.push(...compressor.end());
  expect(gunzipSync(Buffer.concat(pieces)).latin1Slice()).toBe("first");
});

test("bodies in pieces of any size, with flushes anywhere, at every level", () => {
  const seed = fuzzSeed();
  const random = seededRandom(seed);
  for (let level = 1; level <= 9; level++) {
    const compressor = new GzipCompressor(fittingParameters({ ...parameters, level }, random(2) === 0 ? -1 : 5000));
    const written: Buffer[] = [];
    const pieces: Buffer[] = [];
    for (let i = 0; i < 30; i++) {
      const chunk = Buffer.alloc(random(3) === 0 ? random(200_000) : random(2_000));
      for (let at = 0; at < chunk.length; at++) chunk[at] = random(i % 2 === 0 ? 256 : 4);
      written.push(chunk);
      pieces.push(...compressor.write(chunk));
      if (random(3) === 0) pieces.push(...compressor.flush());
    }
    pieces.push(...compressor.end());
    const same = gunzipSync(Buffer.concat(pieces)).equals(Buffer.concat(written));
    expect(`seed ${seed}, level ${level}: ${same}`).toBe(`seed ${seed}, level ${level}: true`);
  }
});

test("the window is no larger than the body", () => {
  expect(fittingParameters(parameters, -1)).toEqual(parameters);
  expect(fittingParameters(parameters, 100_000)).toEqual(parameters);
  expect(fittingParameters(parameters, 5_000)).toEqual({ level: 1, windowBits: 13, memLevel: 6 });
  expect(fittingParameters({ ...parameters, memLevel: 2 }, 20)).toEqual({ level: 1, windowBits: 9, memLevel: 1 });
});

test("level 1 is not the one that hardly compresses", () => {
  const text = Buffer.from(Array.from({ length: 300 }, (_, i) => `${i}\n`).join(""));
  const compressor = new GzipCompressor(parameters);
  const bytes = Buffer.concat([...compressor.write(text), ...compressor.end()]).length;
  expect(bytes).toBeLessThan(600);
});

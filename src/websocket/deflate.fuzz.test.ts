/**
 * Compressed messages (permessage-deflate), right and wrong, in fragments, cut anywhere: the `ws` package decompresses them,
 * `websocket_max_message_size ... decompressed` only looks. Both come to the same sizes, and refuse the same.
 */
import { expect, test } from "bun:test";
import { constants, createDeflateRaw } from "node:zlib";
import fc from "fast-check";
import { type FrameForm, frame, KEY, type Side } from "./frame-fixture.ts";
import { TEXT } from "./frame-walker.ts";
import { Inflater } from "./inflater.ts";
import { NO_LIMITS, streamOf } from "./stream-fixture.ts";
import { byWs, type Outcome } from "./ws-receiver-fixture.ts";

const COMPRESSED = 4;

interface Message {
  readonly content: Buffer;
  readonly text: boolean;
  readonly compressed: boolean;
  readonly cuts: readonly number[];
}

/** What a side with context takeover sends. */
async function wireOf(messages: readonly Message[], from: Side): Promise<Buffer> {
  const form: FrameForm = from === "client" ? { mask: KEY } : {};
  const stream = createDeflateRaw();
  const frames: Buffer[] = [];
  for (const { content, text, compressed, cuts } of messages) {
    let body = content;
    if (compressed) {
      const pieces: Buffer[] = [];
      const take = (piece: Buffer): void => void pieces.push(piece);
      stream.on("data", take);
      stream.write(content);
      await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, () => resolve()));
      stream.off("data", take);
      body = Buffer.concat(pieces).subarray(0, -4);
    }
    const ends = [...new Set(cuts.filter((cut) => cut < body.length))].sort((a, b) => a - b);
    const starts = [0, ...ends];
    for (const [i, start] of starts.entries()) {
      frames.push(
        frame(i > 0 ? 0 : text ? TEXT : 2, body.subarray(start, ends[i] ?? body.length), {
          ...form,
          fin: i === ends.length,
          rsv: i === 0 && compressed ? COMPRESSED : 0,
        }),
      );
    }
  }
  stream.close();
  return Buffer.concat(frames);
}

function byHopway(wire: Buffer, from: Side, maxMessageBytes: number): Outcome {
  const inflater = new Inflater(maxMessageBytes, true);
  const rules = { ...NO_LIMITS, validate: true, rsvAllowed: COMPRESSED, maxMessageBytes, inflater };
  const { stream, owner } = streamOf(rules, from === "client");
  const messages: number[] = [];
  let bytes = 0;
  for (let i = 0; i < wire.length; i++) {
    const before = stream.walker.messages;
    stream.pass(wire.subarray(i, i + 1), 1);
    if (stream.walker.messages === before) continue;
    const compressed = stream.walker.messageRsv === COMPRESSED;
    messages.push(compressed ? inflater.bytes : stream.walker.bytes - bytes);
    bytes = stream.walker.bytes;
  }
  stream.release();
  const [first] = owner.events;
  const refused = first === undefined ? 0 : first.startsWith("too big") ? 1009 : Number.parseInt(first, 10);
  return { messages, closeCode: 0, refused };
}

const content = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  fc.nat(3000).map((length) => Buffer.alloc(length, "ab")),
);
const message = fc.record({
  content,
  text: fc.boolean(),
  compressed: fc.boolean(),
  cuts: fc.array(fc.nat(60), { maxLength: 3 }),
});

for (const from of ["client", "server"] as const) {
  test(`what a ${from} compresses, as ws has it`, async () => {
    const { FUZZ_SEED: seed } = process.env;
    const seen = { 0: 0, 1007: 0, 1009: 0, messages: 0 };
    const property = fc.asyncProperty(
      fc.array(message, { maxLength: 6 }),
      fc.constantFrom(100_000, 100_000, 1000),
      async (list, maxBytes) => {
        const wire = await wireOf(list, from);
        const own = byHopway(wire, from, maxBytes);
        const theirs = await byWs([Buffer.from(wire)], from, maxBytes, true);
        // Bad text is found here where it stands, by ws when its message is complete: it may be too big by then.
        if (own.refused !== 1007) expect(own).toEqual(theirs);
        else {
          expect(own.messages).toEqual(theirs.messages);
          expect([1007, 1009]).toContain(theirs.refused);
        }
        seen[own.refused as 0 | 1007 | 1009]++;
        seen.messages += own.messages.length;
      },
    );
    await fc.assert(property, { numRuns: 300, ...(seed === undefined ? {} : { seed: Number(seed) }) });
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(5);
  }, 60_000);
}

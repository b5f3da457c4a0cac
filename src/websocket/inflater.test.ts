/** Sizes of compressed messages, as zlib itself makes them, cut anywhere; and what is none. */
import { describe, expect, test } from "bun:test";
import { constants, createDeflateRaw, deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { type Inflated, Inflater } from "./inflater.ts";

const KEY = 0x1122f384;
const KEY_BYTES = [0x11, 0x22, 0xf3, 0x84];

function masked(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.map((byte, i) => byte ^ KEY_BYTES[i & 3]!));
}

/** What a peer with context takeover sends for these messages. */
async function compressed(messages: readonly Uint8Array[]): Promise<Buffer[]> {
  const stream = createDeflateRaw();
  const out: Buffer[] = [];
  for (const message of messages) {
    const pieces: Buffer[] = [];
    const take = (piece: Buffer): void => void pieces.push(piece);
    stream.on("data", take);
    stream.write(message);
    await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, () => resolve()));
    stream.off("data", take);
    out.push(Buffer.concat(pieces).subarray(0, -4));
  }
  stream.close();
  return out;
}

/** One message by itself. */
function alone(message: Uint8Array): Buffer {
  return deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

/** Takes a message in pieces that end at `cuts`. */
function taken(inflater: Inflater, message: Buffer, cuts: readonly number[] = []): Inflated {
  const wire = masked(message);
  inflater.begin(undefined);
  let from = 0;
  for (const to of [...cuts, wire.length]) {
    const verdict = inflater.feed(wire, from, to, KEY, from);
    if (verdict !== "fine") return verdict;
    from = to;
  }
  return inflater.end();
}

const TEXT = Buffer.from("hello, hello, hello and good bye");

test("one message after the other, with one window and with one for each", async () => {
  const messages = [TEXT, TEXT, Buffer.alloc(0), Buffer.concat([TEXT, TEXT])];
  for (const takesOver of [true, false]) {
    const wire = takesOver ? await compressed(messages) : messages.map(alone);
    const inflater = new Inflater(1000, takesOver);
    for (const [i, message] of wire.entries()) {
      for (const _ of takesOver ? [0] : [0, 1]) {
        expect(taken(inflater, message)).toBe("fine");
        expect(inflater.bytes).toBe(messages[i]!.length);
      }
    }
    inflater.release();
  }
});

test("wherever a message is cut", () => {
  const wire = alone(TEXT);
  for (let cut = 0; cut <= wire.length; cut++) {
    const inflater = new Inflater(TEXT.length, false);
    expect(taken(inflater, wire, [cut])).toBe("fine");
    expect(inflater.bytes).toBe(TEXT.length);
  }
});

test("any messages in any pieces", async () => {
  const { FUZZ_SEED: seed } = process.env;
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.nat(200_000).map((length) => Buffer.alloc(length, "abc")),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { maxLength: 5 }),
      fc.array(fc.nat(1000), { maxLength: 4 }),
      async (list, cuts) => {
        const wire = await compressed(list);
        const inflater = new Inflater(300_000, true);
        for (const [i, one] of wire.entries()) {
          const at = cuts.filter((cut) => cut <= one.length).sort((a, b) => a - b);
          expect(taken(inflater, one, at)).toBe("fine");
          expect(inflater.bytes).toBe(list[i]!.length);
        }
        inflater.release();
      },
    ),
    { numRuns: 100, ...(seed === undefined ? {} : { seed: Number(seed) }) },
  );
});

describe("too big", () => {
  test("one byte too many, however small it was compressed", () => {
    for (const size of [1000, 100_000]) {
      expect(taken(new Inflater(size, false), alone(Buffer.alloc(size)))).toBe("fine");
      expect(taken(new Inflater(size, false), alone(Buffer.alloc(size + 1)))).toBe("too big");
    }
  });

  test("no more of a bomb is made than is allowed", () => {
    const bomb = alone(Buffer.alloc(256 * 1024 * 1024));
    const inflater = new Inflater(1_000_000, false);
    const startedMs = performance.now();
    expect(taken(inflater, bomb)).toBe("too big");
    expect(inflater.bytes).toBeLessThan(1_000_000 + 64 * 1024 + 1);
    // All of it takes 20 times as long.
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });
});

describe("what is not compressed", () => {
  test("is found out, and spoils nothing for others", () => {
    for (const takesOver of [true, false]) {
      const inflater = new Inflater(1000, takesOver);
      expect(taken(inflater, Buffer.from([0xff, 0xff, 0xff, 0x12]))).toBe("broken");
      inflater.release();
      expect(taken(new Inflater(1000, takesOver), alone(TEXT))).toBe("fine");
    }
  });

  test("is a reference to a message that is not known", async () => {
    const wire = await compressed([TEXT, TEXT]);
    expect(taken(new Inflater(1000, true), wire[1]!)).toBe("broken");
  });
});

test("a final block ends its stream, and the next message begins one", () => {
  const inflater = new Inflater(1000, true);
  for (let i = 0; i < 3; i++) {
    expect(taken(inflater, Buffer.concat([deflateRawSync(TEXT), Buffer.alloc(1)]))).toBe("fine");
    expect(inflater.bytes).toBe(TEXT.length);
  }
});

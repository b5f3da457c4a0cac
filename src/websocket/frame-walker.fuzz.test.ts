/**
 * Streams of frames, right and wrong, cut anywhere: the `ws` package is the second opinion. What its receiver accepts is
 * accepted here, with the same messages, lengths and close codes; what it refuses is refused, with the same code.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { frame, type Side } from "./frame-fixture.ts";
import { TEXT } from "./frame-walker.ts";
import { NO_LIMITS, type RememberingOwner, streamOf } from "./stream-fixture.ts";
import { byWs, type Outcome } from "./ws-receiver-fixture.ts";

const TOO_BIG = 1009;

function byHopway(pieces: readonly Buffer[], from: Side, maxMessageBytes: number): Outcome {
  const { stream, owner } = streamOf({ ...NO_LIMITS, validate: true, maxMessageBytes }, from === "client");
  const messages: number[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    // One byte at a time, so that every message is seen when it ends.
    for (let i = 0; i < piece.length; i++) {
      const before = stream.walker.messages;
      stream.pass(piece.subarray(i, i + 1), 1);
      if (stream.walker.messages === before) continue;
      messages.push(stream.walker.bytes - bytes);
      bytes = stream.walker.bytes;
    }
  }
  return { messages, ...verdict(owner, stream.walker.closeCode) };
}

function verdict(owner: RememberingOwner, closeCode: number): { closeCode: number; refused: number } {
  const [first] = owner.events.filter((event) => !event.startsWith("close"));
  if (first === undefined) return { closeCode, refused: 0 };
  return { closeCode: 0, refused: first.startsWith("too big") ? TOO_BIG : Number.parseInt(first, 10) };
}

/** The same in larger pieces: messages can't be told one by one, but counted. */
function inPieces(
  pieces: readonly Buffer[],
  from: Side,
  maxMessageBytes: number,
): { messages: number; refused: number } {
  const { stream, owner } = streamOf({ ...NO_LIMITS, validate: true, maxMessageBytes }, from === "client");
  for (const piece of pieces) stream.pass(piece, piece.length);
  const { refused } = verdict(owner, 0);
  return { messages: stream.walker.messages, refused };
}

const key = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
const payload = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(124, 125, 126, 127, 300, 66_000).map((length) => Buffer.alloc(length, "x")),
);

/** Streams of one side, mostly right ones. */
function wireOf(from: Side): fc.Arbitrary<Buffer> {
  const right = from === "client" ? key : fc.constant(undefined);
  const wrong = from === "client" ? fc.constant(undefined) : key;
  const form = (mask: readonly [number, number, number, number] | undefined) => (mask === undefined ? {} : { mask });
  const anyFrame = fc
    .record({
      opcode: fc.oneof(
        { arbitrary: fc.constantFrom(0, 0, 1, 1, 2, 9, 10), weight: 12 },
        { arbitrary: fc.nat(15), weight: 1 },
      ),
      payload,
      fin: fc.boolean(),
      rsv: fc.oneof({ arbitrary: fc.constant(0), weight: 20 }, { arbitrary: fc.nat(7), weight: 1 }),
      mask: fc.oneof({ arbitrary: right, weight: 20 }, { arbitrary: wrong, weight: 1 }),
      lengthBytes: fc.oneof(
        { arbitrary: fc.constant(undefined), weight: 9 },
        { arbitrary: fc.constant(8 as const), weight: 1 },
      ),
      length: fc.oneof(
        { arbitrary: fc.constant(undefined), weight: 30 },
        { arbitrary: fc.constantFrom(1n << 32n, 1n << 53n, (1n << 53n) - 1n, 1n << 62n), weight: 1 },
      ),
    })
    .map(({ opcode, payload: body, fin, rsv, mask, lengthBytes, length }) =>
      frame(opcode, body, {
        fin: opcode >= 8 ? fin || body.length > 3 : fin,
        rsv,
        ...form(mask),
        ...(length === undefined ? {} : { length, lengthBytes: 8 as const }),
        ...(lengthBytes === undefined ? {} : { lengthBytes }),
      }),
    );
  const closing = fc
    .record({
      code: fc.oneof(fc.constantFrom(1000, 1001, 1005, 1006, 1014, 1015, 3000, 4999, 5000), fc.nat(65_535)),
      reason: payload,
      mask: right,
    })
    .map(({ code, reason, mask }) =>
      frame(8, Buffer.concat([Buffer.from([code >> 8, code & 255]), reason.subarray(0, 120)]), form(mask)),
    );
  /** Whole messages that are right. */
  const message = fc
    .record({
      parts: fc.array(fc.string({ unit: "binary", maxLength: 40 }), { minLength: 1, maxLength: 4 }),
      mask: right,
      ping: fc.boolean(),
    })
    .map(({ parts, mask, ping }) => {
      const whole = Buffer.from(parts.join(""));
      const frames: Buffer[] = [];
      let at = 0;
      parts.forEach((part, i) => {
        const last = i === parts.length - 1;
        const end = last ? whole.length : Math.min(whole.length, at + part.length);
        frames.push(frame(i === 0 ? TEXT : 0, whole.subarray(at, end), { fin: last, ...form(mask) }));
        if (ping) frames.push(frame(9, "p", form(mask)));
        at = end;
      });
      return Buffer.concat(frames);
    });
  const parts = [
    { arbitrary: message, weight: 3 },
    { arbitrary: anyFrame, weight: 3 },
    { arbitrary: closing, weight: 1 },
  ] as const;
  return fc.array(fc.oneof(...parts), { maxLength: 8 }).map((pieces) => Buffer.concat(pieces));
}

const cuts = fc.array(fc.nat(400), { maxLength: 6 });

for (const from of ["client", "server"] as const) {
  test(`what a ${from} sends, as ws has it`, async () => {
    const { FUZZ_SEED: seed } = process.env;
    const seen = { accepted: 0, refused: 0, closed: 0, messages: 0 };
    const property = fc.asyncProperty(
      wireOf(from),
      cuts,
      fc.constantFrom(0, 0, 100, 1000),
      async (bytes, at, maxBytes) => {
        const places = [...new Set(at.filter((cut) => cut > 0 && cut < bytes.length))].sort((a, b) => a - b);
        const cut = (): Buffer[] =>
          [0, ...places].map((start, i) => Buffer.from(bytes.subarray(start, places[i] ?? bytes.length)));
        const own = byHopway(cut(), from, maxBytes);
        const theirs = await byWs(cut(), from, maxBytes, false);
        const whole = inPieces(cut(), from, maxBytes);
        // Bad text is found here where it stands, by ws at the end of its message; what comes in between may be refused too.
        const earlier = own.refused === 1007 && theirs.refused !== 1007;
        if (!earlier) expect(own).toEqual(theirs);
        else expect(own.messages).toEqual(theirs.messages);
        expect(whole.refused).toBe(own.refused);
        expect(whole.messages).toBe(own.messages.length);
        if (own.refused > 0) seen.refused++;
        else seen.accepted++;
        if (own.closeCode > 0) seen.closed++;
        seen.messages += own.messages.length;
      },
    );
    await fc.assert(property, { numRuns: 800, ...(seed === undefined ? {} : { seed: Number(seed) }) });
    // The streams are of all kinds; of the rarest, Close frames that are right, there are some 45.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(8);
  }, 60_000);
}

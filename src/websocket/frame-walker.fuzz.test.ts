/**
 * Streams of frames, right and wrong, cut anywhere: the `ws` package is the second opinion. What its receiver accepts is
 * accepted here, with the same messages, lengths and close codes; what it refuses is refused, with the same code.
 */
import { expect, test } from "bun:test";
import type { Writable } from "node:stream";
import fc from "fast-check";
import { frame } from "./frame-fixture.ts";
import { TEXT } from "./frame-walker.ts";
import { NO_LIMITS, type RememberingOwner, streamOf } from "./stream-fixture.ts";

/** The package's own receiver, by its file: "ws" itself is Bun's. */
interface WsReceiver extends Writable {
  _maxPayload: number;
}
const receiverFile = "../../node_modules/ws/lib/receiver.js";
const { default: Receiver } = (await import(receiverFile)) as {
  default: new (options: { readonly isServer: boolean; readonly maxPayload: number }) => WsReceiver;
};

/** What became of a stream. */
interface Outcome {
  /** Lengths of whole messages. */
  readonly messages: readonly number[];
  readonly closeCode: number;
  /** 0: nothing wrong. */
  readonly refused: number;
}

const TOO_BIG = 1009;

function byWs(pieces: readonly Buffer[], maxPayload: number): Outcome {
  const receiver = new Receiver({ isServer: true, maxPayload });
  const messages: number[] = [];
  let closeCode = 0;
  let refused = 0;
  receiver.on("message", (data: Buffer) => messages.push(data.length));
  receiver.on("conclude", (code: number) => {
    closeCode = code;
  });
  receiver.on("error", (error: object) => {
    for (const key of Object.getOwnPropertySymbols(error)) {
      if (key.description === "status-code") refused = Number(Reflect.get(error, key));
    }
  });
  for (const piece of pieces) {
    // Nothing is asked of it any more once it has ended.
    if (receiver.destroyed || refused !== 0 || closeCode !== 0) break;
    receiver.write(piece);
  }
  const destroyed = receiver.errored as object | null;
  if (refused === 0 && destroyed !== null) {
    for (const key of Object.getOwnPropertySymbols(destroyed)) {
      if (key.description === "status-code") refused = Number(Reflect.get(destroyed, key));
    }
  }
  return { messages, closeCode, refused };
}

function byHopway(pieces: readonly Buffer[], maxMessageBytes: number): Outcome {
  const { stream, owner } = streamOf({ ...NO_LIMITS, validate: true, maxMessageBytes });
  const messages: number[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    // One byte at a time, so that every message is seen when it ends.
    for (let i = 0; i < piece.length; i++) {
      const before = stream.messages;
      stream.pass(piece.subarray(i, i + 1), 1);
      if (stream.messages === before) continue;
      messages.push(stream.bytes - bytes);
      bytes = stream.bytes;
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
function inPieces(pieces: readonly Buffer[], maxMessageBytes: number): { messages: number; refused: number } {
  const { stream, owner } = streamOf({ ...NO_LIMITS, validate: true, maxMessageBytes });
  for (const piece of pieces) stream.pass(piece, piece.length);
  const { refused } = verdict(owner, 0);
  return { messages: stream.messages, refused };
}

const mask = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
const payload = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(124, 125, 126, 127, 300, 66_000).map((length) => Buffer.alloc(length, "x")),
);
/** Mostly what is right. */
const anyFrame = fc
  .record({
    opcode: fc.oneof(
      { arbitrary: fc.constantFrom(0, 0, 1, 1, 2, 9, 10), weight: 12 },
      { arbitrary: fc.nat(15), weight: 1 },
    ),
    payload,
    fin: fc.boolean(),
    rsv: fc.oneof({ arbitrary: fc.constant(0), weight: 20 }, { arbitrary: fc.nat(7), weight: 1 }),
    mask: fc.oneof({ arbitrary: mask, weight: 20 }, { arbitrary: fc.constant(undefined), weight: 1 }),
    lengthBytes: fc.oneof(
      { arbitrary: fc.constant(undefined), weight: 9 },
      { arbitrary: fc.constant(8 as const), weight: 1 },
    ),
    length: fc.oneof(
      { arbitrary: fc.constant(undefined), weight: 30 },
      { arbitrary: fc.constantFrom(1n << 32n, 1n << 53n, (1n << 53n) - 1n, 1n << 62n), weight: 1 },
    ),
  })
  .map(({ opcode, payload: body, fin, rsv, mask: key, lengthBytes, length }) =>
    frame(opcode, body, {
      fin: opcode >= 8 ? fin || body.length > 3 : fin,
      rsv,
      ...(key === undefined ? {} : { mask: key }),
      ...(length === undefined ? {} : { length, lengthBytes: 8 as const }),
      ...(lengthBytes === undefined ? {} : { lengthBytes }),
    }),
  );
const closing = fc
  .record({
    code: fc.oneof(fc.constantFrom(1000, 1001, 1005, 1006, 1014, 1015, 3000, 4999, 5000), fc.nat(65_535)),
    reason: payload,
    mask,
  })
  .map(({ code, reason, mask: key }) =>
    frame(8, Buffer.concat([Buffer.from([code >> 8, code & 255]), reason.subarray(0, 120)]), { mask: key }),
  );
/** Whole messages that are right. */
const message = fc
  .record({
    parts: fc.array(fc.string({ unit: "binary", maxLength: 40 }), { minLength: 1, maxLength: 4 }),
    mask,
    ping: fc.boolean(),
  })
  .map(({ parts, mask: key, ping }) => {
    const whole = Buffer.from(parts.join(""));
    const frames: Buffer[] = [];
    let at = 0;
    parts.forEach((part, i) => {
      const last = i === parts.length - 1;
      const end = last ? whole.length : Math.min(whole.length, at + part.length);
      frames.push(frame(i === 0 ? TEXT : 0, whole.subarray(at, end), { fin: last, mask: key }));
      if (ping) frames.push(frame(9, "p", { mask: key }));
      at = end;
    });
    return Buffer.concat(frames);
  });
const wire = fc
  .array(
    fc.oneof({ arbitrary: message, weight: 3 }, { arbitrary: anyFrame, weight: 3 }, { arbitrary: closing, weight: 1 }),
    {
      maxLength: 8,
    },
  )
  .map((parts) => Buffer.concat(parts));
const cuts = fc.array(fc.nat(400), { maxLength: 6 });

test("as ws has it", () => {
  const { FUZZ_SEED: seed } = process.env;
  const seen = { accepted: 0, refused: 0, closed: 0, messages: 0 };
  fc.assert(
    fc.property(wire, cuts, fc.constantFrom(0, 0, 100, 1000), (bytes, at, maxBytes) => {
      const places = [...new Set(at.filter((cut) => cut > 0 && cut < bytes.length))].sort((a, b) => a - b);
      const pieces = [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
      const own = byHopway(
        pieces.map((piece) => Buffer.from(piece)),
        maxBytes,
      );
      const theirs = byWs(
        pieces.map((piece) => Buffer.from(piece)),
        maxBytes,
      );
      const whole = inPieces(
        pieces.map((piece) => Buffer.from(piece)),
        maxBytes,
      );
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
    }),
    { numRuns: 1000, ...(seed === undefined ? {} : { seed: Number(seed) }) },
  );
  // The streams are of all kinds; of the rarest, Close frames that are right, there are some 55.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(10);
}, 60_000);

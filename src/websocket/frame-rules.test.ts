/**
 * RFC 6455, sections 5 to 8, rule by rule: what websocket_validate passes, and what it refuses with which code; of clients
 * and of servers, with the bytes in one chunk, one by one, and cut in two at every byte.
 */
import { describe, expect, test } from "bun:test";
import { constants, deflateRawSync } from "node:zlib";
import { close, type FrameForm, frame, KEY, type Side } from "./frame-fixture.ts";
import { BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT } from "./frame-walker.ts";
import { Inflater } from "./inflater.ts";
import { NO_LIMITS, streamOf } from "./stream-fixture.ts";

/** A frame as the side would send it. */
type Make = (opcode: number, payload?: Buffer | string, form?: FrameForm) => Buffer;

interface Rule {
  /** With the section. */
  readonly rule: string;
  readonly of?: Side;
  readonly wire: (make: Make, side: Side) => readonly Buffer[];
  /** RSV bits that extensions may set. */
  readonly rsvAllowed?: number;
  /** 0: all of it passes. */
  readonly refused: 0 | 1002 | 1007 | 1009;
  /** Whole frames that pass before what is refused. */
  readonly passes?: number;
}

const big = (length: number): Buffer => Buffer.alloc(length, "x");
const more: FrameForm = { fin: false };

const RULES: readonly Rule[] = [
  // 5.1, 5.3: masking.
  { rule: "5.1 frames of a client are masked", of: "client", wire: () => [frame(TEXT, "x")], refused: 1002 },
  { rule: "5.1 those of a server are not", of: "server", wire: () => [frame(TEXT, "x", { mask: KEY })], refused: 1002 },
  { rule: "5.1 control frames are no exception", of: "client", wire: () => [frame(PING)], refused: 1002 },
  {
    rule: "5.1 nor is an empty message",
    of: "server",
    wire: () => [frame(BINARY, "", { mask: [0, 0, 0, 0] })],
    refused: 1002,
  },
  {
    rule: "5.3 any key will do, the same one again, and zero",
    of: "client",
    wire: () => [
      frame(TEXT, "abc", { mask: [0, 0, 0, 0] }),
      frame(TEXT, "abc", { mask: [255, 255, 255, 255] }),
      frame(TEXT, "abc", { mask: [255, 255, 255, 255] }),
    ],
    refused: 0,
  },
  // 5.2: base framing.
  { rule: "5.2 RSV1 without an extension", wire: (m) => [m(TEXT, "x", { rsv: 4 })], refused: 1002 },
  { rule: "5.2 RSV2", wire: (m) => [m(TEXT, "x", { rsv: 2 })], rsvAllowed: 4, refused: 1002 },
  { rule: "5.2 RSV3", wire: (m) => [m(BINARY, "x", { rsv: 1 })], rsvAllowed: 4, refused: 1002 },
  { rule: "5.2 RSV bits of a control frame", wire: (m) => [m(PING, "", { rsv: 1 })], refused: 1002 },
  {
    rule: "5.2 extensions that are not known may set any",
    wire: (m) => [m(TEXT, "x", { rsv: 7 })],
    rsvAllowed: 7,
    refused: 0,
  },
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(
    (opcode): Rule => ({ rule: `5.2 opcode ${opcode} is reserved`, wire: (m) => [m(opcode)], refused: 1002 }),
  ),
  ...[0, 1, 125].map(
    (length): Rule => ({
      rule: `5.2 a length of ${length}, in 7 bits`,
      wire: (m) => [m(BINARY, big(length))],
      refused: 0,
    }),
  ),
  ...[126, 127, 300].map(
    (length): Rule => ({
      rule: `5.2 a length of ${length}, in 16 bits`,
      wire: (m) => [m(BINARY, big(length))],
      refused: 0,
    }),
  ),
  {
    rule: "5.2 a length of 130, in 64 bits: it ought to be shorter, and everybody takes it",
    wire: (m) => [m(BINARY, big(130), { lengthBytes: 8 })],
    refused: 0,
  },
  {
    rule: "5.2 a length of 5, in 16 bits",
    wire: (m) => [m(BINARY, big(5), { lengthBytes: 2 })],
    refused: 0,
  },
  {
    rule: "5.2 the highest bit of a 64-bit length is 0",
    wire: (m) => [m(BINARY, "", { lengthBytes: 8, length: 1n << 63n })],
    refused: 1002,
  },
  {
    rule: "5.2 more than can be counted",
    wire: (m) => [m(BINARY, "", { lengthBytes: 8, length: 1n << 53n })],
    refused: 1009,
  },
  // 5.4: fragmentation.
  {
    rule: "5.4 a message in fragments, empty ones among them",
    wire: (m) => [m(TEXT, "a", more), m(CONTINUATION, "", more), m(CONTINUATION, "b", more), m(CONTINUATION, "")],
    refused: 0,
  },
  {
    rule: "5.4 control frames between fragments",
    wire: (m) => [m(TEXT, "a", more), m(PING, "x"), m(PONG, ""), m(CONTINUATION, "b")],
    refused: 0,
  },
  { rule: "5.4 a continuation needs a beginning", wire: (m) => [m(CONTINUATION, "x")], refused: 1002 },
  {
    rule: "5.4 what is whole is not continued",
    wire: (m) => [m(TEXT, "x"), m(CONTINUATION, "y")],
    refused: 1002,
    passes: 1,
  },
  {
    rule: "5.4 fragments of two messages are not mixed",
    wire: (m) => [m(TEXT, "a", more), m(BINARY, "b")],
    refused: 1002,
    passes: 1,
  },
  {
    rule: "5.4 nor after a control frame",
    wire: (m) => [m(TEXT, "a", more), m(PONG), m(TEXT, "b", more)],
    refused: 1002,
    passes: 2,
  },
  // 5.5: control frames.
  { rule: "5.5 a control frame of 125 bytes", wire: (m) => [m(PING, big(125)), m(PONG, big(125))], refused: 0 },
  { rule: "5.5 a ping of 126 bytes", wire: (m) => [m(PING, big(126))], refused: 1002 },
  { rule: "5.5 a pong whose length is not in 7 bits", wire: (m) => [m(PONG, "x", { lengthBytes: 2 })], refused: 1002 },
  { rule: "5.5 a Close of 126 bytes", wire: (_, side) => [closing(1000, big(124), side)], refused: 1002 },
  ...[CLOSE, PING, PONG].map(
    (opcode): Rule => ({
      rule: `5.5 opcode ${opcode} in fragments`,
      wire: (m) => [m(opcode, "", more)],
      refused: 1002,
    }),
  ),
  // 5.5.1, 7.4: Close.
  { rule: "5.5.1 a Close without a code", wire: (m) => [m(CLOSE)], refused: 0 },
  { rule: "5.5.1 half a code", wire: (m) => [m(CLOSE, "x")], refused: 1002 },
  { rule: "5.5.1 a reason", wire: (_, side) => [closing(1000, "Grüße", side)], refused: 0 },
  { rule: "5.5.1 the longest one", wire: (_, side) => [closing(1000, big(123), side)], refused: 0 },
  {
    rule: "5.5.1 one that is not UTF-8",
    wire: (_, side) => [closing(1000, Buffer.from([0xc3, 0x28]), side)],
    refused: 1007,
  },
  {
    rule: "5.5.1 one that ends within a character",
    wire: (_, side) => [closing(1000, Buffer.from([0xc3]), side)],
    refused: 1007,
  },
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map(
    (code): Rule => ({
      rule: `7.4 code ${code} is not sent`,
      wire: (_, side) => [closing(code, "", side)],
      refused: 1002,
    }),
  ),
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map(
    (code): Rule => ({ rule: `7.4 code ${code} may be`, wire: (_, side) => [closing(code, "", side)], refused: 0 }),
  ),
  // 5.5.2, 5.5.3: pings.
  { rule: "5.5.3 a pong that nobody asked for", wire: (m) => [m(PONG, "unasked")], refused: 0 },
  // 5.6, 8.1: data.
  { rule: "8.1 text is UTF-8", wire: (m) => [m(TEXT, "ünïcödé 𝄞")], refused: 0 },
  {
    rule: "8.1 cut within a character",
    wire: (m) => [m(TEXT, Buffer.from([0xe2, 0x82]), more), m(CONTINUATION, Buffer.from([0xac]))],
    refused: 0,
  },
  { rule: "8.1 a text that is not UTF-8", wire: (m) => [m(TEXT, Buffer.from([0xff]))], refused: 1007 },
  { rule: "8.1 an overlong form", wire: (m) => [m(TEXT, Buffer.from([0xc0, 0xaf]))], refused: 1007 },
  { rule: "8.1 a surrogate", wire: (m) => [m(TEXT, Buffer.from([0xed, 0xa0, 0x80]))], refused: 1007 },
  { rule: "8.1 beyond U+10FFFF", wire: (m) => [m(TEXT, Buffer.from([0xf4, 0x90, 0x80, 0x80]))], refused: 1007 },
  { rule: "8.1 a text that ends within a character", wire: (m) => [m(TEXT, Buffer.from([0xe2]))], refused: 1007 },
  { rule: "5.6 binary data may be anything", wire: (m) => [m(BINARY, Buffer.from([0xff, 0xc0, 0xed]))], refused: 0 },
  {
    rule: "8.1 each text begins anew",
    wire: (m) => [m(TEXT, "é"), m(BINARY, Buffer.from([0xc3])), m(TEXT, "é")],
    refused: 0,
  },
  // RFC 7692: permessage-deflate.
  {
    rule: "RFC 7692 a compressed text is not looked at",
    wire: (m) => [m(TEXT, Buffer.from([0xff]), { rsv: 4 })],
    rsvAllowed: 4,
    refused: 0,
  },
  {
    rule: "RFC 7692 in fragments: only the first is marked",
    wire: (m) => [m(TEXT, "a", { rsv: 4, fin: false }), m(PING), m(CONTINUATION, "b")],
    rsvAllowed: 4,
    refused: 0,
  },
  {
    rule: "RFC 7692 a continuation is not marked",
    wire: (m) => [m(TEXT, "a", { rsv: 4, fin: false }), m(CONTINUATION, "b", { rsv: 4 })],
    rsvAllowed: 4,
    refused: 1002,
    passes: 1,
  },
  { rule: "RFC 7692 nor is a control frame", wire: (m) => [m(PING, "x", { rsv: 4 })], rsvAllowed: 4, refused: 1002 },
  {
    rule: "RFC 7692 messages need not be compressed",
    wire: (m) => [m(TEXT, Buffer.from([0xff]))],
    rsvAllowed: 4,
    refused: 1007,
  },
];

function closing(code: number, reason: Buffer | string, side: Side): Buffer {
  return close(code, reason, side === "client" ? { mask: KEY } : {});
}

const MARK = Buffer.from("<close>");

interface Outcome {
  readonly passed: string;
  readonly refused: number;
}

/** `split`: of a text that turned out bad, a part had passed. */
function run(side: Side, rsvAllowed: number, pieces: readonly Buffer[]): Outcome & { readonly split: boolean } {
  const { stream, target, owner } = streamOf({ ...NO_LIMITS, validate: true, rsvAllowed }, side === "client");
  owner.closing = MARK;
  for (const piece of pieces) stream.pass(piece, piece.length);
  const fault = owner.events.find((event) => !event.startsWith("close"));
  const passed = target.all.toString("hex");
  return {
    passed,
    refused: fault === undefined ? 0 : Number.parseInt(fault, 10),
    split: fault?.includes("split") ?? false,
  };
}

for (const side of ["client", "server"] as const) {
  const make: Make = (opcode, payload = "", form = {}) =>
    frame(opcode, payload, side === "client" ? { mask: KEY, ...form } : form);
  describe(`what a ${side} sends`, () => {
    for (const { rule, of, wire, rsvAllowed = 0, refused, passes = 0 } of RULES) {
      if (of !== undefined && of !== side) continue;
      test(`${rule}: ${refused === 0 ? "passes" : refused}`, () => {
        const frames = wire(make, side);
        const all = Buffer.concat(frames);
        const before = Buffer.concat(frames.slice(0, passes));
        const passed = (refused === 0 ? all : Buffer.concat([before, MARK])).toString("hex");
        const check = (pieces: readonly Buffer[]): void => {
          const outcome = run(side, rsvAllowed, pieces);
          expect(outcome.refused).toBe(refused);
          if (!outcome.split) expect(outcome.passed).toBe(passed);
          else expect(all.toString("hex")).toStartWith(outcome.passed);
        };
        check([all]);
        check(Array.from(all, (byte) => Buffer.from([byte])));
        for (let cut = 1; cut < all.length; cut++) check([all.subarray(0, cut), all.subarray(cut)]);
      });
    }
  });

  describe(`what a ${side} compresses`, () => {
    const bomb = deflateRawSync(Buffer.alloc(5000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const half = bomb.length >> 1;
    const rows: readonly (readonly [name: string, frames: readonly Buffer[], maxBytes: number, event: string])[] = [
      ["as large as allowed", [make(TEXT, bomb, { rsv: 4 })], 5000, ""],
      ["larger", [make(TEXT, bomb, { rsv: 4 })], 4999, "too big"],
      [
        "larger, in fragments",
        [
          make(BINARY, bomb.subarray(0, half), { rsv: 4, fin: false }),
          make(PING),
          make(CONTINUATION, bomb.subarray(half)),
        ],
        4999,
        "too big",
      ],
      ["not compressed after all", [make(TEXT, Buffer.from([0xff, 0xff, 0xff]), { rsv: 4 })], 5000, "1007"],
      ["not marked as compressed", [make(BINARY, bomb)], 4999, ""],
    ];
    for (const [name, frames, maxMessageBytes, event] of rows) {
      test(name, () => {
        const all = Buffer.concat(frames);
        for (let cut = 0; cut <= all.length; cut++) {
          const inflater = new Inflater(maxMessageBytes, cut % 2 === 0);
          const rules = { ...NO_LIMITS, rsvAllowed: 4, maxMessageBytes, inflater };
          const { stream, target, owner } = streamOf(rules, side === "client");
          owner.closing = MARK;
          stream.pass(all, cut);
          stream.pass(all.subarray(cut), all.length - cut);
          expect(owner.events.length).toBe(event === "" ? 0 : 1);
          if (event === "") expect(target.all).toEqual(all);
          else {
            expect(owner.events[0]).toStartWith(event);
            // The frame that was too much is not complete on the other side.
            const passed = target.all.latin1Slice().replace(MARK.latin1Slice(), "");
            expect(passed.length).toBeLessThan(all.length);
            expect(all.latin1Slice()).toStartWith(passed);
          }
          stream.release();
        }
      });
    }
  });
}

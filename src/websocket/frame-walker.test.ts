/** The frame layer of RFC 6455, section 5, with chunks cut at every byte. */
import { expect, test } from "bun:test";
import { binary, close, frame, KEY, more, ping, pong, text } from "./frame-fixture.ts";
import {
  CLOSE,
  FrameWalker,
  IN_ORDER,
  MESSAGE_UNFINISHED,
  NO_CODE,
  NOTHING_TO_CONTINUE,
  PONG,
} from "./frame-walker.ts";

/** What has passed by the end of the bytes. */
interface Seen {
  readonly messages: number;
  readonly bytes: number;
  readonly closeCode: number;
  readonly atBoundary: boolean;
}

interface Row {
  readonly name: string;
  readonly wire: readonly Buffer[];
  readonly messages?: number;
  readonly bytes?: number;
  readonly closeCode?: number;
  /** Default: true. */
  readonly atBoundary?: boolean;
}

const big = (length: number): Buffer => Buffer.alloc(length, "x");

const ROWS: readonly Row[] = [
  { name: "nothing", wire: [] },
  { name: "5.2 one unmasked text", wire: [text("Hello")], messages: 1, bytes: 5 },
  { name: "5.3 one masked text", wire: [text("Hello", { mask: KEY })], messages: 1, bytes: 5 },
  { name: "5.2 an empty message", wire: [text("")], messages: 1 },
  { name: "5.2 an empty masked message", wire: [binary("", { mask: KEY })], messages: 1 },
  { name: "5.2 length 125 in one byte", wire: [binary(big(125))], messages: 1, bytes: 125 },
  { name: "5.2 length 126 in two more", wire: [binary(big(126))], messages: 1, bytes: 126 },
  { name: "5.2 length 126 in two more, masked", wire: [binary(big(126), { mask: KEY })], messages: 1, bytes: 126 },
  { name: "5.2 length in 8 more bytes", wire: [binary(big(300), { lengthBytes: 8 })], messages: 1, bytes: 300 },
  { name: "5.2 length not in the fewest bytes", wire: [binary("ab", { lengthBytes: 2 })], messages: 1, bytes: 2 },
  {
    name: "5.2 length in 8 more bytes, masked",
    wire: [binary(big(300), { lengthBytes: 8, mask: KEY }), text("x", { mask: KEY })],
    messages: 2,
    bytes: 301,
  },
  {
    name: "5.2 RSV1 of permessage-deflate",
    wire: [text("zz", { rsv: 4, fin: false }), more("z")],
    messages: 1,
    bytes: 3,
  },
  {
    name: "5.4 three fragments",
    wire: [text("a", { fin: false }), more("bc", { fin: false }), more("def")],
    messages: 1,
    bytes: 6,
  },
  { name: "5.4 a last fragment without payload", wire: [text("a", { fin: false }), more("")], messages: 1, bytes: 1 },
  { name: "5.4 a message without its last fragment", wire: [text("a", { fin: false })], messages: 0, bytes: 1 },
  {
    name: "5.5 control frames between fragments",
    wire: [text("a", { fin: false }), ping("are you"), pong(""), more("b"), binary("c")],
    messages: 2,
    bytes: 3,
  },
  { name: "5.5 control frames are no messages", wire: [ping(big(125)), pong("", { mask: KEY })] },
  { name: "5.5.1 Close with a code", wire: [close(1000)], closeCode: 1000 },
  { name: "5.5.1 Close with a reason", wire: [close(4999, "because")], closeCode: 4999 },
  { name: "5.5.1 a masked Close", wire: [close(1001, "gone", { mask: KEY })], closeCode: 1001 },
  { name: "5.5.1 Close without a code", wire: [frame(CLOSE)], closeCode: NO_CODE },
  { name: "5.5.1 Close with half a code", wire: [frame(CLOSE, "x")], closeCode: NO_CODE },
  { name: "5.5.1 nothing is read behind a Close", wire: [close(1000), text("late")], closeCode: 1000 },
  {
    name: "5.5.1 a Close within a fragmented message",
    wire: [text("a", { fin: false, mask: KEY }), close(1002, "", { mask: KEY })],
    bytes: 1,
    closeCode: 1002,
  },
  { name: "a frame that is not whole", wire: [text("Hello").subarray(0, 4)], atBoundary: false },
  {
    name: "a header that is not whole",
    wire: [text("a"), Buffer.from([0x81])],
    messages: 1,
    bytes: 1,
    atBoundary: false,
  },
];

function walked(walker: FrameWalker): Seen {
  const { messages, bytes, closeCode, atBoundary } = walker;
  return { messages, bytes, closeCode, atBoundary };
}

for (const { name, wire, messages = 0, bytes = 0, closeCode = 0, atBoundary = true } of ROWS) {
  test(`${name}: in one chunk, byte by byte, and cut in two at every byte`, () => {
    const all = Buffer.concat(wire);
    const seen = { messages, bytes, closeCode, atBoundary };
    const whole = new FrameWalker();
    whole.walk(all, 0, all.length);
    expect(walked(whole)).toEqual(seen);
    const single = new FrameWalker();
    for (let i = 0; i < all.length; i++) single.walk(all, i, i + 1);
    expect(walked(single)).toEqual(seen);
    for (let cut = 0; cut <= all.length; cut++) {
      const halves = new FrameWalker();
      halves.walk(all, 0, cut);
      halves.walk(all, cut, all.length);
      expect(walked(halves)).toEqual(seen);
    }
  });
}

/** What a frame's header says, with the order of fragments. */
const HEADERS: readonly { readonly name: string; readonly wire: readonly Buffer[]; readonly order: number }[] = [
  { name: "a text", wire: [text("a")], order: IN_ORDER },
  { name: "a continuation of nothing", wire: [more("a")], order: NOTHING_TO_CONTINUE },
  { name: "a continuation after a whole message", wire: [text("a"), more("b")], order: NOTHING_TO_CONTINUE },
  { name: "a continuation", wire: [text("a", { fin: false }), more("b")], order: IN_ORDER },
  { name: "a text in a message", wire: [binary("a", { fin: false }), text("b")], order: MESSAGE_UNFINISHED },
  { name: "a ping in a message", wire: [binary("a", { fin: false }), ping("b")], order: IN_ORDER },
  { name: "a ping between messages", wire: [binary("a"), ping("b")], order: IN_ORDER },
];

for (const { name, wire, order } of HEADERS) {
  test(`order: ${name}`, () => {
    const walker = new FrameWalker();
    for (const bytes of wire) walker.walk(bytes, 0, bytes.length);
    expect(walker.order).toBe(order);
  });
}

test("lengths of 2^53 - 1 and more are read as they are written", () => {
  for (const [length, read] of [
    [9_007_199_254_740_991n, 9_007_199_254_740_991],
    [1n << 60n, 2 ** 60],
    [(1n << 64n) - 1n, 2 ** 64],
  ] as const) {
    const walker = new FrameWalker();
    const wire = binary("", { length, lengthBytes: 8 });
    expect(walker.readHeader(wire, 0, wire.length)).toBe(10);
    expect(walker.inPayload).toBe(true);
    expect(walker.payloadLength).toBe(read);
  }
});

test("header and payload one by one", () => {
  const walker = new FrameWalker();
  const wire = Buffer.concat([pong("1234", { mask: KEY, rsv: 2 }), text("b")]);
  expect(walker.readHeader(wire, 0, wire.length)).toBe(6);
  expect([walker.opcode, walker.fin, walker.rsv, walker.masked, walker.payloadLeft]).toEqual([PONG, true, 2, true, 4]);
  expect(walker.maskKey >>> 0).toBe(0x1122f384);
  expect(walker.isControl).toBe(true);
  expect(walker.walkPayload(wire, 6, 8)).toBe(8);
  expect(walker.payloadLeft).toBe(2);
  expect(walker.walkPayload(wire, 8, wire.length)).toBe(10);
  expect([walker.inPayload, walker.atBoundary]).toEqual([false, true]);
});

test("the size of a message is known with each header", () => {
  const walker = new FrameWalker();
  const first = text("abc", { fin: false });
  walker.walk(first, 0, first.length);
  const second = more(big(200), { fin: false });
  walker.readHeader(second, 0, second.length);
  expect(walker.messageBytes).toBe(203);
  expect(walker.messageOpcode).toBe(1);
});

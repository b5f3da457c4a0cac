/** What of a client's frames reaches the upstream, with chunks cut at every byte. */
import { describe, expect, test } from "bun:test";
import { pingFrame } from "./control-frame.ts";
import { binary, close, frame, KEY, more, ping, pong, text } from "./frame-fixture.ts";
import type { StreamRules } from "./frame-stream.ts";
import { readOwnPing } from "./own-ping-fixture.ts";
import { NO_LIMITS, type RememberingOwner, type RememberingSide, streamOf } from "./stream-fixture.ts";

const masked = { mask: KEY };
const m = {
  text: (payload: string, fin = true): Buffer => text(payload, { ...masked, fin }),
  more: (payload: string, fin = true): Buffer => more(payload, { ...masked, fin }),
  ping: (payload: Buffer | string): Buffer => ping(payload, masked),
  pong: (payload: Buffer | string): Buffer => pong(payload, masked),
  close: (code: number, reason: Buffer | string = ""): Buffer => close(code, reason, masked),
};
const own = readOwnPing();
const CLOSED = Buffer.from("<close>");

interface Row {
  readonly name: string;
  readonly rules?: Partial<StreamRules>;
  readonly wire: readonly Buffer[];
  /** What reaches the target; the whole wire where it is left out. */
  readonly passed?: readonly Buffer[];
  readonly events?: readonly string[];
  readonly messages?: number;
}

const validate = { validate: true };

const ROWS: readonly Row[] = [
  { name: "messages pass", wire: [m.text("a"), m.text("b", false), m.ping("x"), m.more("c")], messages: 2 },
  { name: "a Close is told", wire: [m.close(1000, "bye")], events: ["close 1000"] },
  {
    name: "what is not whole passes as far as it goes",
    wire: [m.text("abc"), m.text("def").subarray(0, 8)],
    messages: 1,
  },
  { name: "behind a Close anything passes", wire: [m.close(1000), m.text("late")], events: ["close 1000"] },
  {
    name: "validate: nothing passes behind a Close",
    rules: validate,
    wire: [m.close(1000), m.text("late")],
    passed: [m.close(1000)],
    events: ["close 1000"],
  },
  { name: "own pongs are swallowed", rules: { pinged: true }, wire: [m.pong(own)], passed: [], events: ["pong"] },
  {
    name: "own pongs between others",
    rules: { pinged: true },
    wire: [m.pong("12345678"), m.text("a", false), m.pong(own), m.pong(own), m.more("b"), m.pong(own), m.pong("x")],
    passed: [m.pong("12345678"), m.text("a", false), m.more("b"), m.pong("x")],
    events: ["pong", "pong", "pong"],
    messages: 1,
  },
  {
    name: "an own pong is swallowed masked with any key, and not masked",
    rules: { pinged: true },
    wire: [pong(own), pong(own, { mask: [0, 0, 0, 0] }), pong(own, { mask: [255, 1, 128, 127] }), m.text("x")],
    passed: [m.text("x")],
    events: ["pong", "pong", "pong"],
    messages: 1,
  },
  { name: "without pings nothing is swallowed", wire: [m.pong(own)] },
  {
    name: "as large as allowed",
    rules: { maxMessageBytes: 4 },
    wire: [m.text("abcd"), m.text("ab", false), m.ping("abcdefg"), m.more("cd")],
    messages: 2,
  },
  {
    name: "too large",
    rules: { maxMessageBytes: 4 },
    wire: [m.text("ab"), m.text("abcde"), m.text("c")],
    passed: [m.text("ab"), CLOSED],
    events: ["too big: 5"],
    messages: 1,
  },
  {
    name: "too large, in fragments; then the client answers the Close",
    rules: { maxMessageBytes: 4 },
    wire: [m.text("abc", false), m.more("de"), m.close(1009)],
    passed: [m.text("abc", false), CLOSED],
    events: ["too big: 5", "close 1009"],
    messages: 0,
  },
  {
    name: "far too large: nothing is waited for",
    rules: { maxMessageBytes: 4 },
    wire: [frame(2, "", { ...masked, length: 1n << 50n, lengthBytes: 8 })],
    passed: [CLOSED],
    events: [`too big: ${2 ** 50}`],
  },
  {
    name: "validate: a fault, and nothing more",
    rules: validate,
    wire: [m.text("ok"), text("x"), m.close(1000)],
    passed: [m.text("ok"), CLOSED],
    events: ["1002"],
    messages: 1,
  },
  {
    name: "validate: a wrong Close does not pass",
    rules: validate,
    wire: [m.text("ok"), m.close(1006)],
    passed: [m.text("ok"), CLOSED],
    events: ["1002"],
    messages: 1,
  },
  { name: "validate: a right Close does", rules: validate, wire: [m.close(4000, "é")], events: ["close 4000"] },
  { name: "validate: an empty Close does", rules: validate, wire: [frame(8, "", masked)], events: ["close 1005"] },
  {
    name: "validate: binary is not text",
    rules: validate,
    wire: [binary(Buffer.from([0xff]), masked), m.text("ok")],
    messages: 2,
  },
  {
    name: "validate: compressed text is not text",
    rules: { validate: true, rsvAllowed: 4 },
    wire: [text(Buffer.from([0xff]), { ...masked, rsv: 4, fin: false }), more(Buffer.from([0xfe]), masked)],
    messages: 1,
  },
];

interface Outcome {
  readonly passed: string;
  readonly events: readonly string[];
  readonly messages: number;
}

function run(rules: Partial<StreamRules>, pieces: readonly Buffer[]): Outcome {
  const { stream, target, owner } = streamOf({ ...NO_LIMITS, ...rules });
  for (const piece of pieces) {
    // As sockets do: the buffer is longer than the chunk, and overwritten afterwards.
    const room = Buffer.concat([piece, Buffer.alloc(3, 0xa5)]);
    stream.pass(room, piece.length);
    room.fill(0xa5);
  }
  stream.passRest();
  return { passed: target.all.toString("hex"), events: owner.events, messages: stream.walker.messages };
}

describe("what passes", () => {
  for (const { name, rules = {}, wire, passed = wire, events = [], messages = 0 } of ROWS) {
    test(name, () => {
      const all = Buffer.concat(wire);
      const expected = { passed: Buffer.concat(passed).toString("hex"), events, messages };
      expect(run(rules, [all])).toEqual(expected);
      expect(
        run(
          rules,
          Array.from(all, (byte) => Buffer.from([byte])),
        ),
      ).toEqual(expected);
      for (let cut = 1; cut < all.length; cut++) {
        expect(run(rules, [all.subarray(0, cut), all.subarray(cut)])).toEqual(expected);
      }
    });
  }
});

/** Text that turns out not to be UTF-8: of its frame nothing passes if it came in one chunk; what has passed is `split`. */
test("validate: bad text is not passed on, and splits its frame only where a part had passed", () => {
  const wire = Buffer.concat([m.text("ok"), text(Buffer.from([0x61, 0x62, 0xff, 0x63]), masked), m.text("late")]);
  for (let cut = 0; cut <= wire.length; cut++) {
    const { stream, target, owner } = streamOf({ ...NO_LIMITS, validate: true });
    stream.pass(wire, cut);
    stream.pass(wire.subarray(cut), wire.length - cut);
    const badAt = 8 + 6;
    // The header of the bad frame, and one or two good bytes.
    const isSplit = cut > badAt - 6 && cut <= badAt + 2;
    expect(owner.events.length).toBe(1);
    expect(owner.events[0]).toStartWith("1007");
    if (!isSplit || owner.events[0] === "1007") {
      expect(target.all).toEqual(Buffer.concat([m.text("ok"), CLOSED]));
    } else expect(target.all).toEqual(wire.subarray(0, cut));
  }
});

const INSERTED = Buffer.from("<ping>");

/** A frame is inserted after the first `at` bytes; where it comes to stand is `place`. */
function inserted(
  rules: StreamRules | undefined,
  wire: Buffer,
  at: number,
): { owner: RememberingOwner; target: RememberingSide } {
  const { stream, target, owner } = streamOf(rules);
  stream.pass(wire, at);
  stream.insert(INSERTED);
  stream.pass(wire.subarray(at), wire.length - at);
  stream.passRest();
  return { owner, target };
}

describe("insertion", () => {
  const frames = [m.text("abc", false), m.ping("p"), m.more("defg"), m.text("")];
  const wire = Buffer.concat(frames);
  const ends = frames.map((_, i) => Buffer.concat(frames.slice(0, i + 1)).length);

  for (const rules of [undefined, NO_LIMITS, { ...NO_LIMITS, validate: true, maxMessageBytes: 100, pinged: true }]) {
    test(`stands between frames, wherever the chunks are cut; ${rules === undefined ? "without rules" : rules.validate ? "all rules" : "no rules"}`, () => {
      for (let at = 0; at <= wire.length; at++) {
        const { target, owner } = inserted(rules, wire, at);
        const place = target.all.indexOf(INSERTED);
        expect(place === 0 || ends.includes(place)).toBe(true);
        expect(Buffer.concat([target.all.subarray(0, place), target.all.subarray(place + INSERTED.length)])).toEqual(
          wire,
        );
        // Not later than at the end of the frame that was under way.
        expect(place).toBeLessThanOrEqual(ends.find((end) => end >= at) ?? 0);
        expect(owner.events.filter((event) => event === "inserted").length).toBeLessThanOrEqual(1);
      }
    });

    test(`a Close is the last that is passed; ${rules === undefined ? "without rules" : rules.validate ? "all rules" : "no rules"}`, () => {
      for (let at = 0; at <= wire.length; at++) {
        const { stream, target, side } = streamOf(rules);
        stream.pass(wire, at);
        stream.endWith(CLOSED);
        stream.pass(wire.subarray(at), wire.length - at);
        stream.pass(m.close(1000), m.close(1000).length);
        const place = target.all.indexOf(CLOSED);
        expect(place + CLOSED.length).toBe(target.all.length);
        expect(place === 0 || ends.includes(place)).toBe(true);
        expect(target.all.subarray(0, place)).toEqual(wire.subarray(0, place));
        expect(stream.answered).toBe(true);
        expect(stream.walker.closeCode).toBe(1000);
        expect(side.calls).toContain("read on");
      }
    });
  }
});

describe("messages that come too early", () => {
  const wire = Buffer.concat([m.text("a"), m.text("b"), m.ping("c"), m.text(""), m.close(1000)]);

  test("wait, with all that comes behind them", () => {
    for (let cut = 0; cut <= wire.length; cut++) {
      let early = 0;
      const bucket = { count: () => (early++ % 2 === 1 ? 7 : 0) };
      const { stream, target, side, owner } = streamOf({ ...NO_LIMITS, bucket });
      owner.delays = true;
      stream.pass(wire, cut);
      stream.pass(wire.subarray(cut), wire.length - cut);
      expect(target.all).toEqual(m.text("a"));
      stream.resume();
      expect(target.all).toEqual(Buffer.concat([m.text("a"), m.text("b"), m.ping("c")]));
      stream.resume();
      expect(target.all).toEqual(wire);
      expect(owner.events).toEqual(["too early by 7", "too early by 7", "close 1000"]);
      expect(side.calls).toEqual(["hold", "release", "hold", "release"]);
    }
  });

  test("are counted one after another, not when they came, nor when a late timer let them go", async () => {
    const turns: number[] = [];
    const bucket = { count: (nowMs: number) => (turns.push(nowMs) === 1 ? 0 : 7) };
    const { stream, target, owner } = streamOf({ ...NO_LIMITS, bucket });
    owner.delays = true;
    stream.pass(wire, wire.length);
    expect(stream.waits).toBe(true);
    await Bun.sleep(30);
    // All turns are over.
    stream.resume();
    expect(target.all).toEqual(wire);
    const [, second = 0, third = 0, fourth = 0] = turns;
    expect(third - second).toBeGreaterThanOrEqual(7);
    expect(fourth - third).toBeGreaterThanOrEqual(7 - 0.001);
    expect(stream.messageMs - stream.receivedMs).toBeGreaterThan(29);
  });

  test("pass before a Close of the proxy", () => {
    const bucket = { count: () => 7 };
    const { stream, target, owner } = streamOf({ ...NO_LIMITS, bucket });
    owner.delays = true;
    stream.pass(wire, wire.length - 8);
    stream.endWith(CLOSED);
    expect(target.all).toEqual(Buffer.concat([wire.subarray(0, wire.length - 8), CLOSED]));
  });

  test("end the stream where they may not wait", () => {
    let count = 0;
    const bucket = { count: () => (count++ === 0 ? 0 : 5) };
    const { stream, target, owner } = streamOf({ ...NO_LIMITS, bucket });
    stream.pass(wire, wire.length);
    expect(target.all).toEqual(Buffer.concat([m.text("a"), CLOSED]));
    expect(owner.events).toEqual(["too early by 5", "close 1000"]);
  });
});

test("a ping frame of the proxy is a frame", () => {
  expect(pingFrame(false)).toEqual(ping(own));
  const sent = pingFrame(true);
  const key = [sent[2]!, sent[3]!, sent[4]!, sent[5]!] as const;
  expect(sent).toEqual(ping(own, { mask: key }));
});

/** A side counts what a walker alone would count, however the bytes come. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { holds } from "../../test/harness/property.ts";
import { NOWHERE } from "../metrics/cells.ts";
import { CountedSide } from "./counted-side.ts";
import { type FrameForm, frame, KEY } from "./frame-fixture.ts";
import { BINARY, CLOSE, CONTINUATION, FrameWalker, PING, TEXT } from "./frame-walker.ts";

class Side extends CountedSide {
  receive(bytes: Buffer): boolean {
    // As sockets do: the buffer is longer than the chunk.
    const room = Buffer.concat([bytes, Buffer.from([0x81, 0x00])]);
    return this.counts && this.count(room, bytes.length);
  }
}

const anyFrame = fc
  .record({
    opcode: fc.constantFrom(TEXT, TEXT, BINARY, BINARY, CONTINUATION, PING),
    bytes: fc.constantFrom(0, 1, 5, 124, 125, 126, 300, 66_000),
    masked: fc.boolean(),
    fin: fc.constantFrom(true, true, true, false),
    rsv: fc.constantFrom(0, 0, 4),
  })
  .map(({ opcode, bytes, masked, fin, rsv }): Buffer => {
    const form: FrameForm = { fin, rsv, ...(masked ? { mask: KEY } : {}) };
    return frame(opcode, Buffer.alloc(bytes, "x"), form);
  });

test("frames of any kind, cut anywhere", () => {
  holds(
    fc.property(
      fc.array(anyFrame, { maxLength: 12 }),
      fc.option(fc.constant(frame(CLOSE, Buffer.from([0x03, 0xe8])))),
      fc.array(fc.nat(70_000), { maxLength: 12 }),
      (frames, close, cuts) => {
        const wire = Buffer.concat([...frames, ...(close === null ? [] : [close, Buffer.from("late")])]);
        const alone = new FrameWalker();
        const over = alone.walk(wire, 0, wire.length);
        const side = new Side();
        side.countIn(NOWHERE);
        let told = false;
        const places = [...cuts.filter((cut) => cut < wire.length), wire.length].sort((a, b) => a - b);
        let from = 0;
        for (const to of places) {
          if (to > from) told = side.receive(wire.subarray(from, to)) || told;
          from = to;
        }
        expect([side.messages, side.bytes, side.closeCode]).toEqual([alone.messages, alone.bytes, alone.closeCode]);
        const walker = side.stopCounting();
        expect([told, walker.messages, walker.bytes, walker.closeCode, walker.atBoundary]).toEqual([
          over,
          alone.messages,
          alone.bytes,
          alone.closeCode,
          alone.atBoundary,
        ]);
      },
    ),
    300,
  );
});

test("what it has counted is the walker's when it stops", () => {
  const wire = frame(TEXT, "first");
  const side = new Side();
  side.countIn(NOWHERE);
  side.receive(wire);
  const walker = side.stopCounting();
  expect(side.receive(wire)).toBe(false);
  expect([walker.messages, walker.bytes]).toEqual([1, 5]);
});

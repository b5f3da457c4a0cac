import { describe, expect, test } from "bun:test";
import { frame } from "../websocket/frame-fixture.ts";
import { clientFrame, readFrame } from "./frames.ts";

describe("frames", () => {
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 100_000]) {
    const payload = Buffer.alloc(length, "x");
    test(`${length} bytes, there and back`, () => {
      const bytes = clientFrame(2, payload);
      expect((bytes[1] ?? 0) & 0x80).toBe(0x80);
      const masked = readFrame(bytes);
      expect([masked?.used, masked?.value.masked, masked?.value.payload.length]).toEqual([bytes.length, true, length]);
      const plain = frame(2, payload);
      const read = readFrame(Buffer.concat([plain, Buffer.from("more")]));
      expect(read).toEqual({ value: { fin: true, opcode: 2, masked: false, rsv: 0, payload }, used: plain.length });
    });
    test(`${length} bytes, cut anywhere`, () => {
      const bytes = frame(1, payload);
      for (const cut of [0, 1, 2, 3, 9, bytes.length - 1])
        if (cut < bytes.length) expect(readFrame(bytes.subarray(0, cut))).toBeUndefined();
    });
  }
});

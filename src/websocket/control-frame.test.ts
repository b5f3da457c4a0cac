/** The proxy's own control frames, as a peer reads them. */
import { expect, test } from "bun:test";
import { closeFrame, isOwnPong, pingFrame } from "./control-frame.ts";
import { close, KEY, pong } from "./frame-fixture.ts";
import { readOwnPing } from "./own-ping-fixture.ts";

/** A masked frame without its mask. */
function unmasked(frame: Buffer): Buffer {
  const key = frame.subarray(2, 6);
  const payload = frame.subarray(6).map((byte, i) => byte ^ key[i & 3]!);
  return Buffer.concat([Buffer.from([frame[0]!, frame[1]! & 0x7f]), payload]);
}

const CLOSES: readonly (readonly [code: number, reason: string, sent: string])[] = [
  [1001, "", ""],
  [1009, "message too big", "message too big"],
  [3000, "x".repeat(123), "x".repeat(123)],
  // A control frame has room for 125 bytes (RFC 6455, 5.5).
  [1008, "y".repeat(200), "y".repeat(123)],
];

for (const [code, reason, sent] of CLOSES) {
  test(`Close ${code} with a reason of ${reason.length} bytes`, () => {
    expect(closeFrame(code, reason, false)).toEqual(close(code, sent));
    const masked = closeFrame(code, reason, true);
    expect(masked[1]! & 0x80).toBe(0x80);
    expect(unmasked(masked)).toEqual(close(code, sent));
  });
}

test("masks differ from frame to frame", () => {
  const keys = Array.from({ length: 50 }, () => pingFrame(true).subarray(2, 6).toString("hex"));
  expect(new Set(keys).size).toBeGreaterThan(45);
  expect(unmasked(pingFrame(true))).toEqual(pingFrame(false));
});

test("own pongs are told from others", () => {
  const own = readOwnPing();
  const key = KEY.reduce((all, byte) => (all << 8) | byte, 0);
  expect(isOwnPong(pong(own), 2, 0)).toBe(true);
  expect(isOwnPong(pong(own, { mask: KEY }), 6, key)).toBe(true);
  for (let i = 0; i < own.length; i++) {
    const other = Buffer.from(own);
    other[i]! ^= 1;
    expect(isOwnPong(pong(other), 2, 0)).toBe(false);
    expect(isOwnPong(pong(other, { mask: KEY }), 6, key)).toBe(false);
  }
});

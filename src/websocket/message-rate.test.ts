import { describe, expect, test } from "bun:test";
import { ConfigFault } from "../config/directive.ts";
import { MessageBucket, parseMessageRate } from "./message-rate.ts";

const PARSED = [
  { args: ["50r/s"], rate: { perSecond: 50_000, burst: 0, delay: false } },
  { args: ["60r/m", "burst=5"], rate: { perSecond: 1000, burst: 5, delay: false } },
  { args: ["1r/m", "delay", "burst=1"], rate: { perSecond: 1000 / 60, burst: 1, delay: true } },
  { args: ["50"], fault: 'invalid rate "50"' },
  { args: ["0r/s"], fault: 'invalid rate "0r/s"' },
  { args: ["-1r/s"], fault: 'invalid rate "-1r/s"' },
  { args: ["5r/h"], fault: 'invalid rate "5r/h"' },
  { args: ["5r/s", "burst=0"], fault: 'invalid burst value "burst=0"' },
  { args: ["5r/s", "burst=x"], fault: 'invalid burst value "burst=x"' },
  { args: ["5r/s", "nodelay"], fault: 'invalid parameter "nodelay"' },
] as const;

describe("parseMessageRate", () => {
  for (const row of PARSED) {
    test(row.args.join(" "), () => {
      const [rate, ...options] = row.args;
      const parsed = parseMessageRate(rate, options);
      if ("fault" in row) expect(parsed instanceof ConfigFault && parsed.message).toBe(row.fault);
      else expect(parsed).toEqual(row.rate);
    });
  }
});

/** When messages come, and by how much each is too early. */
const COUNTED = [
  { name: "one now and then", burst: 0, at: [0, 100, 200, 5000], early: [0, 0, 0, 0] },
  { name: "two at once", burst: 0, at: [0, 0], early: [0, 100] },
  { name: "each when the one before has left", burst: 0, at: [0, 0, 100, 200, 300], early: [0, 100, 100, 100, 100] },
  { name: "half a gap", burst: 0, at: [0, 50, 100, 200], early: [0, 50, 100, 100] },
  { name: "a burst", burst: 2, at: [0, 0, 0, 0, 0], early: [0, 0, 0, 100, 200] },
  {
    name: "a burst after a long rest is no longer",
    burst: 2,
    at: [0, 60_000, 60_000, 60_000, 60_000],
    early: [0, 0, 0, 0, 100],
  },
  { name: "a burst fills again", burst: 2, at: [0, 0, 0, 200, 200, 200], early: [0, 0, 0, 0, 0, 100] },
] as const;

describe("MessageBucket at ten a second", () => {
  for (const { name, burst, at, early } of COUNTED) {
    test(name, () => {
      const bucket = new MessageBucket({ perSecond: 10_000, burst, delay: false });
      expect(at.map((ms) => bucket.count(ms))).toEqual([...early]);
    });
  }
});

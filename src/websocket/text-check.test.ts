/** UTF-8, masked or not, cut anywhere: as the platform's own decoder has it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { TextCheck } from "./text-check.ts";

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Checks bytes in pieces that end at `cuts`, masked with `key`. */
function checked(bytes: Uint8Array, cuts: readonly number[], key: number): boolean {
  const masked = Uint8Array.from(bytes, (byte, i) => byte ^ ((key >>> (24 - 8 * (i & 3))) & 0xff));
  const check = new TextCheck();
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    if (!check.check(masked, from, to, key, from)) return false;
    from = to;
  }
  return check.complete;
}

const ROWS: readonly { readonly name: string; readonly bytes: readonly number[]; readonly right: boolean }[] = [
  { name: "nothing", bytes: [], right: true },
  { name: "two bytes", bytes: [0xc3, 0xa9], right: true },
  { name: "three bytes", bytes: [0xe2, 0x82, 0xac], right: true },
  { name: "four bytes", bytes: [0xf0, 0x9d, 0x84, 0x9e], right: true },
  { name: "U+D7FF", bytes: [0xed, 0x9f, 0xbf], right: true },
  { name: "U+10FFFF", bytes: [0xf4, 0x8f, 0xbf, 0xbf], right: true },
  { name: "a continuation alone", bytes: [0x80], right: false },
  { name: "overlong in two", bytes: [0xc0, 0x80], right: false },
  { name: "overlong in two, last", bytes: [0xc1, 0xbf], right: false },
  { name: "overlong in three", bytes: [0xe0, 0x9f, 0xbf], right: false },
  { name: "overlong in four", bytes: [0xf0, 0x8f, 0xbf, 0xbf], right: false },
  { name: "a surrogate", bytes: [0xed, 0xa0, 0x80], right: false },
  { name: "above U+10FFFF", bytes: [0xf4, 0x90, 0x80, 0x80], right: false },
  { name: "F5", bytes: [0xf5, 0x80, 0x80, 0x80], right: false },
  { name: "FF", bytes: [0x61, 0x61, 0x61, 0x61, 0xff], right: false },
  { name: "cut short", bytes: [0x61, 0xf0, 0x9d, 0x84], right: false },
];

describe("TextCheck", () => {
  for (const { name, bytes, right } of ROWS) {
    test(name, () => {
      const all = Uint8Array.from(bytes);
      expect(isUtf8(all)).toBe(right);
      for (let cut = 0; cut <= all.length; cut++) expect(checked(all, [cut], 0x0a1b2c3d)).toBe(right);
    });
  }

  test("as the platform decodes, for texts and for what is nearly text", () => {
    const { FUZZ_SEED: seed } = process.env;
    const text = fc.string({ unit: "binary", maxLength: 40 }).map((value) => Uint8Array.from(Buffer.from(value)));
    const nearly = fc.tuple(text, fc.nat(), fc.nat(255)).map(([bytes, at, byte]) => {
      if (bytes.length > 0) bytes[at % bytes.length] = byte;
      return bytes;
    });
    const cuts = fc.array(fc.nat(120), { maxLength: 4 });
    fc.assert(
      fc.property(fc.oneof(text, nearly, fc.uint8Array({ maxLength: 20 })), cuts, fc.integer(), (bytes, at, key) => {
        const places = at.filter((cut) => cut <= bytes.length).sort((a, b) => a - b);
        return checked(bytes, places, key) === isUtf8(bytes);
      }),
      { numRuns: 3000, ...(seed === undefined ? {} : { seed: Number(seed) }) },
    );
  });
});

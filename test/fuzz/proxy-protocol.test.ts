/** Random and mutated PROXY protocol headers: no exception, the same result for every cut, nothing beyond the header read. */
import { expect, test } from "bun:test";
import { fuzzSeed, mutate, type Random, randomCuts, randomText, seededRandom } from "../../src/http/fuzz-input.ts";
import { ProxyHeaderParser } from "../../src/http/proxy-protocol.ts";
import { tlvGet } from "../../src/http/proxy-protocol-tlv.ts";

const ROUNDS = 6000;
const MAX_HEADER_BYTES = 4096;
const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const INET = "\x01\x02\x03\x04\x05\x06\x07\x08\x10\x92\x00\x50";
const TLVS = "\x01\0\x02h2\x20\0\x0c\x07\0\0\0\0\x22\0\x04user\x30\0\x03net";
const GOOD = "PROXY TCP4 1.2.3.4 5.6.7.8 4242 80\r\n";

const SAMPLES = [
  GOOD,
  "PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 65535 1\r\nGET / HTTP/1.1\r\n\r\n",
  "PROXY UNKNOWN ffff:: ffff:: 1 2\r\nx",
  `${SIGNATURE}\x21\x11\0\x0c${INET}GET /`,
  `${SIGNATURE}\x21\x11\0${String.fromCharCode(INET.length + TLVS.length)}${INET}${TLVS}more`,
  `${SIGNATURE}\x21\x21\0\x24${"\x20\x01".repeat(16)}\0\x50\0\x51`,
  `${SIGNATURE}\x20\0\0\0`,
];

const NAMES = ["alpn", "ssl", "ssl_cn", "ssl_verify", "netns", "0x20", "0xff", "ssl_0x22"];

/** What came of the text: the header and the bytes it took, the error, or what is said when it ends there. */
function run(text: string, cuts: readonly number[]): string {
  const parser = new ProxyHeaderParser();
  let from = 0;
  for (const cut of [...cuts, text.length]) {
    const chunk = Buffer.from(text.slice(from, cut), "latin1");
    const at = parser.feed(chunk, 0, chunk.length);
    chunk.fill(0x21);
    // An error may be found before the line that it shows has come as a whole.
    if (at === -2) return parser.error.startsWith("broken header") ? "broken header" : parser.error;
    if (at >= 0) {
      expect(from + at).toBeLessThanOrEqual(Math.min(cut, MAX_HEADER_BYTES));
      const { header } = parser;
      const values = header === undefined ? [] : NAMES.map((name) => tlvGet(name)(header.tlvs));
      return JSON.stringify([from + at, header, values]);
    }
    from = cut;
  }
  return `more: ${parser.brokenOff()}`;
}

function input(random: Random): string {
  if (random(8) === 0) return randomText(random, 60);
  const mutant = mutate(random, SAMPLES[random(SAMPLES.length)]!);
  return random(50) === 0 ? mutant + randomText(random, 6000) : mutant;
}

test("random and mutated headers", () => {
  const seed = fuzzSeed();
  const random = seededRandom(seed);
  for (let round = 0; round < ROUNDS; round++) {
    const text = input(random);
    const whole = run(text, []);
    const cut = run(text, randomCuts(random, text.length));
    const bytes =
      text.length > 300
        ? whole
        : run(
            text,
            Array.from({ length: text.length }, (_, i) => i),
          );
    if (cut !== whole || bytes !== whole) {
      throw new Error(`seed ${seed}, round ${round}: ${JSON.stringify(text)}\n${whole}\n${cut}\n${bytes}`);
    }
  }
});

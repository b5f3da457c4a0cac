import { describe, expect, test } from "bun:test";
import { ChunkedDecoder, chunkHead } from "./chunked.ts";
import { fuzzSeed, mutate, randomCuts, randomText, seededRandom } from "./fuzz-input.ts";

interface Outcome {
  state: string;
  body: string;
  /** Index after what was consumed. */
  end: number;
  trailers: string[];
}

function decode(decoder: ChunkedDecoder, text: string, cuts: number[]): Outcome {
  decoder.reset();
  let body = "";
  let from = 0;
  let end = 0;
  for (const cut of [...cuts, text.length]) {
    const chunk = Buffer.from(text.substring(from, cut), "latin1");
    let at = 0;
    while (at < chunk.length && !decoder.done && !decoder.failed) {
      const next = decoder.next(chunk, at);
      expect(next).toBeGreaterThan(at - (decoder.failed ? 1 : 0));
      body += chunk.latin1Slice(decoder.dataStart, decoder.dataEnd);
      at = next;
    }
    end = from + at;
    if (decoder.done || decoder.failed) break;
    chunk.fill(0x7e);
    from = cut;
  }
  const fields = decoder.trailers;
  const trailers = fields === undefined ? [] : fields.names.map((name, i) => `${name}=${fields.values[i]}`);
  // Where exactly it failed may depend on how much was there to look at.
  return { state: decoder.state, body, end: decoder.failed ? -1 : end, trailers };
}

/** Decodes; checks that every cut in two, and byte by byte, comes to the same. */
function decodeAllWays(text: string): Outcome {
  const decoder = new ChunkedDecoder(true);
  const whole = decode(decoder, text, []);
  const step = text.length > 1000 ? 131 : 1;
  for (let cut = 1; cut < text.length; cut += step) expect(decode(decoder, text, [cut])).toEqual(whole);
  const everywhere = Array.from({ length: Math.max(0, text.length - 1) }, (_, i) => i + 1);
  expect(decode(decoder, text, everywhere)).toEqual(whole);
  return whole;
}

describe("bodies that end", () => {
  const rows: [text: string, body: string, why: string, trailers?: string[]][] = [
    ["0\r\n\r\n", "", "empty"],
    ["5\r\nhello\r\n0\r\n\r\n", "hello", "one chunk"],
    ["5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", "two chunks"],
    ["a\r\n0123456789\r\nA\r\n0123456789\r\n00\r\n\r\n", "01234567890123456789", "hex of either case"],
    ["0005\r\nhello\r\n000\r\n\r\n", "hello", "leading zeros"],
    ["5;a=b\r\nhello\r\n0;c\r\n\r\n", "hello", "extensions are skipped"],
    ["5 ;a\r\nhello\r\n0\t\r\n\r\n", "hello", "white space after the size"],
    ['5;a="x;\ty"\r\nhello\r\n0\r\n\r\n', "hello", "quoted extension"],
    ["5\nhello\n0\n\n", "hello", "bare line feeds, as nginx takes them"],
    ["2\r\n\r\n\r\n0\r\n\r\n", "\r\n", "line ends as data"],
    ["0\r\nA: 1\r\nB: 2\r\n\r\n", "", "trailers", ["A=1", "B=2"]],
    ["1\r\nx\r\n0\r\nA:\n\n", "x", "trailers with bare line feeds", ["A="]],
  ];
  for (const [text, body, why, trailers] of rows) {
    test(why, () => {
      expect(decodeAllWays(text)).toEqual({ state: "done", body, end: text.length, trailers: trailers ?? [] });
    });
    test(`${why}, next request behind it`, () => {
      expect(decode(new ChunkedDecoder(false), `${text}GET /`, [])).toEqual({
        state: "done",
        body,
        end: text.length,
        trailers: [],
      });
    });
  }
});

describe("bodies that are refused", () => {
  const rows: [text: string, why: string][] = [
    ["\r\n", "no size"],
    ["g\r\n", "no hex digit"],
    ["-1\r\n", "sign"],
    ["+1\r\nx", "sign"],
    [" 5\r\nhello", "space before the size"],
    ["0x5\r\nhello", "prefix"],
    ["5x\r\nhello", "junk after the size"],
    ["5,5\r\nhello", "junk after the size"],
    ["5\rhello", "bare CR after the size"],
    ["5\r\nhello0\r\n\r\n", "no line end after data"],
    ["5\r\nhello\rX", "bare CR after data"],
    ["5\r\nhello\r\n\r\n", "empty line for a size"],
    ["5;a\nhello\n", "bare LF ends an extension"],
    ["5;a\rb\r\nhello", "bare CR in an extension"],
    ["20000000000000\r\n", "size beyond exact integers"],
    ["ffffffffffffffff\r\n", "size beyond 64 bits"],
    ["10000000000000005\r\nhello", "size that wraps in 64 bits"],
    ["0".repeat(70), "endless zeros"],
    [`5;${"a".repeat(5000)}\r\nhello`, "endless extension"],
    [`0\r\n${"A: b\r\n".repeat(4000)}\r\n`, "endless trailers"],
    ["0\r\nA : b\r\n\r\n", "space before a trailer's colon"],
    ["0\r\n A: b\r\n\r\n", "folded trailer"],
    ["0\r\nA: b\0\r\n\r\n", "NUL in a trailer"],
    ["0\r\n\rX", "bare CR at the end"],
  ];
  for (const [text, why] of rows) {
    test(`${why}: ${JSON.stringify(text.slice(0, 30))}`, () => {
      expect(decodeAllWays(text).state).toBe("error");
    });
  }
});

test("a run of body is given where it lies", () => {
  const decoder = new ChunkedDecoder(false);
  const chunk = Buffer.from("5\r\nhello\r\n3\r\nabc");
  expect(decoder.next(chunk, 0)).toBe(8);
  expect([decoder.dataStart, decoder.dataEnd, decoder.state]).toEqual([3, 8, "after-data"]);
  expect(decoder.next(chunk, 8)).toBe(16);
  expect([decoder.dataStart, decoder.dataEnd]).toEqual([13, 16]);
  expect(decoder.next(Buffer.from("\r\n0\r\n"), 0)).toBe(5);
  expect(decoder.dataStart).toBe(decoder.dataEnd);
  expect(decoder.state).toBe("trailers");
});

test("chunkHead", () => {
  expect([1, 15, 16, 65536].map(chunkHead)).toEqual(["1\r\n", "f\r\n", "10\r\n", "10000\r\n"]);
});

test("random and mutated bodies: no exception, the same for every cut, nothing left behind", () => {
  const seed = fuzzSeed();
  const random = seededRandom(seed);
  const decoder = new ChunkedDecoder(true);
  const good = "5\r\nhello\r\n0\r\nA: 1\r\n\r\n";
  const seeds = [good, "5;x=y\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n", "1\nx\n0\nAb: 2\nCd: 3\n\n"];
  for (let round = 0; round < 4000; round++) {
    const text = random(5) === 0 ? randomText(random, 60) : mutate(random, seeds[random(seeds.length)]!);
    const whole = decode(decoder, text, []);
    const cut = decode(decoder, text, randomCuts(random, text.length));
    if (JSON.stringify(cut) !== JSON.stringify(whole)) {
      throw new Error(`seed ${seed}, round ${round}: ${JSON.stringify([text, whole, cut])}`);
    }
    expect(decode(decoder, good, [])).toEqual({ state: "done", body: "hello", end: good.length, trailers: ["A=1"] });
  }
});

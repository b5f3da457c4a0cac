import { test } from "bun:test";
import { checkCuts } from "./fuzz-input.ts";
import { HeaderList } from "./header-list.ts";
import { ResponseHeadParser, responseFraming } from "./response-head.ts";

const ROUNDS = 4000;
const MAX_BYTES = 300;
const good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
const seeds = [
  good,
  "HTTP/1.0 404\nServer: x\nTransfer-Encoding: chunked\n\nbody",
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nHTTP/1.1 200 OK\r\nA_b: 1\r\n\r\n",
  `HTTP/1.1 403.7 No\r\nA: ${"x".repeat(180)}\r\n${"B: 1\r\n".repeat(12)}\r\n`,
];

const cgiGood = "Status: 404 Not Here\r\nX-A: b\r\n\r\n";
const cgiSeeds = [
  ...seeds,
  cgiGood,
  "Content-Type: text/plain\r\nLocation: /x\r\n\r\nbody",
  "HTTP/1.x nonsense\r\nStatus: 201\nStatus: 500\r\n\r\n",
  "\r\nbody",
];

/** Everything that may not depend on how the bytes were cut. */
function run(parser: ResponseHeadParser, text: string, cuts: readonly number[]): string {
  parser.reset(new HeaderList(), MAX_BYTES);
  let from = 0;
  for (const cut of [...cuts, text.length]) {
    const next = parser.feed(Buffer.from(text.substring(from, cut), "latin1"), 0);
    if (next === -2) return String(parser.error);
    if (next >= 0) {
      if (parser.status < 0 || parser.status > 999) throw new Error(`status ${parser.status}`);
      const { httpVersion, status, reason, headBytes } = parser;
      const { names, keys, values } = parser.headers;
      const framing = responseFraming(parser, "GET");
      return JSON.stringify([from + next, httpVersion, status, reason, headBytes, names, keys, values, framing]);
    }
    from = cut;
  }
  return "incomplete";
}

for (const [form, wellFormed, texts] of [
  ["http", good, seeds],
  ["cgi", cgiGood, cgiSeeds],
] as const) {
  test(`random and mutated ${form} heads: no exception, the same for every cut, nothing left behind`, () => {
    checkCuts(ROUNDS, () => new ResponseHeadParser(form), run, wellFormed, texts);
  });
}

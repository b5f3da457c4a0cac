import { test } from "bun:test";
import { checkCuts } from "./fuzz-input.ts";
import { HeaderList } from "./header-list.ts";
import { RequestHeadParser } from "./request-head.ts";
import { checkRequestHeaders } from "./request-headers.ts";

const ROUNDS = 4000;
const good = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const seeds = [
  good,
  "POST /a/./b/../%41%2f?x=1#f HTTP/1.1\r\nHost: ex.am:80\r\nContent-Length: 12\r\nA_b: c\r\n\r\nbody",
  "GET http://h.x:81?q HTTP/1.0\nConnection: keep-alive\nTransfer-Encoding: chunked\n\n",
  "GET /\r\n",
  "CONNECT [::1]:443 HTTP/1.1\r\nHost: h\r\n\r\n",
  `GET /long${"/x".repeat(60)} HTTP/1.1\r\nHost: h\r\nCookie: ${"c".repeat(150)}\r\n${"B: 1\r\n".repeat(10)}\r\n`,
];

/** Everything that may not depend on how the bytes were cut. */
function run(parser: RequestHeadParser, text: string, cuts: readonly number[]): string {
  parser.reset(new HeaderList());
  let from = 0;
  for (const cut of [...cuts, text.length]) {
    const next = parser.feed(Buffer.from(text.substring(from, cut), "latin1"), 0);
    if (next === -2) return JSON.stringify(parser.error);
    if (next >= 0) {
      const framing = {
        host: "",
        contentLength: 0,
        chunked: false,
        keepAlive: false,
        upgrade: "",
        expectContinue: false,
      };
      const refused = checkRequestHeaders(parser, { ...framing, upgrade: undefined });
      const { method, requestLine, unparsedUri, uri, args, httpVersion, schema, hostFromLine, headBytes } = parser;
      const { names, keys, values } = parser.headers;
      const line = [method, requestLine, unparsedUri, uri, args, httpVersion, schema, hostFromLine, headBytes];
      return JSON.stringify([from + next, line, names, keys, values, refused]);
    }
    from = cut;
  }
  return `incomplete, started: ${parser.started}`;
}

/** With limits that the texts reach. */
function smallParser(): RequestHeadParser {
  const parser = new RequestHeadParser();
  parser.limits = { ...parser.limits, clientHeaderBufferBytes: 96, largeBufferBytes: 256, maxHeaders: 12 };
  return parser;
}

test("random and mutated heads: no exception, the same for every cut, nothing left behind", () => {
  checkCuts(ROUNDS, smallParser, run, good, seeds);
});

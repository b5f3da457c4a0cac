import { describe, expect, test } from "bun:test";
import { HeaderList } from "./header-list.ts";
import { type RequestHeadLimits, RequestHeadParser } from "./request-head.ts";

const nginxDefaults: RequestHeadLimits = {
  clientHeaderBufferBytes: 1024,
  largeBufferCount: 4,
  largeBufferBytes: 8192,
  mergeSlashes: true,
  ignoreInvalidHeaders: true,
  underscoresInHeaders: false,
  maxHeaders: 1000,
};

/** What a head came to; of a refused one only what does not depend on how its bytes were cut. */
interface Outcome {
  end: number;
  error?: string;
  line?: string;
  headers?: string[];
}

function outcome(parser: RequestHeadParser, end: number): Outcome {
  if (parser.error !== undefined) return { end: -2, error: `${parser.error.status} ${parser.error.message}` };
  const { method, unparsedUri, uri, args, httpVersion, schema, hostFromLine, requestLine, headBytes } = parser;
  const line = [method, unparsedUri, uri, args, httpVersion, schema, hostFromLine, requestLine, headBytes].join("|");
  return { end, line, headers: parser.headers.names.map((name, i) => `${name}=${parser.headers.values[i]}`) };
}

/** Feeds `text` cut at the given places. */
function feedCut(parser: RequestHeadParser, text: string, cuts: number[]): Outcome {
  parser.reset(new HeaderList());
  let from = 0;
  for (const cut of [...cuts, text.length]) {
    // Junk in front shows whether offsets are mixed up with indexes.
    const junk = from % 3;
    const chunk = Buffer.from("~".repeat(junk) + text.substring(from, cut), "latin1");
    const next = parser.feed(chunk, junk);
    // What is kept must be a copy.
    chunk.fill(0x7e);
    if (next === -2) return outcome(parser, -2);
    if (next >= 0) return outcome(parser, from + next - junk);
    from = cut;
  }
  return outcome(parser, -1);
}

/** The outcome of a head; checks that every cut in two, and byte by byte, comes to the same. */
function parse(text: string, limits: Partial<RequestHeadLimits> = {}): Outcome {
  const parser = new RequestHeadParser();
  parser.limits = { ...nginxDefaults, ...limits };
  const whole = feedCut(parser, text, []);
  const step = text.length > 2000 ? 97 : 1;
  for (let cut = 1; cut < text.length; cut += step) expect(feedCut(parser, text, [cut])).toEqual(whole);
  const everywhere = Array.from({ length: text.length - 1 }, (_, i) => i + 1);
  expect(feedCut(parser, text, everywhere)).toEqual(whole);
  return whole;
}

const HOST = "\r\nHost: h\r\n\r\n";

describe("targets", () => {
  // Each asked of nginx 1.22. uri|args, or undefined for "client sent invalid request".
  const rows: [target: string, expected: string | undefined][] = [
    ["/", "/|"],
    ["/a/b", "/a/b|"],
    ["//", "/|"],
    ["/a//b", "/a/b|"],
    ["/./a", "/a|"],
    ["/a/.", "/a/|"],
    ["/a/..", "/|"],
    ["/..", undefined],
    ["/../a", undefined],
    ["/a/../..", undefined],
    ["/..?x", undefined],
    ["/a/b/../../c", "/c|"],
    ["/%2e%2e", undefined],
    ["/a/%2e%2e/b", "/b|"],
    ["/a%2fb", "/a/b|"],
    ["/a%2F..%2fb", "/b|"],
    ["/%00", undefined],
    ["/%", undefined],
    ["/%4", undefined],
    ["/%4/", undefined],
    ["/%zz", undefined],
    ["/%41", "/A|"],
    ["/a%20b", "/a b|"],
    ["/a%3fb", "/a?b|"],
    ["/a%23b", "/a#b|"],
    ["/a%25b", "/a%b|"],
    ["/a%0ab", "/a\nb|"],
    ["/a#b", "/a|"],
    ["/a?b#c", "/a|b"],
    ["/a?b?c#", "/a|b?c"],
    ["/a?", "/a|"],
    ["/?#", "/|"],
    ["/#?a", "/|"],
    ["/a+b?c+d", "/a+b|c+d"],
    ['/a\\b"<>|{}^`', '/a\\b"<>|{}^`|'],
    ["/\x7f", undefined],
    ["/\x01", undefined],
    ["/a\tb", undefined],
    ["/a\0", undefined],
    ["/a?\0", undefined],
    ["/a b", undefined],
    ["/\x80\xff", "/\x80\xff|"],
    ["/a/.b", "/a/.b|"],
    ["/a/..b", "/a/..b|"],
    ["/a/b..", "/a/b..|"],
    ["/a/.../c", "/a/.../c|"],
    ["/.%2e/a", undefined],
    ["/a/%2e?x=1", "/a/|x=1"],
    ["/a/..?x=1", "/|x=1"],
    ["/a/../?x", "/|x"],
    ["/a/.#x", "/a/|"],
    ["/a/..#x", "/|"],
    ["/a?%", "/a|%"],
    ["/a?%zz", "/a|%zz"],
    ["///a///b?c//d", "/a/b|c//d"],
    ["*", undefined],
    ["a", undefined],
    ["?a", undefined],
    ["@", undefined],
  ];
  for (const [target, expected] of rows) {
    test(JSON.stringify(target), () => {
      const got = parse(`GET ${target} HTTP/1.1${HOST}`);
      if (expected === undefined) expect(got).toEqual({ end: -2, error: "400 client sent invalid request" });
      else {
        const [uri, args] = [
          expected.slice(0, expected.lastIndexOf("|")),
          expected.slice(expected.lastIndexOf("|") + 1),
        ];
        expect(got.line).toStartWith(`GET|${target}|${uri}|${args}|1001|||`);
      }
    });
  }

  test("merge_slashes off", () => {
    expect(parse(`GET //a//../b HTTP/1.1${HOST}`, { mergeSlashes: false }).line).toStartWith("GET|//a//../b|//a/b||");
  });

  test("no query string and an empty one differ", () => {
    const parser = new RequestHeadParser();
    parser.reset(new HeaderList());
    parser.feed(Buffer.from("GET /a HTTP/1.0\n\n"), 0);
    expect(parser.args).toBeUndefined();
    parser.reset(new HeaderList());
    parser.feed(Buffer.from("GET /a? HTTP/1.0\n\n"), 0);
    expect(parser.args).toBe("");
  });
});

describe("absolute form", () => {
  const invalid = "400 client sent invalid request";
  const noHost = "400 client sent invalid host in request line";
  const rows: [target: string, expected: string][] = [
    ["http://X.y/a?b", "GET|/a?b|/a|b|1001|http|X.y"],
    ["http://x.y", "GET|/|/||1001|http|x.y"],
    ["http://x.y?q", "GET|?q|/|q|1001|http|x.y"],
    ["http://x.y:80", "GET|/|/||1001|http|x.y"],
    ["http://x.y:80/a/../b", "GET|/a/../b|/b||1001|http|x.y"],
    ["http://x.y:/a", "GET|/a|/a||1001|http|x.y"],
    ["http://[::1]:80/", "GET|/|/||1001|http|[::1]"],
    ["hTTp+1-.://x/", "GET|/|/||1001|hTTp+1-.|x"],
    ["http://a./", "GET|/|/||1001|http|a."],
    ["http://", noHost],
    ["http:///a", noHost],
    ["http://a..b/", noHost],
    ["http:/a", invalid],
    ["http:a", invalid],
    ["http://[::1", invalid],
    ["http://a_b/", invalid],
    ["http://u@h/", invalid],
    ["http://a#b/", invalid],
  ];
  for (const [target, expected] of rows) {
    test(target, () => {
      const got = parse(`GET ${target} HTTP/1.1${HOST}`);
      if (/^\d/.test(expected)) expect(got.error).toBe(expected);
      else expect(got.line).toStartWith(expected + "|");
    });
  }
});

describe("request lines", () => {
  const method = "400 client sent invalid method";
  const invalid = "400 client sent invalid request";
  const version = "505 client sent invalid version";
  const rows: [head: string, expected: string][] = [
    [`GET / HTTP/1.1${HOST}`, "GET|/|/||1001|||GET / HTTP/1.1|27"],
    ["GET / HTTP/1.1\nHost: h\n\n", "GET|/|/||1001|||GET / HTTP/1.1|24"],
    ["GET / HTTP/1.0\r\n\r\n", "GET|/|/||1000|||GET / HTTP/1.0|18"],
    [`GET / HTTP/1.2${HOST}`, "GET|/|/||1002|||GET / HTTP/1.2|27"],
    [`GET / HTTP/1.10${HOST}`, "GET|/|/||1010|||GET / HTTP/1.10|28"],
    [`GET / HTTP/1.999${HOST}`, "GET|/|/||1999|||GET / HTTP/1.999|29"],
    [`GET / HTTP/1.1000${HOST}`, invalid],
    [`GET / HTTP/2.0${HOST}`, version],
    [`GET / HTTP/10.1${HOST}`, version],
    [`GET / HTTP/0.9${HOST}`, invalid],
    [`GET / HTTP/01.1${HOST}`, invalid],
    [`GET / HTTP/1${HOST}`, invalid],
    [`GET / HTTP/1.${HOST}`, invalid],
    [`GET / HTTP/1.x${HOST}`, invalid],
    [`GET / http/1.1${HOST}`, invalid],
    [`GET / HTTPS/1.1${HOST}`, invalid],
    [`GET / FOO${HOST}`, invalid],
    [`GET  /  HTTP/1.1 ${HOST}`, "GET|/|/||1001|||GET  /  HTTP/1.1 |30"],
    [`GET / HTTP/1.1 x${HOST}`, invalid],
    [`GET / HTTP/1.1\r\r\nHost: h\r\n\r\n`, invalid],
    ["GET /\r\n", "GET|/|/||9|||GET /|7"],
    ["GET / \r\n", "GET|/|/||9|||GET / |8"],
    ["GET /a?b\n", "GET|/a?b|/a|b|9|||GET /a?b|9"],
    ["POST /\r\n", "400 client sent invalid method in HTTP/0.9 request"],
    ["GET\r\n", method],
    ["GET \r\n", invalid],
    [` GET / HTTP/1.1${HOST}`, method],
    [`get / HTTP/1.1${HOST}`, method],
    [`GeT / HTTP/1.1${HOST}`, method],
    [`GET1 / HTTP/1.1${HOST}`, method],
    [`GET\t/ HTTP/1.1${HOST}`, method],
    [`M-SEARCH / HTTP/1.1${HOST}`, "M-SEARCH|/|/||1001|||M-SEARCH / HTTP/1.1|32"],
    [`FOO_BAR / HTTP/1.1${HOST}`, "FOO_BAR|/|/||1001|||FOO_BAR / HTTP/1.1|31"],
    [`-- / HTTP/1.1${HOST}`, "--|/|/||1001|||-- / HTTP/1.1|26"],
    [`\r\n\n\rGET / HTTP/1.1${HOST}`, "GET|/|/||1001|||GET / HTTP/1.1|27"],
    [`CONNECT h:443 HTTP/1.1${HOST}`, "CONNECT|h:443|h:443||1001||h|CONNECT h:443 HTTP/1.1|35"],
    [`CONNECT [::1]:443 HTTP/1.1${HOST}`, "CONNECT|[::1]:443|[::1]:443||1001||[::1]|CONNECT [::1]:443 HTTP/1.1|39"],
    [`CONNECT h HTTP/1.1${HOST}`, invalid],
    [`CONNECT h: HTTP/1.1${HOST}`, invalid],
    [`CONNECT h:443/ HTTP/1.1${HOST}`, invalid],
    [`CONNECTS h:443 HTTP/1.1${HOST}`, invalid],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", invalid],
    // A TLS ClientHello, and what is refused before a line end comes.
    ["\x16\x03\x01", method],
    ["\0", method],
    ["GET x:443", invalid],
  ];
  for (const [head, expected] of rows) {
    test(JSON.stringify(head.replace(HOST, "")), () => {
      const got = parse(head);
      if (/^\d/.test(expected)) expect(got).toEqual({ end: -2, error: expected });
      else expect(got.line).toBe(expected);
    });
  }

  test("what came of a refused line is kept for the access log", () => {
    const parser = new RequestHeadParser();
    parser.reset(new HeaderList());
    expect(parser.feed(Buffer.from("\x16\x03\x01\r\nmore", "latin1"), 0)).toBe(-2);
    expect(parser.requestLine).toBe("\x16\x03\x01");
  });
});

describe("header lines", () => {
  const bad = (shown: string) => `400 client sent invalid header line: "${shown}..."`;
  const rows: [lines: string, expected: string[] | string, limits?: Partial<RequestHeadLimits>][] = [
    ["A: x", ["A=x"]],
    ["A:x", ["A=x"]],
    ["A:  x  ", ["A=x"]],
    ["A:\tx\t", ["A=\tx\t"]],
    ["A: x y  z ", ["A=x y  z"]],
    ["A:", ["A="]],
    ["A:   ", ["A="]],
    ["A", ["A="]],
    ["A: 1\nB: 2", ["A=1", "B=2"]],
    ["A: a\r\r", ["A=a"]],
    ["A: \x01\x7f\x80", ["A=\x01\x7f\x80"]],
    ["A: 1\r\nA: 2\r\na: 3", ["A=1", "A=2", "a=3"]],
    ["A : x", bad("A\\x20")],
    ["A\t: x", bad("A\\x09")],
    [" A: x", bad("\\x20")],
    ["\tA: x", bad("\\x09")],
    ["A: x\r\n y", bad("\\x20")],
    ["A: x\r\n\ty", bad("\\x09")],
    [": x", bad("\\x3a")],
    ["A: a\0b", bad("A: a\\x00")],
    ["A:\0", bad("A:\\x00")],
    ["A: a\rb", bad("A: a\\x0d")],
    ["A: a  \rb", bad("A: a\\x20")],
    ["A\0: x", bad("A\\x00")],
    ["A\x7f: x", bad("A\\x7f")],
    ["A\rB: x", bad("A\\x0d")],
    ["\rB: x", bad("\\x0d")],
    ["A@: x\r\nB: 1", ["B=1"]],
    ["A@: x\r\nB: 1", ["A@=x", "B=1"], { ignoreInvalidHeaders: false }],
    ["\x80: x\r\nB: 1", ["B=1"]],
    ["A_B: x\r\nB: 1", ["B=1"]],
    ["A_B: x\r\n_: 1", ["A_B=x", "_=1"], { underscoresInHeaders: true }],
    ["A_B: x", ["A_B=x"], { ignoreInvalidHeaders: false }],
    ["HTTP/1.1 200 OK", bad("HTTP/1.1\\x20")],
    ["A: 1\r\nB: 2\r\nC: 3", "494 client sent too many header lines", { maxHeaders: 2 }],
    ["A: 1\r\nB_: 2\r\nC: 3", ["A=1", "C=3"], { maxHeaders: 2 }],
  ];
  for (const [lines, expected, limits] of rows) {
    test(JSON.stringify(lines) + JSON.stringify(limits ?? ""), () => {
      const got = parse(`GET / HTTP/1.1\r\n${lines}\r\n\r\n`, limits);
      if (typeof expected === "string") expect(got.error).toBe(expected);
      else expect(got.headers).toEqual(expected);
    });
  }

  test("more fields than the shared notes hold", () => {
    const lines = Array.from({ length: 600 }, (_, i) => `H${i}: ${i}`);
    const got = parse(`GET / HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    expect(got.headers).toEqual(lines.map((line) => line.replace(": ", "=")));
  });

  test("what came before the error is kept for the access log", () => {
    const parser = new RequestHeadParser();
    parser.reset(new HeaderList());
    expect(parser.feed(Buffer.from("GET /a HTTP/1.1\r\nUser-Agent: u\r\nB :\r\n\r\n"), 0)).toBe(-2);
    expect(parser.requestLine).toBe("GET /a HTTP/1.1");
    expect(parser.headers.get("user-agent")).toBe("u");
  });
});

describe("sizes, as nginx counts its buffers", () => {
  const fill = (n: number) => "a".repeat(n);
  const tooLong = "414 client sent too long URI";
  const rows: [name: string, head: string, expected: string | undefined][] = [
    ["a request line of one large buffer", `GET /${fill(8176)} HTTP/1.1${HOST}`, undefined],
    ["a request line one byte longer", `GET /${fill(8177)} HTTP/1.1${HOST}`, tooLong],
    ["a header line of one large buffer", `GET / HTTP/1.1\r\nA: ${fill(8187)}\r\n\r\n`, undefined],
    [
      "a header line one byte longer",
      `GET / HTTP/1.1\r\nA: ${fill(8188)}\r\n\r\n`,
      `494 client sent too long header line: "A: ${fill(1745)}..."`,
    ],
    ["four large header lines", `GET / HTTP/1.1\r\n${`B: ${fill(8000)}\r\n`.repeat(4)}\r\n`, undefined],
    [
      "five large header lines",
      `GET / HTTP/1.1\r\n${`B: ${fill(8000)}\r\n`.repeat(5)}\r\n`,
      "494 client sent too long header line: B",
    ],
  ];
  for (const [name, head, expected] of rows) {
    test(name, () => {
      const got = parse(head);
      if (expected?.endsWith(": B")) expect(got.error).toStartWith(`${expected.slice(0, -1)}"B: aaa`);
      else expect(got.error).toBe(expected);
      if (expected === undefined) expect(got.end).toBe(head.length);
    });
  }

  test("no header line yet: too large request", () => {
    const limits = { clientHeaderBufferBytes: 16, largeBufferCount: 0, largeBufferBytes: 64 };
    expect(parse(`GET / HTTP/1.1\r\nA: b\r\n\r\n`, limits).error).toBe("494 client sent too large request");
  });

  test("line ends between requests cost nothing", () => {
    const parser = new RequestHeadParser();
    parser.reset(new HeaderList());
    const blank = Buffer.from("\r\n".repeat(5000));
    for (let i = 0; i < 10; i++) expect(parser.feed(blank, 0)).toBe(-1);
    expect(parser.started).toBe(false);
    expect(parser.feed(Buffer.from(`\r\nGET / HTTP/1.1${HOST}`), 0)).toBe(29);
    expect(parser.started).toBe(true);
  });
});

test("pipelined requests are read one after another from one chunk", () => {
  const parser = new RequestHeadParser();
  const chunk = Buffer.from(`GET /1 HTTP/1.1${HOST}GET /2 HTTP/1.1${HOST}\r\nGET /3 HTTP/1.1${HOST}`);
  let at = 0;
  for (const uri of ["/1", "/2", "/3"]) {
    parser.reset(new HeaderList());
    at = parser.feed(chunk, at);
    expect(parser.uri).toBe(uri);
  }
  expect(at).toBe(chunk.length);
});

test("heads that wait for bytes do not disturb each other", () => {
  const [a, b] = [new RequestHeadParser(), new RequestHeadParser()];
  const [first, second] = [
    "GET /a HTTP/1.1\r\nA: 1\r\nLong: 2\r\n\r\n",
    "GET /bb HTTP/1.1\r\nXYZ: 11\r\nQ: 22\r\n\r\n",
  ];
  a.reset(new HeaderList());
  b.reset(new HeaderList());
  for (let i = 0; i < first.length || i < second.length; i++) {
    if (i < first.length) a.feed(Buffer.from(first.charAt(i)), 0);
    if (i < second.length) b.feed(Buffer.from(second.charAt(i)), 0);
  }
  expect(outcome(a, 0).headers).toEqual(["A=1", "Long=2"]);
  expect(outcome(b, 0).headers).toEqual(["XYZ=11", "Q=22"]);
});

test("reset leaves nothing behind", () => {
  const parser = new RequestHeadParser();
  parser.reset(new HeaderList());
  parser.feed(Buffer.from("GET http://secret/%41?q HTTP/1.1\r\nHost: secret\r\nCookie: se"), 0);
  const headers = new HeaderList();
  parser.reset(headers);
  expect(parser.started).toBe(false);
  expect(Bun.inspect(parser, { depth: 5 })).not.toContain("secret");
  expect(parser.feed(Buffer.from(`GET /n HTTP/1.1${HOST}`), 0)).toBe(28);
  expect(parser.schema).toBeUndefined();
  expect(parser.hostFromLine).toBeUndefined();
  expect(parser.headers).toBe(headers);
  expect(headers.names).toEqual(["Host"]);
});

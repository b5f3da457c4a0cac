import { describe, expect, test } from "bun:test";
import { HeaderList } from "./header-list.ts";
import { checkRequestHeaders, parseContentLength, type RequestFraming } from "./request-headers.ts";

const HTTP_10 = 1000;
const HTTP_11 = 1001;

/** Checks a request with these fields; `Host: h` is put in front unless the row brings its own or says `-`. */
function check(fields: string, httpVersion = HTTP_11, method = "GET", hostFromLine?: string): [string, RequestFraming] {
  const headers = new HeaderList();
  const own = fields.startsWith("-") || /^host:/i.test(fields);
  for (const line of own ? fields.split("\n") : ["Host: h", ...fields.split("\n")]) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.add(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const out: RequestFraming = {
    host: "old",
    contentLength: 7,
    chunked: true,
    keepAlive: true,
    upgrade: "old",
    expectContinue: true,
  };
  const schema = hostFromLine === undefined ? undefined : "http";
  const refused = checkRequestHeaders({ headers, httpVersion, method, schema, hostFromLine }, out);
  return [refused === undefined ? "" : `${refused.status} ${refused.message}`, out];
}

describe("refused", () => {
  const both = '400 client sent "Content-Length" and "Transfer-Encoding" headers at the same time';
  const length = '400 client sent invalid "Content-Length" header';
  const rows: [fields: string, expected: string, httpVersion?: number, method?: string, hostFromLine?: string][] = [
    ["-", '400 client sent HTTP/1.1 request without "Host" header'],
    ["-", '400 client sent HTTP/1.1 request without "Host" header', HTTP_11, "GET", "a"],
    ["Host: ", "400 client sent invalid host header"],
    ["Host: a..b", "400 client sent invalid host header"],
    ["Host: a..b", "400 client sent invalid host header", HTTP_10],
    ["Host: a..b", "400 client sent invalid host header", HTTP_11, "GET", "a"],
    ["Host: a\nHost: b", '400 client sent duplicate host header: "Host: b", previous value: "Host: a"'],
    ["", "400 client sent invalid host in request line", HTTP_11, "GET", "a..b"],
    ["Content-Length: -1", length],
    ["Content-Length: +1", length],
    ["Content-Length: ", length],
    ["Content-Length: 1 1", length],
    ["Content-Length: 1,1", length],
    ["Content-Length: 0x1", length],
    ["Content-Length: 9223372036854775808", length],
    [
      "Content-Length: 0\ncontent-length: 0",
      '400 client sent duplicate header line: "content-length: 0", previous value: "Content-Length: 0"',
    ],
    ["Content-Length: 0\nTransfer-Encoding: chunked", both],
    ["Transfer-Encoding: chunked\nContent-Length: 0", both],
    ["Transfer-Encoding: gzip", '501 client sent unknown "Transfer-Encoding": "gzip"'],
    ["Transfer-Encoding: gzip, chunked", '501 client sent unknown "Transfer-Encoding": "gzip, chunked"'],
    ["Transfer-Encoding: identity", '501 client sent unknown "Transfer-Encoding": "identity"'],
    ["Transfer-Encoding: ", '501 client sent unknown "Transfer-Encoding": ""'],
    ["Transfer-Encoding: x\vchunked", '501 client sent unknown "Transfer-Encoding": "x\vchunked"'],
    [
      "Transfer-Encoding: chunked\nTransfer-Encoding: chunked",
      '400 client sent duplicate header line: "Transfer-Encoding: chunked", previous value: "Transfer-Encoding: chunked"',
    ],
    ["Transfer-Encoding: chunked", '400 client sent HTTP/1.0 request with "Transfer-Encoding" header', HTTP_10],
    ["", "405 client sent CONNECT method", HTTP_11, "CONNECT"],
    ["", "405 client sent TRACE method", HTTP_11, "TRACE"],
    ["Content-Length: x", length, HTTP_11, "TRACE"],
  ];
  for (const [fields, expected, httpVersion, method, hostFromLine] of rows) {
    test(JSON.stringify([fields, httpVersion, method, hostFromLine]), () => {
      expect(check(fields, httpVersion, method, hostFromLine)[0]).toBe(expected);
    });
  }

  for (const name of [
    "If-Modified-Since",
    "If-Unmodified-Since",
    "If-Match",
    "If-None-Match",
    "If-Range",
    "Content-Range",
    "Authorization",
    "Expect",
  ]) {
    test(`${name} twice`, () => {
      const message = `400 client sent duplicate header line: "${name}: b", previous value: "${name}: a"`;
      expect(check(`${name}: a\n${name}: b`)[0]).toBe(message);
    });
  }
  for (const name of ["Range", "Connection", "Upgrade", "Cookie", "Content-Type", "User-Agent", "X-Forwarded-For"]) {
    test(`${name} may come twice`, () => expect(check(`${name}: a\n${name}: b`)[0]).toBe(""));
  }
});

describe("framing", () => {
  const none = {
    host: "h",
    contentLength: -1,
    chunked: false,
    keepAlive: true,
    upgrade: undefined,
    expectContinue: false,
  };
  const rows: [fields: string, expected: Partial<RequestFraming>, httpVersion?: number, hostFromLine?: string][] = [
    ["", {}],
    ["", { keepAlive: false }, HTTP_10],
    ["-", { host: "", keepAlive: false }, HTTP_10],
    ["-", { host: "", keepAlive: false }, 9],
    ["Host: EX.am.:80", { host: "ex.am" }],
    ["Host: other", { host: "line" }, HTTP_11, "Line"],
    ["Connection: close", { keepAlive: false }],
    ["Connection: Keep-Alive", { keepAlive: true }, HTTP_10],
    ["Connection: keep-alive, Upgrade\nUpgrade: websocket", { upgrade: "websocket" }],
    ["Connection: upgrade, CLOSE\nUpgrade: a\nUpgrade: b", { keepAlive: false, upgrade: "a" }],
    ["Connection: upgrade", { keepAlive: false }, HTTP_10],
    ["Content-Length: 12", { contentLength: 12 }],
    ["Content-Length: 0000000000000000000012", { contentLength: 12 }],
    ["Transfer-Encoding: chunked", { chunked: true }],
    ["Transfer-Encoding: CHUNKED", { chunked: true }],
    ["Expect: 100-continue", { expectContinue: true }],
    ["Expect: 100-Continue", { expectContinue: true }],
    ["Expect: 100-continue", { expectContinue: false, keepAlive: false }, HTTP_10],
    ["Expect: other", { expectContinue: false }],
  ];
  for (const [fields, expected, httpVersion, hostFromLine] of rows) {
    test(JSON.stringify([fields, httpVersion, hostFromLine]), () => {
      expect(check(fields, httpVersion, "GET", hostFromLine)).toEqual(["", { ...none, ...expected }]);
    });
  }
});

test("parseContentLength", () => {
  const rows: [value: string, expected: number][] = [
    ["0", 0],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    ["9223372036854775807", 2 ** 63],
    ["00009223372036854775807", 2 ** 63],
    ["9223372036854775808", -1],
    ["99999999999999999999", -1],
    ["1e3", -1],
    ["1.0", -1],
    [" 1", -1],
    ["\u0661", -1],
  ];
  for (const [value, expected] of rows) expect([value, parseContentLength(value)]).toEqual([value, expected]);
});

import { describe, expect, test } from "bun:test";
import { HeaderList } from "./header-list.ts";
import { cgiFraming, ResponseHeadParser, responseFraming } from "./response-head.ts";

const MAX_BYTES = 4096;

/** `end|version|status|reason` and the fields, or the error; "incomplete" where more is needed. */
function feedCut(parser: ResponseHeadParser, text: string, cuts: number[], maxBytes: number): string {
  parser.reset(new HeaderList(), maxBytes);
  let from = 0;
  for (const cut of [...cuts, text.length]) {
    const chunk = Buffer.from(`~~${text.substring(from, cut)}`, "latin1");
    const next = parser.feed(chunk, 2);
    chunk.fill(0x7e);
    if (next === -2) return String(parser.error);
    if (next >= 0) {
      const fields = parser.headers.names.map((name, i) => `${name}=${parser.headers.values[i]}`);
      expect(parser.headBytes).toBe(from + next - 2);
      return [from + next - 2, parser.httpVersion, parser.status, parser.reason, ...fields].join("|");
    }
    from = cut;
  }
  return "incomplete";
}

/** Parses; checks that every cut in two, and byte by byte, comes to the same. */
function parse(text: string, maxBytes = MAX_BYTES, form: "http" | "cgi" = "http"): string {
  const parser = new ResponseHeadParser(form);
  const whole = feedCut(parser, text, [], maxBytes);
  const step = text.length > 2000 ? 97 : 1;
  for (let cut = 1; cut < text.length; cut += step) expect(feedCut(parser, text, [cut], maxBytes)).toBe(whole);
  const everywhere = Array.from({ length: text.length - 1 }, (_, i) => i + 1);
  expect(feedCut(parser, text, everywhere, maxBytes)).toBe(whole);
  return whole;
}

describe("heads", () => {
  const invalid = "upstream sent no valid HTTP/1.0 header";
  const bad = (shown: string) => `upstream sent invalid header: "${shown}..."`;
  const rows: [head: string, expected: string][] = [
    ["HTTP/1.1 200 OK\r\n\r\n", "19|1001|200|OK"],
    ["HTTP/1.1 200 OK\r\n\r\nbody", "19|1001|200|OK"],
    ["HTTP/1.0 404 Not Found\nA: b\n\n", "29|1000|404|Not Found|A=b"],
    ["HTTP/1.1 200\r\n\r\n", "16|1001|200|"],
    ["HTTP/1.1 200 \r\n\r\n", "17|1001|200|"],
    ["HTTP/1.1  200 OK\r\n\r\n", "20|1001|200|OK"],
    ["HTTP/1.1 403.7 No\r\n\r\n", "21|1001|403|.7 No"],
    ["HTTP/1.1 200 \x80\xff\r\n\r\n", "19|1001|200|\x80\xff"],
    ["HTTP/2.0 200 OK\r\n\r\n", "19|2000|200|OK"],
    ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x81\x00", "48|1001|101|Switching Protocols|Upgrade=x"],
    ["HTTP/1.1 200 OK\r\nA_b: 1\r\nC@: 2\r\nD\r\nE:\r\n\r\n", "41|1001|200|OK|A_b=1|C@=2|D=|E="],
    ["HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\nA: 1\r\n\r\n", "42|1001|200|OK|A=1"],
    ["HTTP/1.1 200 OK\r\nHTTX/1: 2\r\n\r\n", "30|1001|200|OK|HTTX/1=2"],
    ["HTTP/1.1 200 OK", "incomplete"],
    ["HTTP/1.1 200 OK\r\nA: b\r\n", "incomplete"],
    ["hello", invalid],
    ["<html>", invalid],
    ["\r\nHTTP/1.1 200 OK\r\n\r\n", invalid],
    ["http/1.1 200 OK\r\n\r\n", invalid],
    ["HTTP/0.9 200 OK\r\n\r\n", invalid],
    ["HTTP/x.1 200 OK\r\n\r\n", invalid],
    ["HTTP/1 200 OK\r\n\r\n", invalid],
    ["HTTP/1.x 200 OK\r\n\r\n", invalid],
    ["HTTP/1.1x 200 OK\r\n\r\n", invalid],
    ["HTTP/1.999 200 OK\r\n\r\n", "21|1999|200|OK"],
    ["HTTP/1.1000 200 OK\r\n\r\n", invalid],
    ["HTTP/1.1 20x OK\r\n\r\n", invalid],
    ["HTTP/1.1 2000 OK\r\n\r\n", invalid],
    ["HTTP/1.1 OK\r\n\r\n", invalid],
    ["HTTP/1.1\r\n\r\n", invalid],
    ["HTTP/1.1 200 OK\rX", invalid],
    ["HTTP/1.1 200 OK\r\nA : b\r\n\r\n", bad("A\\x20")],
    ["HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", bad("\\x20")],
    ["HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n", bad("A: b\\x00")],
    ["HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", bad("A: b\\x0d")],
  ];
  for (const [head, expected] of rows) {
    test(JSON.stringify(head), () => expect(parse(head)).toBe(expected));
  }
});

describe("heads as CGI has them", () => {
  const bad = (shown: string) => `upstream sent invalid header: "${shown}..."`;
  const rows: [head: string, expected: string][] = [
    ["Status: 404 Not Here\r\nA: b\r\n\r\n", "30|0|404|Not Here|Status=404 Not Here|A=b"],
    ["Status: 404\r\n\r\n", "15|0|404||Status=404"],
    ["Status: 404  Two\r\n\r\n", "20|0|404| Two|Status=404  Two"],
    ["Status: 404Close\r\n\r\n", "20|0|404|Close|Status=404Close"],
    ["status:200\n\nbody", "12|0|200||status=200"],
    ["A: b\r\nSTATUS: 500 Oops\r\n\r\n", "26|0|500|Oops|A=b|STATUS=500 Oops"],
    ["Status: 201 One\r\nStatus: 500 Two\r\n\r\n", "36|0|201|One|Status=201 One|Status=500 Two"],
    ["A: b\r\n\r\n", "8|0|200|OK|A=b"],
    ["\r\n", "2|0|200|OK"],
    ["\nbody", "1|0|200|OK"],
    ["Location: /x\r\n\r\n", "16|0|302|Moved Temporarily|Location=/x"],
    ["Location:\r\n\r\n", "13|0|302|Moved Temporarily|Location="],
    ["Status: 201 Made\r\nLocation: /x\r\n\r\n", "34|0|201|Made|Status=201 Made|Location=/x"],
    ["HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n", "32|1001|404|Not Found|A=b"],
    ["HTTP/1.0 200 OK\r\nStatus: 500 No\r\n\r\n", "35|1000|200|OK|Status=500 No"],
    ["HTTP/1.x 200 OK\r\nStatus: 500 No\r\n\r\n", "35|0|500|No|Status=500 No"],
    ["HTTP/1.1 20x OK\r\nA: b\r\n\r\n", "25|0|200|OK|A=b"],
    ["HTTP/1.1 000 OK\r\nStatus: 500 No\r\n\r\n", "35|1001|500|No|Status=500 No"],
    ["HTTP: x\r\n\r\n", "11|0|200|OK|HTTP=x"],
    ["H: x\r\n\r\n", "8|0|200|OK|H=x"],
    ["HTTPS: x\r\n\r\n", "12|0|200|OK|HTTPS=x"],
    ["Status: OK\r\n\r\n", 'upstream sent invalid status "OK"'],
    ["Status: 40\r\n\r\n", 'upstream sent invalid status "40"'],
    ["Status:\r\n\r\n", 'upstream sent invalid status ""'],
    ["Status: -40 x\r\n\r\n", 'upstream sent invalid status "-40 x"'],
    ["Status: 200 OK\r\n", "incomplete"],
    ["HTTP", "incomplete"],
    ["<html>\n\n", "8|0|200|OK|<html>="],
    ["not a head\r\n\r\n", bad("not\\x20")],
    ["HTTP x\r\n\r\n", bad("HTTP\\x20")],
    ["A: b\0\r\n\r\n", bad("A: b\\x00")],
  ];
  for (const [head, expected] of rows) {
    test(JSON.stringify(head), () => expect(parse(head, MAX_BYTES, "cgi")).toBe(expected));
  }
});

test("a head of proxy_buffer_size fits, one byte more does not", () => {
  const head = (bytes: number) => `HTTP/1.1 200 OK\r\nA: ${"a".repeat(bytes - 24)}\r\n\r\n`;
  expect(head(MAX_BYTES).length).toBe(MAX_BYTES);
  expect(parse(head(MAX_BYTES))).toStartWith("4096|1001|200|OK|A=aaa");
  expect(parse(head(MAX_BYTES + 1))).toBe("upstream sent too big header");
});

test("reset leaves nothing behind", () => {
  const parser = new ResponseHeadParser();
  parser.reset(new HeaderList(), MAX_BYTES);
  parser.feed(Buffer.from("HTTP/1.1 500 secret\r\nSet-Cookie: secret"), 0);
  parser.reset(new HeaderList(), MAX_BYTES);
  expect(Bun.inspect(parser, { depth: 5 })).not.toContain("secret");
  expect(parser.feed(Buffer.from("HTTP/1.1 200\r\n\r\n"), 0)).toBe(16);
  expect([parser.status, parser.reason, parser.headers.count]).toEqual([200, "", 0]);
});

describe("framing", () => {
  const both = 'upstream sent "Content-Length" and "Transfer-Encoding" headers at the same time';
  const rows: [fields: string, status: number, method: string, expected: string][] = [
    ["", 200, "GET", "close"],
    ["Content-Length: 5", 200, "GET", "length 5"],
    ["content-length: 0", 200, "GET", "none"],
    ["Transfer-Encoding: chunked", 200, "GET", "chunked"],
    ["Transfer-Encoding: Chunked", 200, "POST", "chunked"],
    ["Content-Length: 5", 200, "HEAD", "none"],
    ["Transfer-Encoding: chunked", 200, "HEAD", "none"],
    ["Content-Length: 5", 204, "GET", "none"],
    ["Content-Length: 5", 304, "GET", "none"],
    ["Content-Length: 5", 101, "GET", "none"],
    ["Content-Length: 5", 103, "GET", "none"],
    ["", 404, "GET", "close"],
    ["Content-Length: 5\nTransfer-Encoding: chunked", 200, "GET", both],
    ["Transfer-Encoding: chunked\nContent-Length: 5", 200, "HEAD", both],
    ["Content-Length: x", 200, "GET", 'upstream sent invalid "Content-Length" header: "Content-Length: x"'],
    ["Content-Length: -1", 200, "GET", 'upstream sent invalid "Content-Length" header: "Content-Length: -1"'],
    ["Content-Length:", 200, "GET", 'upstream sent invalid "Content-Length" header: "Content-Length: "'],
    [
      "Content-Length: 1\nContent-Length: 1",
      200,
      "GET",
      'upstream sent duplicate header line: "Content-Length: 1", previous value: "Content-Length: 1"',
    ],
    [
      "Transfer-Encoding: chunked\nTransfer-Encoding: chunked",
      200,
      "GET",
      'upstream sent duplicate header line: "Transfer-Encoding: chunked", previous value: "Transfer-Encoding: chunked"',
    ],
    ["Transfer-Encoding: gzip, chunked", 200, "GET", 'upstream sent unknown "Transfer-Encoding": "gzip, chunked"'],
    ["Transfer-Encoding: identity", 200, "GET", 'upstream sent unknown "Transfer-Encoding": "identity"'],
  ];
  test("what CGI calls chunked is not taken apart", () => {
    const headers = new HeaderList();
    headers.add("Transfer-Encoding", "chunked");
    expect(cgiFraming({ status: 200, headers }, "GET")).toEqual({ kind: "close", length: -1 });
    expect(cgiFraming({ status: 200, headers }, "HEAD")).toEqual({ kind: "none", length: 0 });
    headers.add("Content-Length", "5");
    expect(cgiFraming({ status: 200, headers }, "GET")).toEqual({ error: both });
  });
  for (const [fields, status, method, expected] of rows) {
    test(`${method} ${status} ${fields.replace("\n", ", ")}`, () => {
      const headers = new HeaderList();
      for (const line of fields === "" ? [] : fields.split("\n")) {
        const colon = line.indexOf(":");
        headers.add(line.slice(0, colon), line.slice(colon + 1).trim());
      }
      const got = responseFraming({ status, headers }, method);
      if ("error" in got) expect(got.error).toBe(expected);
      else expect(got.kind === "length" ? `length ${got.length}` : got.kind).toBe(expected);
    });
  }
});

/**
 * Request smuggling: whatever could be read in two ways is refused, the connection ends, and the backend never sees the
 * request that hides in another's body (RFC 9112, 11.2).
 */
import { describe, expect, test } from "bun:test";
import { exchange } from "../harness/exchange.ts";
import { attack, attackTarget, head } from "./target.ts";

const POST = "POST /a HTTP/1.1";
const HOST = "Host: x";
const CHUNKED = "Transfer-Encoding: chunked";
/** Hides where one reader of the message sees a body and the other the next request. */
const HIDDEN = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
const CHUNKS = `5\r\nhello\r\n0\r\n\r\n`;

const target = attackTarget(`
    location / { proxy_pass http://{backend}; }
    location /streamed { proxy_request_buffering off; proxy_pass http://{backend}; }
    location /admin { deny all; }
    location /ws/ {
      proxy_pass http://{backend};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }
`);

describe("refused with", () => {
  test.each([
    [400, "CL.TE", head(POST, HOST, "Content-Length: 4", CHUNKED) + `0\r\n\r\n${HIDDEN}`],
    [400, "TE.CL", head(POST, HOST, CHUNKED, "Content-Length: 4") + `0\r\n\r\n${HIDDEN}`],
    [400, "two lengths, equal", head(POST, HOST, "Content-Length: 5", "Content-Length: 5") + "hello"],
    [400, "two lengths, different", head(POST, HOST, "Content-Length: 0", "Content-Length: 44") + HIDDEN],
    [400, "a list of lengths", head(POST, HOST, "Content-Length: 5, 5") + "hello"],
    [400, "a length with a plus sign", head(POST, HOST, "Content-Length: +5") + "hello"],
    [400, "a negative length", head(POST, HOST, "Content-Length: -1") + HIDDEN],
    [400, "a hexadecimal length", head(POST, HOST, "Content-Length: 0x5") + "hello"],
    [400, "a length in underscores", head(POST, HOST, "Content-Length: 5_0") + "hello"],
    [400, "an empty length", head(POST, HOST, "Content-Length:") + HIDDEN],
    [400, "a length that overflows 64 bits", head(POST, HOST, "Content-Length: 18446744073709551621") + "hello"],
    [400, "a length that overflows 63 bits", head(POST, HOST, "Content-Length: 9223372036854775808") + "hello"],
    [400, "Transfer-Encoding twice", head(POST, HOST, CHUNKED, CHUNKED) + CHUNKS],
    [400, "Transfer-Encoding in HTTP/1.0", head("POST /a HTTP/1.0", CHUNKED) + CHUNKS],
    [501, "an unknown coding", head(POST, HOST, "Transfer-Encoding: xchunked") + CHUNKS],
    [501, "chunked, identity", head(POST, HOST, "Transfer-Encoding: chunked, identity") + CHUNKS],
    [501, "identity", head(POST, HOST, "Transfer-Encoding: identity") + HIDDEN],
    [501, "a quoted coding", head(POST, HOST, 'Transfer-Encoding: "chunked"') + CHUNKS],
    [400, "a space before the colon", head(POST, HOST, "Transfer-Encoding : chunked", "Content-Length: 4") + CHUNKS],
    [400, "a tab before the colon", head(POST, HOST, "Transfer-Encoding\t: chunked") + CHUNKS],
    [400, "a vertical tab in a name", head(POST, HOST, "Transfer-Encoding\x0b: chunked") + CHUNKS],
    [400, "obs-fold", head(POST, HOST, "X-A: 1", " Transfer-Encoding: chunked") + CHUNKS],
    [400, "obs-fold with a tab", head(POST, HOST, "X-A: 1", "\tContent-Length: 5") + "hello"],
    [400, "obs-fold of Transfer-Encoding", head(POST, HOST, "Transfer-Encoding:", " chunked") + CHUNKS],
    [400, "a folded first line", head(POST, " Host: x") + HIDDEN],
    [400, "bare CR in a value", head(POST, HOST, `X-A: 1\r${CHUNKED}`) + CHUNKS],
    [400, "bare CR in a name", head(POST, HOST, `X\rA: 1`)],
    [400, "bare CR in the request line", head("GET /a\rb HTTP/1.1", HOST)],
    [400, "NUL in a value", head(POST, HOST, "X-A: a\0b")],
    [400, "NUL in a name", head(POST, HOST, "X\0A: b")],
    [400, "a name that is empty", head(POST, HOST, ": chunked") + CHUNKS],
    [400, "two Hosts", head("GET /a HTTP/1.1", "Host: a", "Host: b")],
    [400, "no Host", head("GET /a HTTP/1.1")],
    [400, "a Host with a path", head("GET /a HTTP/1.1", "Host: a/b")],
    [400, "a space in the target", head("GET /a b HTTP/1.1", HOST)],
    [400, "a control character in the target", head("GET /a\x01 HTTP/1.1", HOST)],
    [400, "a tab between method and target", head("GET\t/a HTTP/1.1", HOST)],
    [400, "a method in lower case", head("get /a HTTP/1.1", HOST)],
    [505, "HTTP/2.0 in words", head("GET /a HTTP/2.0", HOST)],
    [400, "HTTP/1.1x", head("GET /a HTTP/1.1x", HOST)],
    [400, "no chunk size", head(POST, HOST, CHUNKED) + `\r\n${HIDDEN}`],
    [400, "a chunk size that overflows 64 bits", head(POST, HOST, CHUNKED) + `10000000000000005\r\nhello\r\n0\r\n\r\n`],
    [400, "a chunk size that overflows 63 bits", head(POST, HOST, CHUNKED) + `ffffffffffffffff\r\nhello\r\n0\r\n\r\n`],
    [400, "a negative chunk size", head(POST, HOST, CHUNKED) + "-5\r\nhello\r\n0\r\n\r\n"],
    [400, "a chunk size with 0x", head(POST, HOST, CHUNKED) + "0x5\r\nhello\r\n0\r\n\r\n"],
    [400, "a space before the chunk size", head(POST, HOST, CHUNKED) + " 5\r\nhello\r\n0\r\n\r\n"],
    [400, "a chunk longer than its size", head(POST, HOST, CHUNKED) + `5\r\nhello!\r\n0\r\n\r\n`],
    [400, "a chunk without its CRLF", head(POST, HOST, CHUNKED) + "5\r\nhello0\r\n\r\n"],
    [400, "bare CR after a chunk size", head(POST, HOST, CHUNKED) + "5\rhello\r\n0\r\n\r\n"],
    [400, "bare LF in an extension", head(POST, HOST, CHUNKED) + `5;a\nhello\r\n0\r\n\r\n`],
    [400, "an extension without end", head(POST, HOST, CHUNKED) + `5;${"a".repeat(20_000)}\r\nhello\r\n0\r\n\r\n`],
    [400, "bare CR in a trailer", head(POST, HOST, CHUNKED) + `0\r\nX: a\rb\r\n\r\n`],
    [400, "trailers without end", head(POST, HOST, CHUNKED) + `0\r\n${"X-Trailer: 1\r\n".repeat(4_000)}`],
  ])("%d: %s", async (status, _, bytes) => {
    const outcome = await attack(target, bytes + HIDDEN);
    expect(outcome.statuses).toEqual([status]);
    expect(outcome.asked).toEqual([]);
    expect(outcome.wasOpen).toBe(false);
  });
});

describe("not passed on, and read in one way only", () => {
  test.each([
    [
      "an underscore for a dash: the field is dropped, what follows is a request",
      head(POST, HOST, "Transfer_Encoding: chunked") + HIDDEN,
      ["POST /a HTTP/1.1", "GET /smuggled HTTP/1.1"],
    ],
    [
      "a hop-by-hop Content-Length",
      head(POST, HOST, "Connection: Content-Length", "Content-Length: 5") + "hello",
      ["POST /a HTTP/1.1"],
    ],
    ["a line without a colon: a field without a value", head("GET /a HTTP/1.1", HOST, "chunked"), ["GET /a HTTP/1.1"]],
    ["chunked in capitals", head(POST, HOST, "Transfer-Encoding: CHUNKED") + CHUNKS, ["POST /a HTTP/1.1"]],
    [
      "a request in a body of known length",
      head(POST, HOST, `Content-Length: ${HIDDEN.length}`) + HIDDEN,
      ["POST /a HTTP/1.1"],
    ],
    [
      "a request in a chunk",
      head(POST, HOST, CHUNKED) + `${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`,
      ["POST /a HTTP/1.1"],
    ],
    [
      "a GET with a body",
      head("GET /a HTTP/1.1", HOST, `Content-Length: ${HIDDEN.length}`) + HIDDEN,
      ["GET /a HTTP/1.1"],
    ],
  ])("%s", async (_, bytes, asked) => {
    const outcome = await attack(target, bytes, asked.length);
    expect(outcome.statuses).toEqual(asked.map(() => 200));
    expect(outcome.asked).toEqual(asked);
  });

  test("what the backend gets has one length, and no chunks next to it", async () => {
    for (const path of ["/a", "/streamed"]) {
      await exchange(target.port, [head(`POST ${path} HTTP/1.1`, HOST, CHUNKED) + CHUNKS, { waitResponses: 1 }]);
      const [request] = target.backend.take();
      const framing = (request?.head ?? "")
        .split("\r\n")
        .filter((line) => /^(content-length|transfer-encoding)/i.test(line));
      expect(framing.length).toBe(1);
      expect(request?.body).toBe("hello");
    }
  });
});

describe("a streamed body that turns out to be broken", () => {
  test.each([
    ["a bad chunk size", "5\r\nhello\r\nxyz\r\n"],
    ["a chunk longer than its size", `5\r\nhello${HIDDEN}`],
  ])("%s: the backend's connection ends too, and is not used again", async (_, body) => {
    const outcome = await attack(target, head("POST /streamed HTTP/1.1", HOST, CHUNKED) + body);
    expect(outcome.asked.filter((line) => line.includes("smuggled"))).toEqual([]);
    expect(outcome.statuses.filter((status) => status < 400)).toEqual([]);
    const next = await attack(target, head("GET /after HTTP/1.1", HOST));
    expect(next.statuses).toEqual([200]);
    expect(next.asked).toEqual(["GET /after HTTP/1.1"]);
  });
});

test("a streamed body that ends too early ends the backend's connection too", async () => {
  target.backend.take();
  const cut = head("POST /streamed HTTP/1.1", HOST, CHUNKED) + "ff\r\nhello";
  await exchange(target.port, [cut, { halfClose: true }, { waitEnd: true }]);
  // What reached the backend of the first request has done so when the second is answered.
  await exchange(target.port, [head("GET /after HTTP/1.1", HOST, "Connection: close"), { waitEnd: true }]);
  const recorded = target.backend.take();
  expect(recorded.at(-1)?.head).toStartWith("GET /after HTTP/1.1");
  for (const { body, end } of recorded.slice(0, -1)) {
    expect("hello").toStartWith(body);
    expect(end).not.toBe("open");
  }
});

describe("a refused upgrade opens no way around the locations", () => {
  const handshake = (path: string, ...fields: string[]): string =>
    head(`GET ${path} HTTP/1.1`, HOST, "Connection: Upgrade", "Upgrade: websocket", ...fields);

  test.each([
    ["a WebSocket version that the backend refuses", handshake("/ws/x", "Sec-WebSocket-Version: 777")],
    [
      "h2c",
      head("GET /ws/x HTTP/1.1", HOST, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA"),
    ],
  ])("%s: what follows is a request like any other", async (_, first) => {
    const outcome = await attack(target, first + head("GET /admin/users HTTP/1.1", HOST), 2);
    expect(outcome.statuses).toEqual([200, 403]);
    expect(outcome.asked).toEqual(["GET /ws/x HTTP/1.1"]);
  });
});

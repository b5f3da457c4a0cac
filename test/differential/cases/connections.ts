/** Keep-alive, pipelining, HTTP/1.0, HEAD, Expect, timeouts; and request bodies. */

import { NEXT_PACKET, WAIT_END } from "../../harness/exchange.ts";
import type { Group } from "../case.ts";
import { get, inPackets, post, request, thenHalfClose } from "../case.ts";

const chunkedPost = (target: string, body: string, ...fields: readonly string[]): string =>
  request("POST", target, "Transfer-Encoding: chunked", ...fields) + body;

const keepAlive: Group = {
  subject: "keep-alive",
  errorLog: "info",
  config: `
  server {
    listen {port};
    location / { return 200 "$connection_requests $uri\\n"; }
    location /empty { return 200; }
    location /no-content { return 204; }
    location /off { keepalive_timeout 0; return 200 "off\\n"; }
    location /said { keepalive_timeout 30 20; return 200 "said\\n"; }
    location /close { return 444; }
    location /any-browser { keepalive_disable none; return 200 "any\\n"; }
  }
  server {
    listen {port2};
    keepalive_requests 2;
    keepalive_timeout 200ms;
    location / { return 200 "$connection_requests\\n"; }
  }
  server {
    listen {port3};
    client_header_timeout 1s;
    client_body_timeout 1s;
    location / { return 200 "ok\\n"; }
    location /body { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}; }
  }`,
  cases: [
    {
      name: "two requests one after the other",
      send: [get("/1"), { waitResponses: 1 }, get("/2"), { waitResponses: 2 }],
    },
    { name: "three requests at once", send: get("/1") + get("/2") + get("/3"), responses: 3 },
    {
      name: "pipeline that ends with close",
      send: get("/1") + get("/2", "Connection: close") + get("/3"),
      responses: 2,
    },
    { name: "pipeline with a bad request", send: `${get("/1")}BAD\r\n\r\n${get("/3")}`, responses: 2 },
    {
      name: "pipeline cut in a head",
      send: inPackets(3, `${get("/1")}GET /2 HT`, `TP/1.1\r\nHost: test\r\n\r\n${get("/3")}`),
    },
    { name: "pipeline of POSTs with bodies", send: post("/1", "abc") + post("/2", "de") + get("/3"), responses: 3 },
    { name: "pipeline of chunked POSTs", send: chunkedPost("/1", "3\r\nabc\r\n0\r\n\r\n") + get("/2"), responses: 2 },
    { name: "pipeline with HEAD", send: request("HEAD", "/1") + get("/2"), responses: 2, heads: [0] },
    { name: "Connection: close", send: get("/", "Connection: close") },
    { name: "Connection: CLOSE", send: get("/", "Connection: CLOSE") },
    { name: "Connection: close, x", send: get("/", "Connection: close, x") },
    { name: "Connection: keep-alive in 1.1", send: get("/", "Connection: keep-alive") },
    { name: "Connection twice", send: get("/", "Connection: keep-alive", "Connection: close") },
    { name: "1.0", send: "GET / HTTP/1.0\r\n\r\n" },
    { name: "1.0 keep-alive", send: "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" },
    {
      name: "1.0 Keep-Alive twice",
      send: `${"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n".repeat(2)}`,
      responses: 2,
    },
    { name: "keepalive_timeout 0", send: get("/off") },
    { name: "keepalive_timeout with a header", send: get("/said") },
    { name: "keepalive_requests reached", to: "port2", send: get("/") + get("/") + get("/"), responses: 2 },
    { name: "keepalive_timeout passes", to: "port2", send: [get("/"), { waitResponses: 1 }, WAIT_END] },
    {
      name: "old MSIE POST is not kept",
      send: post("/", "x", "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; Windows)"),
    },
    {
      name: "old MSIE POST is kept where allowed",
      send: post("/any-browser", "x", "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0)"),
    },
    { name: "HEAD", send: request("HEAD", "/") },
    { name: "HEAD in 1.0", send: "HEAD / HTTP/1.0\r\n\r\n" },
    { name: "HEAD of an error", send: "HEAD / HTTP/1.1\r\n\r\n" },
    { name: "return 204", send: get("/no-content") },
    { name: "return 200 without a text", send: get("/empty") },
    { name: "return 444", send: get("/close") },
    { name: "head does not come in time", to: "port3", send: ["GET / HTTP/1.1\r\nHo", WAIT_END] },
    { name: "nothing comes in time", to: "port3", send: [WAIT_END] },
    {
      name: "body does not come in time",
      to: "port3",
      send: [`${request("POST", "/body", "Content-Length: 5")}ab`, WAIT_END],
    },
    { name: "FIN after a kept response", send: [get("/"), { waitResponses: 1 }, ...thenHalfClose("", 1), WAIT_END] },
  ],
};

const bodies: Group = {
  subject: "request bodies",
  errorLog: "info",
  config: `
  client_max_body_size 1k;
  lingering_timeout 200ms;
  server {
    listen {port};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location / { proxy_pass http://127.0.0.1:{backend}; }
    location /empty { return 204; }
    location /unread { return 200 "unread $content_length\\n"; }
    location /spill { client_max_body_size 1m; client_body_buffer_size 1k; proxy_pass http://127.0.0.1:{backend}; }
    location /file { client_max_body_size 1m; client_body_in_file_only clean; proxy_pass http://127.0.0.1:{backend}; }
    location /unlimited { client_max_body_size 0; proxy_pass http://127.0.0.1:{backend}; }
    location /stream { client_max_body_size 1m; proxy_request_buffering off; proxy_pass http://127.0.0.1:{backend}; }
    location /stream-small { proxy_request_buffering off; proxy_pass http://127.0.0.1:{backend}; }
    location /var-file { proxy_set_header Connection ""; client_body_in_file_only clean; proxy_set_header X-Body [$request_body]; proxy_pass http://127.0.0.1:{backend}; }
    location /var-dead { error_page 502 = @said; proxy_pass http://127.0.0.1:{dead}; }
    location @said { return 200 "[$request_body][$request_body_file][$content_length]\\n"; }
    location /var { client_max_body_size 1m; client_body_buffer_size 8k;
      proxy_set_header Connection ""; proxy_set_header X-Body $request_body; proxy_set_header X-File $request_body_file;
      proxy_pass http://127.0.0.1:{backend}; }
  }`,
  cases: [
    { name: "Content-Length", send: post("/a", "hello") },
    { name: "Content-Length: 0", send: post("/a", "") },
    { name: "POST without a length", send: request("POST", "/a") },
    { name: "GET with a body", send: request("GET", "/a", "Content-Length: 3") + "abc" },
    {
      name: "PUT, PATCH and DELETE",
      send: ["PUT", "PATCH", "DELETE"].map((m) => `${request(m, "/a", "Content-Length: 2")}xy`).join(""),
      responses: 3,
    },
    { name: "body in packets", send: inPackets(1, request("POST", "/a", "Content-Length: 9"), "abc", "def", "ghi") },
    {
      name: "body split with the head",
      send: inPackets(1, `${request("POST", "/a", "Content-Length: 9")}abc`, "defghi"),
    },
    { name: "chunked", send: chunkedPost("/a", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n") },
    {
      name: "chunked with extensions and trailers",
      send: chunkedPost("/a", "5;a=b\r\nhello\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n"),
    },
    { name: "chunked in packets", send: inPackets(1, chunkedPost("/a", "5\r\nhe"), "llo\r", "\n0\r\n", "\r\n") },
    {
      name: "chunked with hex in both cases",
      send: chunkedPost("/a", "A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n"),
    },
    { name: "chunked with leading zeros", send: chunkedPost("/a", "0005\r\nhello\r\n000\r\n\r\n") },
    { name: "chunked, empty", send: chunkedPost("/a", "0\r\n\r\n") },
    { name: "chunked, bad size", send: chunkedPost("/a", "xyz\r\nhello\r\n0\r\n\r\n") },
    { name: "chunked, no CRLF after data", send: chunkedPost("/a", "5\r\nhelloX\r\n0\r\n\r\n") },
    { name: "chunked, LF alone", send: chunkedPost("/a", "5\nhello\n0\n\n") },
    { name: "chunked, size far too big", send: chunkedPost("/a", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n") },
    { name: "chunked, negative size", send: chunkedPost("/a", "-5\r\nhello\r\n0\r\n\r\n") },
    {
      name: "Transfer-Encoding: CHUNKED",
      send: request("POST", "/a", "Transfer-Encoding: CHUNKED") + "1\r\na\r\n0\r\n\r\n",
    },
    {
      name: "Transfer-Encoding: gzip, chunked",
      send: request("POST", "/a", "Transfer-Encoding: gzip, chunked") + "1\r\na\r\n0\r\n\r\n",
    },
    { name: "Transfer-Encoding: identity", send: request("POST", "/a", "Transfer-Encoding: identity") },
    {
      name: "Transfer-Encoding twice",
      send: request("POST", "/a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + "0\r\n\r\n",
    },
    {
      name: "Transfer-Encoding with Content-Length",
      send: request("POST", "/a", "Transfer-Encoding: chunked", "Content-Length: 5") + "0\r\n\r\n",
    },
    { name: "chunked in HTTP/1.0", send: "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
    {
      name: "Content-Length twice, equal",
      send: request("POST", "/a", "Content-Length: 1", "Content-Length: 1") + "a",
    },
    {
      name: "Content-Length twice, different",
      send: request("POST", "/a", "Content-Length: 1", "Content-Length: 2") + "ab",
    },
    { name: "Content-Length: -1", send: request("POST", "/a", "Content-Length: -1") },
    { name: "Content-Length: +1", send: request("POST", "/a", "Content-Length: +1") },
    { name: "Content-Length: 1x", send: request("POST", "/a", "Content-Length: 1x") },
    { name: "Content-Length: 1, 1", send: request("POST", "/a", "Content-Length: 1, 1") },
    { name: "Content-Length empty", send: request("POST", "/a", "Content-Length:") },
    { name: "Content-Length: 0x1", send: request("POST", "/a", "Content-Length: 0x1") },
    { name: "Content-Length: 05", send: request("POST", "/a", "Content-Length: 05") + "hello" },
    { name: "Content-Length overflows", send: request("POST", "/a", "Content-Length: 99999999999999999999") },
    { name: "as long as allowed", send: post("/a", "a".repeat(1024)) },
    { name: "a byte too long", send: post("/a", "a".repeat(1025)) },
    { name: "announced too long, not sent", send: request("POST", "/a", "Content-Length: 99999") },
    { name: "chunked and too long", send: chunkedPost("/a", `800\r\n${"a".repeat(2048)}\r\n0\r\n\r\n`) },
    {
      name: "chunked and too long in small chunks",
      send: inPackets(
        1,
        chunkedPost("/a", `ff\r\n${"a".repeat(255)}\r\n`),
        `${`ff\r\n${"a".repeat(255)}\r\n`.repeat(5)}0\r\n\r\n`,
      ),
    },
    { name: "no limit", send: post("/unlimited", "a".repeat(50_000)) },
    { name: "not read by a return", send: post("/unread", "abc") + get("/a"), responses: 2 },
    {
      name: "not read by a return, in packets",
      send: inPackets(2, request("POST", "/empty", "Content-Length: 6"), "abc", `def${get("/a")}`),
    },
    {
      name: "not read by a return, and then another request",
      send: inPackets(2, `${request("POST", "/empty", "Content-Length: 6")}abc`, "def", get("/a")),
    },
    {
      name: "chunked, not read by a return, in packets",
      send: inPackets(2, chunkedPost("/empty", "3\r\na"), "bc\r\n0\r\n\r\n", get("/a")),
    },
    {
      name: "chunked, not read by a return",
      send: chunkedPost("/unread", "3\r\nabc\r\n0\r\n\r\n") + get("/a"),
      responses: 2,
    },
    { name: "spilt to a file", send: post("/spill", "0123456789".repeat(5_000)) },
    {
      name: "chunked, spilt to a file",
      send: chunkedPost("/spill", `${`1000\r\n${"b".repeat(4096)}\r\n`.repeat(10)}0\r\n\r\n`),
    },
    { name: "always in a file", send: post("/file", "small") },
    { name: "$request_body", send: post("/var", "a=b&c=d") },
    { name: "$request_body with Content-Length 0", send: post("/var", "") },
    { name: "$request_body of no chunks", send: chunkedPost("/var", "0\r\n\r\n") },
    { name: "$request_body of a GET", send: get("/var") },
    { name: "$request_body of a POST without a length", send: request("POST", "/var") },
    { name: "$request_body in chunks", send: chunkedPost("/var", "2\r\na=\r\n1\r\nb\r\n0\r\n\r\n") },
    { name: "$request_body in packets", send: inPackets(1, request("POST", "/var", "Content-Length: 4"), "ab", "cd") },
    { name: "$request_body larger than its buffer", send: post("/var", "0123456789".repeat(900)) },
    { name: "$request_body that is always in a file", send: post("/var-file", "") },
    { name: "$request_body of an error page", send: post("/var-dead", "") + post("/var-dead", "abc"), responses: 2 },
    {
      name: "streamed with a length",
      send: inPackets(1, `${request("POST", "/stream", "Content-Length: 6")}abc`, "def"),
    },
    {
      name: "streamed in chunks",
      send: inPackets(1, chunkedPost("/stream", "3\r\nabc\r\n"), "3\r\ndef\r\n", "0\r\n\r\n"),
    },
    { name: "streamed and too long", send: chunkedPost("/stream-small", `800\r\n${"a".repeat(2048)}\r\n0\r\n\r\n`) },
    {
      name: "Expect: 100-continue",
      send: [
        request("POST", "/a", "Expect: 100-continue", "Content-Length: 5"),
        { waitFor: "100 Continue\r\n\r\n" },
        "hello",
        { waitResponses: 1 },
      ],
    },
    {
      name: "Expect: 100-Continue in capitals, chunked",
      send: [
        request("POST", "/a", "Expect: 100-CONTINUE", "Transfer-Encoding: chunked"),
        { waitFor: "100 Continue\r\n\r\n" },
        "1\r\na\r\n0\r\n\r\n",
        { waitResponses: 1 },
      ],
    },
    {
      name: "Expect with the body already there",
      send: request("POST", "/a", "Expect: 100-continue", "Content-Length: 5") + "hello",
    },
    { name: "Expect in HTTP/1.0", send: "POST /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na" },
    { name: "Expect something else", send: request("POST", "/a", "Expect: 200-ok", "Content-Length: 1") + "a" },
    { name: "Expect and too long", send: request("POST", "/a", "Expect: 100-continue", "Content-Length: 5000") },
    { name: "Expect on a GET without a body", send: get("/a", "Expect: 100-continue") },
    {
      name: "Expect and the body is not read",
      send: request("POST", "/unread", "Expect: 100-continue", "Content-Length: 5"),
    },
    { name: "body cut by FIN", send: thenHalfClose(`${request("POST", "/a", "Content-Length: 10")}abc`) },
    { name: "chunked body cut by FIN", send: thenHalfClose(chunkedPost("/a", "5\r\nhel")) },
    {
      name: "next request right behind the body",
      send: [post("/a", "hello") + get("/b").slice(0, 10), NEXT_PACKET, get("/b").slice(10), { waitResponses: 2 }],
    },
  ],
};

export const CONNECTIONS: readonly Group[] = [keepAlive, bodies];

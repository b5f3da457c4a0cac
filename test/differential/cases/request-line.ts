/** Request lines, URIs and their normalisation, Host rules, header fields and their limits. */
import type { Case, Group } from "../case.ts";
import { get, getFrom, gets, inPackets, request, thenHalfClose } from "../case.ts";

const echo = `
  server {
    listen {port};
    server_name test;
    location / {
      return 200 "$request_method|$request_uri|$uri|$args|$host|$server_name|$http_x_a\\n";
    }
    location /slashes/off/ { return 200 "slashes $uri\\n"; }
  }
  server {
    listen {port2};
    merge_slashes off;
    underscores_in_headers on;
    ignore_invalid_headers off;
    location / { return 200 "$uri|$http_x_under|$http_x_a\\n"; }
  }
  server {
    listen {port3};
    client_header_buffer_size 128;
    large_client_header_buffers 2 512;
    server_tokens off;
    location / { return 200 "$request_length\\n"; }
  }`;

const raw = (name: string, send: string): Case => ({ name, send });
const line = (text: string): Case => ({ name: JSON.stringify(text), send: `${text}\r\nHost: test\r\n\r\n` });

const uris = gets(
  "/",
  "/a/b/c",
  "/a//b///c",
  "/a/./b/.",
  "/a/../b",
  "/a/b/../../c",
  "/a/b/..",
  "/..",
  "/../etc/passwd",
  "/a/../../b",
  "/%2e%2e/b",
  "/a/%2e%2e/b",
  "/a/%2E/b",
  "/a%2fb",
  "/a%2Fb%2F..%2Fc",
  "/%61%62%63",
  "/a%20b",
  "/a%00b",
  "/a%0ab",
  "/a%zzb",
  "/a%4",
  "/a%",
  "/a+b",
  "/a?b=c&d=e",
  "/a?",
  "/a??b",
  "/a?b=../c//d",
  "/a%3fb?c",
  "/a#frag",
  "/a%23b",
  "/a?b#frag",
  "/a/.hidden",
  "/a/..hidden",
  "/a/...",
  "/a/.../b",
  "/a\\b",
  "/caf\xc3\xa9",
  "/caf%C3%A9",
  "/%7euser",
  "/~user;p=1",
  "/a%25b",
  '/a"b',
  "/<x>",
);

const lines: readonly Case[] = [
  line("GET / HTTP/1.1 "),
  line("GET  / HTTP/1.1"),
  line("GET /  HTTP/1.1"),
  line("GET /a b HTTP/1.1"),
  line(" GET / HTTP/1.1"),
  line("get / HTTP/1.1"),
  line("GeT / HTTP/1.1"),
  line("G-T / HTTP/1.1"),
  line("G_T / HTTP/1.1"),
  line("FOO / HTTP/1.1"),
  line("GET / HTTP/1.2"),
  line("GET / HTTP/1.10"),
  line("GET / HTTP/1.x"),
  line("GET / HTTP/2.0"),
  line("GET / HTTP/0.9"),
  line("GET / HTTP/11"),
  line("GET / http/1.1"),
  line("GET / HTTX/1.1"),
  line("GET / HTTP/"),
  line("GET a HTTP/1.1"),
  line("GET * HTTP/1.1"),
  line("OPTIONS * HTTP/1.1"),
  line("OPTIONS / HTTP/1.1"),
  line("TRACE / HTTP/1.1"),
  line("CONNECT test:80 HTTP/1.1"),
  line("GET http://abs/x HTTP/1.1"),
  line("GET http://abs HTTP/1.1"),
  line("GET http://abs?q=1 HTTP/1.1"),
  line("GET http://abs:81/x?y HTTP/1.1"),
  line("GET http:///x HTTP/1.1"),
  line("GET HTTP://ABS/x HTTP/1.1"),
  line("GET ws://abs/x HTTP/1.1"),
  line("GET http://[::1]:80/x HTTP/1.1"),
  line("GET http://user@abs/x HTTP/1.1"),
  line("GET /\x01 HTTP/1.1"),
  line("GET /\x7f HTTP/1.1"),
  line("GET /a\tb HTTP/1.1"),
  line("\x16\x03\x01\x02"),
  line(""),
];

const hosts: readonly Case[] = [
  raw("no Host in 1.1", "GET / HTTP/1.1\r\n\r\n"),
  raw("no Host in 1.0", "GET / HTTP/1.0\r\n\r\n"),
  raw("empty Host in 1.1", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
  raw("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
  raw("two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
  { name: "Host in capitals", send: getFrom("TeSt", "/") },
  { name: "Host with port", send: getFrom("test:8080", "/") },
  { name: "Host with final dot", send: getFrom("test.", "/") },
  { name: "Host with final dot and port", send: getFrom("test.:80", "/") },
  { name: "Host with two dots", send: getFrom("te..st", "/") },
  { name: "Host with slash", send: getFrom("te/st", "/") },
  { name: "Host with space inside", send: getFrom("te st", "/") },
  { name: "Host is an IPv6 address", send: getFrom("[::1]:80", "/") },
  { name: "Host is half an IPv6 address", send: getFrom("[::1", "/") },
  { name: "Host with NUL", send: getFrom("te\0st", "/") },
  { name: "Host with underscore", send: getFrom("te_st", "/") },
  { name: "Host with high bytes", send: getFrom("t\xe9st", "/") },
  { name: "Host is only a port", send: getFrom(":80", "/") },
  { name: "Host is only a dot", send: getFrom(".", "/") },
];

const fields: readonly Case[] = [
  { name: "field with space around", send: get("/", "X-A:   x y   ") },
  { name: "field with tab around", send: get("/", "X-A:\tx\t") },
  { name: "field without value", send: get("/", "X-A:") },
  { name: "field without colon", send: get("/", "X-A") },
  { name: "space before colon", send: get("/", "X-A : b") },
  { name: "empty field name", send: get("/", ": b") },
  { name: "folded field", send: get("/", "X-A: b\r\n c") },
  { name: "first field folded", send: "GET / HTTP/1.1\r\n X: y\r\nHost: test\r\n\r\n" },
  { name: "field name with underscore", send: get("/", "X_A: b") },
  { name: "field name with dot", send: get("/", "X.A: b") },
  { name: "field name with high byte", send: get("/", "X\xe9: b", "X-A: c") },
  { name: "NUL in field value", send: get("/", "X-A: b\0c") },
  { name: "NUL in field name", send: get("/", "X-\0: b") },
  { name: "control in field value", send: get("/", "X-A: b\x01c") },
  { name: "high bytes in field value", send: get("/", "X-A: caf\xc3\xa9") },
  { name: "CR alone in field value", send: get("/", "X-A: b\rc") },
  { name: "lines end with LF alone", send: "GET / HTTP/1.1\nHost: test\nX-A: lf\n\n" },
  { name: "head ends with LF CRLF", send: "GET / HTTP/1.1\r\nHost: test\r\nX-A: mixed\n\r\n" },
  { name: "empty lines before the request", send: `\r\n\r\n${get("/")}` },
  { name: "many empty lines before the request", send: `${"\r\n".repeat(8)}${get("/")}` },
  { name: "LF before the request", send: `\n${get("/")}` },
  { name: "two of a field", send: get("/", "X-A: 1", "X-A: 2") },
  { name: "underscore taken where it is on", to: "port2", send: get("/a//b", "X_Under: yes") },
  { name: "invalid field where they are not ignored", to: "port2", send: get("/", "X.A: b") },
  { name: "space in field name where invalid is not ignored", to: "port2", send: get("/", "X A: b") },
  { name: "slashes kept where merging is off", to: "port2", send: get("/a///b/..//c") },
  { name: "percent-encoded slashes where merging is off", to: "port2", send: get("/a%2f%2fb") },
];

const versions: readonly Case[] = [
  { name: "HTTP/0.9", send: ["GET /nine\r\n", { waitEnd: true }] },
  { name: "HTTP/0.9 POST", send: ["POST /nine\r\n", { waitEnd: true }] },
  { name: "HTTP/0.9 without a slash", send: ["GET nine\r\n", { waitEnd: true }] },
  raw("HTTP/1.0", "GET /one HTTP/1.0\r\nHost: test\r\n\r\n"),
  { name: "head in three packets", send: inPackets(1, "GET /a/b HT", "TP/1.1\r\nHo", "st: test\r\n\r\n") },
  { name: "head byte by byte", send: inPackets(1, ..."GET /b HTTP/1.1\r\nHost: t\r\n\r\n") },
  { name: "nothing, then FIN", send: thenHalfClose("") },
  { name: "half a head, then FIN", send: thenHalfClose("GET / HTTP/1.1\r\nHo") },
  { name: "a request, then FIN", send: thenHalfClose(get("/fin")) },
];

const limits: readonly Case[] = [
  { name: "line longer than the first buffer", to: "port3", send: get(`/${"a".repeat(300)}`) },
  { name: "line as long as a large buffer", to: "port3", send: get(`/${"a".repeat(480)}`) },
  { name: "line longer than a large buffer", to: "port3", send: get(`/${"a".repeat(600)}`) },
  { name: "field longer than a large buffer", to: "port3", send: get("/", `X-A: ${"a".repeat(600)}`) },
  { name: "field that fits a large buffer", to: "port3", send: get("/", `X-A: ${"a".repeat(450)}`) },
  { name: "more fields than large buffers", to: "port3", send: get("/", ...Array(6).fill(`X-A: ${"a".repeat(300)}`)) },
  { name: "long method", to: "port3", send: request("A".repeat(900), "/") },
  { name: "default limit of the line passed", send: get(`/${"a".repeat(9_000)}`) },
  { name: "default limit of a field passed", send: get("/", `X-A: ${"a".repeat(9_000)}`) },
  { name: "default limit of all fields passed", send: get("/", ...Array(6).fill(`X-A: ${"a".repeat(7_000)}`)) },
  {
    name: "near the default limit of all fields",
    send: get("/", ...["X-A", "X-B", "X-C"].map((name) => `${name}: ${"a".repeat(8_000)}`)),
  },
  { name: "a hundred fields", send: get("/", ...Array.from({ length: 100 }, (_, i) => `X-${i}: ${i}`)) },
];

export const REQUEST_LINE: readonly Group[] = [
  { subject: "request URIs", config: echo, errorLog: "info", cases: uris },
  { subject: "request lines", config: echo, errorLog: "info", cases: [...lines, ...versions] },
  { subject: "request hosts", config: echo, errorLog: "info", cases: hosts },
  { subject: "request fields", config: echo, errorLog: "info", cases: [...fields, ...limits] },
];

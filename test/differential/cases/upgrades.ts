/** Upgrades: accepted, refused, without the lines, early bytes, half-close and abort both ways, any protocol. */

import { type ClientStep, HALF_CLOSE, NEXT_PACKET, RESET, WAIT_END } from "../../harness/exchange.ts";
import type { Case, Group } from "../case.ts";
import { get, inPackets, request } from "../case.ts";

const FIELDS = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
];
const upgrade = (target: string, ...more: readonly string[]): string => get(target, ...FIELDS, ...more);
const OPEN: ClientStep = { waitFor: "\r\n\r\n" };
const got = (text: string): ClientStep => ({ waitFor: text });
/** A masked text frame and its echo are the same bytes, as the backend of these tests does not look into them. */
const FRAME = "\x81\x85\x01\x02\x03\x04\x69\x67\x6f\x68\x6e";

const tunnels: readonly Case[] = [
  {
    name: "accepted, one frame each way",
    send: [upgrade("/ws/upgrade"), OPEN, FRAME, got(FRAME), HALF_CLOSE, WAIT_END],
  },
  {
    name: "many frames, in pieces",
    send: [
      upgrade("/ws/upgrade"),
      OPEN,
      ...inPackets(0, "\x81", "\x85\x01\x02", "\x03\x04abcde"),
      got("abcde"),
      FRAME.repeat(50),
      got(FRAME.repeat(50)),
      HALF_CLOSE,
      WAIT_END,
    ],
  },
  {
    name: "64 KiB each way",
    send: [upgrade("/ws/upgrade"), OPEN, `${"x".repeat(65_536)}END`, got("END"), HALF_CLOSE, WAIT_END],
  },
  {
    name: "bytes right behind the request",
    send: [`${upgrade("/ws/upgrade")}early from client;`, got("early from client;"), HALF_CLOSE, WAIT_END],
  },
  {
    name: "bytes right behind the 101",
    send: [upgrade("/ws/upgrade-early"), got("early from backend;"), "x;", got("x;"), HALF_CLOSE, WAIT_END],
  },
  {
    name: "early bytes on both sides",
    send: [`${upgrade("/ws/upgrade-early")}client;`, got("client;"), got("backend;"), HALF_CLOSE, WAIT_END],
  },
  {
    name: "101 in pieces with early bytes",
    send: [upgrade("/ws/upgrade-split"), got("abcd"), "#1;", got("#1;"), HALF_CLOSE, WAIT_END],
  },
  { name: "backend greets and closes", send: [upgrade("/ws/upgrade-greet-close"), got("bye"), WAIT_END] },
  { name: "backend resets", send: [upgrade("/ws/upgrade-reset"), got("bye"), WAIT_END] },
  {
    name: "client half-closes, backend answers after",
    send: [upgrade("/ws/upgrade-wait-fin"), OPEN, "bye", NEXT_PACKET, HALF_CLOSE, WAIT_END],
  },
  {
    name: "backend half-closes, client sends after",
    send: [upgrade("/ws/upgrade-half-close"), got("hello;"), WAIT_END, "still here", NEXT_PACKET, HALF_CLOSE, WAIT_END],
  },
  { name: "client resets", send: [upgrade("/ws/upgrade-silent"), OPEN, "x", { waitUpstream: "x" }, RESET] },
  { name: "client closes at once", send: [upgrade("/ws/upgrade-silent"), OPEN, HALF_CLOSE, WAIT_END] },
  {
    name: "client closes before the 101",
    send: [upgrade("/ws/slow"), { waitUpstream: "/ws/slow" }, HALF_CLOSE, WAIT_END],
  },
  { name: "silent tunnel is cut", send: [upgrade("/cut/upgrade-silent"), OPEN, WAIT_END] },
  {
    name: "tunnel with traffic outlives the timeout",
    send: [
      upgrade("/cut-later/upgrade"),
      OPEN,
      ...Array(4)
        .fill(["x;", { pauseMs: 700 }])
        .flat(),
      "end",
      got("end"),
      WAIT_END,
    ],
  },
  {
    name: "another protocol",
    send: [
      get("/ws/upgrade-other", "Connection: upgrade", "Upgrade: my-protocol/1"),
      OPEN,
      "anything\0\xff",
      got("anything\0\xff"),
      HALF_CLOSE,
      WAIT_END,
    ],
  },
  {
    name: "backend switches to what it likes",
    send: [upgrade("/ws/upgrade-other"), OPEN, "#1;", got("#1;"), HALF_CLOSE, WAIT_END],
  },
  {
    name: "101 with a Content-Length",
    send: [upgrade("/ws/upgrade-length"), OPEN, "12345678", got("12345678"), HALF_CLOSE, WAIT_END],
  },
  {
    name: "POST with a body upgrades too",
    send: [
      request("POST", "/ws/upgrade", "Connection: upgrade", "Upgrade: x", "Content-Length: 4") + "body",
      OPEN,
      "x;",
      got("x;"),
      HALF_CLOSE,
      WAIT_END,
    ],
  },
  {
    name: "mixed location with the map",
    send: [upgrade("/mixed/upgrade"), OPEN, FRAME, got(FRAME), HALF_CLOSE, WAIT_END],
  },
  {
    name: "through a rewrite",
    send: [upgrade("/services/myservice/upgrade"), OPEN, FRAME, got(FRAME), HALF_CLOSE, WAIT_END],
  },
  {
    name: "unbuffered",
    send: [upgrade("/unbuffered/upgrade-early"), got("early"), FRAME, got(FRAME), HALF_CLOSE, WAIT_END],
  },
  {
    name: "with an upstream block and keepalive",
    send: [upgrade("/pool/upgrade"), OPEN, FRAME, got(FRAME), HALF_CLOSE, WAIT_END],
  },
  {
    name: "with add_header, hidden fields and cookies",
    send: [upgrade("/headers/upgrade"), OPEN, FRAME, got(FRAME), HALF_CLOSE, WAIT_END],
  },
].map((one) => ({ ...one, upstreamEnd: true }));

const others: readonly Case[] = [
  { name: "refused with 403", send: upgrade("/ws/upgrade-refused") + get("/ws/plain"), responses: 2 },
  { name: "refused with 426", send: upgrade("/ws/upgrade-required") },
  { name: "ignored: an ordinary 200", send: upgrade("/ws/upgrade-ignored") },
  { name: "ignored: chunked", send: upgrade("/ws/chunked") },
  { name: "refused with 404 and intercepted", send: upgrade("/intercept/status-404") },
  { name: "without the lines the backend sees a GET", send: upgrade("/plain/upgrade-ignored") },
  {
    name: "without the lines the backend switches all the same",
    send: [upgrade("/plain/upgrade"), OPEN, "x;", got("x;"), HALF_CLOSE, WAIT_END],
  },
  { name: "101 to a client that did not ask", send: get("/cut/upgrade") },
  {
    name: "101 to a client that asked without Upgrade in Connection",
    send: [get("/ws/upgrade", "Upgrade: websocket"), OPEN, "x", NEXT_PACKET, HALF_CLOSE],
  },
  {
    name: "HTTP/1.0 client asks",
    send: ["GET /ws/upgrade HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", OPEN, HALF_CLOSE, WAIT_END],
  },
  { name: "HTTP/1.0 to the backend", send: upgrade("/v10/upgrade-ignored") },
  { name: "backend is down", send: upgrade("/dead/upgrade") },
  { name: "backend closes at once", send: upgrade("/ws/close-at-once") },
  { name: "backend sends half a 101", send: upgrade("/ws/half-101") },
  { name: "backend is slow", send: upgrade("/cut/slow") },
  { name: "mixed location, plain request", send: get("/mixed/plain") },
  {
    name: "mixed location, Upgrade in capitals",
    send: get("/mixed/upgrade-ignored", "connection: UPGRADE", "UPGRADE: WebSocket"),
  },
  {
    name: "mixed location, Connection: keep-alive, Upgrade",
    send: get("/mixed/upgrade-ignored", "Connection: keep-alive, Upgrade", "Upgrade: websocket"),
  },
  { name: "socket.io polling", send: get("/mixed/plain?EIO=4&transport=polling", "Connection: keep-alive") },
  {
    name: "all WebSocket fields reach the backend",
    send: upgrade(
      "/ws/upgrade-refused",
      "Origin: http://a.test",
      "Sec-WebSocket-Protocol: chat, superchat",
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    ),
  },
];

/** Tunnels that are cut for their silence say nothing of their peers. */
const silent: readonly Case[] = [
  { name: "silent at the first peer", send: [upgrade("/two/upgrade"), OPEN, WAIT_END] },
  { name: "silent at the second", send: [upgrade("/two/upgrade"), OPEN, WAIT_END] },
  ...["/two/1", "/two/2", "/two/3"].map((target) => ({ name: `then ${target}`, send: inPackets(1, get(target)) })),
];

export const UPGRADES: readonly Group[] = [
  {
    subject: "upgrades",
    errorLog: "error",
    behaviours: {
      "half-101": { steps: ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: web", { fin: true }] },
    },
    config: `
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  upstream pool { server 127.0.0.1:{backend2}; keepalive 2; }
  upstream two { server 127.0.0.1:{backend} fail_timeout=60s; server 127.0.0.1:{backend3} fail_timeout=60s; }
  server {
    listen {port};
    proxy_http_version 1.1;
    location /ws/ { proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://127.0.0.1:{backend}; }
    location /mixed/ { proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_set_header Host $host; proxy_pass http://127.0.0.1:{backend}/; }
    location /plain/ { proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}; }
    location /v10/ { proxy_http_version 1.0; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://127.0.0.1:{backend}; }
    location /dead/ { proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://127.0.0.1:{dead}; }
    location /cut/ { proxy_read_timeout 250ms; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://127.0.0.1:{backend}; }
    location /two/ { proxy_read_timeout 250ms; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_pass http://two; }
    # nginx does not move a timer by less than 300 ms, so shorter timeouts than this would not see all traffic.
    location /cut-later/ { proxy_read_timeout 2s; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://127.0.0.1:{backend}; }
    location /intercept/ { proxy_intercept_errors on; error_page 404 =200 @page; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://127.0.0.1:{backend}; }
    location @page { return 200 "page\\n"; }
    location /services/myservice { rewrite /services/myservice/(.*) /$1 break; proxy_redirect off; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://127.0.0.1:{backend}; }
    location /unbuffered/ { proxy_buffering off; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://127.0.0.1:{backend}; }
    location /pool/ { proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://pool; }
    location /headers/ { add_header X-Added 1; add_header X-Always 2 always; proxy_hide_header X-Up; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://127.0.0.1:{backend}; }
  }`,
    cases: [...tunnels, ...others, ...silent],
  },
];

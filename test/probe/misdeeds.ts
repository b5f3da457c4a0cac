/** Servers of one socket that do what no server should. */
import type { Socket } from "bun";
import type { TunnelWishes } from "../../src/probe/observe.ts";
import type { ProbeWishes } from "../../src/probe/target.ts";
import { acceptOf } from "../../src/websocket/handshake.ts";
import { SHORT_MS } from "./patience.ts";

/** What a socket does with the head of a handshake. */
export type Misdeed = (socket: Socket<{ head: string }>, key: string) => void;

const good = (key: string, ...more: readonly string[]): string =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n${more.map((line) => `${line}\r\n`).join("")}\r\n`;
const closeFrame = (code: number, reason: string): Buffer =>
  Buffer.concat([Buffer.from([0x88, 2 + reason.length, code >> 8, code & 0xff]), Buffer.from(reason)]);

/** Sockets that misbehave, and the verdict. */
export const MISDEEDS: readonly (readonly [
  id: string,
  what: string,
  misdeed: Misdeed,
  wishes?: Partial<ProbeWishes>,
  tunnel?: Partial<TunnelWishes>,
])[] = [
  [
    "reset-after-101",
    "RST straight after the 101",
    (s, key) => {
      s.write(good(key));
      s.flush();
      setTimeout(() => s.terminate(), 20);
    },
  ],
  [
    "closed-after-101",
    "FIN straight after the 101",
    (s, key) => {
      s.write(good(key));
      s.end();
    },
  ],
  [
    "relays-nothing",
    "101, and nothing more",
    (s, key) => {
      s.write(good(key));
    },
    { timeoutMs: SHORT_MS },
  ],
  [
    "closed-by-application",
    "a Close with 1008",
    (s, key) => {
      s.write(good(key));
      s.write(closeFrame(1008, "token expired"));
    },
  ],
  [
    "bad-101",
    "an accept for another key",
    (s) => {
      s.write(good("another"));
    },
    { timeoutMs: SHORT_MS },
  ],
  [
    "bad-101",
    "a 101 without its fields",
    (s) => {
      s.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    },
    { timeoutMs: SHORT_MS },
  ],
  [
    "bad-101",
    "an extension that nobody wanted",
    (s, key) => {
      s.write(good(key, "Sec-WebSocket-Extensions: x-strange"));
    },
    { timeoutMs: SHORT_MS },
  ],
  ["no-answer", "no answer at all", () => {}, { timeoutMs: SHORT_MS }],
  [
    "closed-without-answer",
    "a reset in place of an answer",
    (s) => {
      s.terminate();
    },
  ],
  [
    "not-http",
    "SSH",
    (s) => {
      s.write("SSH-2.0-OpenSSH_9.2p1\r\n");
    },
  ],
  [
    "tls-expected",
    "a TLS alert",
    (s) => {
      s.write(Buffer.from([0x15, 3, 1, 0, 2, 2, 70]));
      s.end();
    },
  ],
  [
    "http2-only",
    "HTTP/2's SETTINGS",
    (s) => {
      s.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
      s.end();
    },
  ],
  [
    "bad-frames",
    "masked frames",
    (s, key) => {
      s.write(good(key));
      s.write(Buffer.from([0x81, 0x81, 1, 2, 3, 4, 0x60]));
      s.end(closeFrame(1000, ""));
    },
  ],
  [
    "closed-without-answer",
    "half a head",
    (s) => {
      s.end("HTTP/1.1 101 Swi");
    },
  ],
];

/**
 * limit_rate and proxy_limit_rate hold responses back, by every way to set them. Only the least time is looked at, which
 * a busy machine does not shorten; nginx, where it is installed, has to pass the same.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { get } from "../differential/case.ts";
import { exchange } from "../harness/exchange.ts";
import { findNginx, type Gateway, startHopway, startNginx } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { plainAnswer, RecordingBackend } from "../harness/recording-backend.ts";
import { parseResponses } from "../harness/response-stream.ts";

const BODY = "0123456789".repeat(300);
const RATE = 1000;
/** 3000 bytes at 1000 a second: one lot at once, the next two after a second each; nginx's seconds are those of the clock. */
const LEAST_MS = 900;

/** More than is read from an upstream at once. */
const LARGE = "0123456789".repeat(60_000);
const READ_RATE = 200_000;

const backend = new RecordingBackend("backend", {
  body: { steps: [plainAnswer(BODY)] },
  large: { steps: [plainAnswer(LARGE)] },
  "large-chunks": {
    steps: [
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${LARGE.length.toString(16)}\r\n${LARGE}\r\n0\r\n\r\n`,
    ],
  },
  slow: { steps: [plainAnswer(BODY, `X-Accel-Limit-Rate: ${RATE}`)] },
  chunks: {
    steps: [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nbb8\r\n${BODY}\r\n0\r\n\r\n`],
  },
});

const config = (port: number): string => `{main}
error_log {prefix}/error.log;
events {}
http {
  {temp_paths}
  access_log off;
  server {
    listen 127.0.0.1:${port};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location /returned { limit_rate ${RATE}; return 200 "${BODY}"; }
    location /set { set $limit_rate ${RATE}; return 200 "${BODY}"; }
    location /variable { limit_rate $arg_rate; return 200 "${BODY}"; }
    location /after { limit_rate ${RATE / 2}; limit_rate_after ${RATE}; return 200 "${BODY}"; }
    location /proxied/ { limit_rate ${RATE}; proxy_pass http://127.0.0.1:${backend.port}/; }
    location /accel/ { proxy_pass http://127.0.0.1:${backend.port}/; }
    location /read/ { proxy_limit_rate ${READ_RATE}; proxy_pass http://127.0.0.1:${backend.port}/; }
  }
}`;

const SLOW = [
  "/returned",
  "/set",
  `/variable?rate=${RATE}`,
  "/after",
  "/proxied/body",
  "/proxied/chunks",
  "/accel/slow",
  "/read/large",
  "/read/large-chunks",
];

const kinds = [
  ["hopway", startHopway, true],
  ["nginx", startNginx, findNginx() !== undefined],
] as const;

for (const [name, start, there] of kinds) {
  describe.skipIf(!there)(`rates of ${name}`, () => {
    const port = freePort();
    let gateway: Gateway;

    beforeAll(async () => {
      gateway = await start(config(port));
    });

    afterAll(async () => {
      await gateway.stop();
      gateway.remove();
    });

    test("each of them holds back, and everything comes", async () => {
      const seen = await Promise.all(
        SLOW.map(async (target) => {
          const startedMs = performance.now();
          const { received } = await exchange(port, [get(target, "Connection: close"), { waitEnd: true }]);
          const tookMs = performance.now() - startedMs;
          const [response] = parseResponses(received, [], true);
          const body = target.startsWith("/read/") ? LARGE : BODY;
          return { target, slow: tookMs > LEAST_MS, all: response?.body === body };
        }),
      );
      expect(seen).toEqual(SLOW.map((target) => ({ target, slow: true, all: true })));
    });

    test("no more than the rate comes at once", async () => {
      const startedMs = performance.now();
      const around = { quiet: gateway.quiet, upstreamGot: () => true };
      const { received } = await exchange(
        port,
        [get("/returned"), { waitFor: "\r\n\r\n" }, { quiet: true }],
        [],
        undefined,
        around,
      );
      const body = received.slice(received.indexOf("\r\n\r\n") + 4);
      expect(body.length).toBeGreaterThan(0);
      // Of the first second, and of each in which the clock's second has ended since.
      const seconds = 2 + Math.floor((performance.now() - startedMs) / 1000);
      expect(body.length).toBeLessThanOrEqual(seconds * RATE);
    });

    test("without a limit nothing is held back", async () => {
      const { received } = await exchange(port, [get("/variable?rate=0"), { waitResponses: 1 }]);
      expect(received).toEndWith(BODY);
    });
  });
}

afterAll(() => backend.stop());

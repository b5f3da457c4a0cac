/** Clients that send too slowly, too much, or never read: each costs little, and others are served meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import { exchange } from "../harness/exchange.ts";
import { forgetPeak, peakResidentBytes, residentBytes, workerPid } from "../harness/worker-memory.ts";
import { attack, attackTarget, head } from "./target.ts";

const MIB = 1024 * 1024;
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

const target = attackTarget(
  `
    client_header_timeout 1s;
    client_body_timeout 1s;
    send_timeout 1s;
    keepalive_timeout 1s;
    keepalive_requests 10000000;
    large_client_header_buffers 4 8k;
    client_max_body_size 1m;
    location / { return 200 "ok"; }
    location /proxied { proxy_pass http://{backend}; }
    location /ws/ {
      proxy_pass http://{backend};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }
`,
  { tunnel: { at: "head", steps: [SWITCHING, { waitEnd: true }] } },
);

const LAST = head("GET / HTTP/1.1", "Host: x", "Connection: close");
const GET = head("GET / HTTP/1.1", "Host: x");

/** A fresh client is served while an attack runs. */
async function othersAreServed(): Promise<void> {
  const { received } = await exchange(target.port, [GET, { waitResponses: 1 }]);
  expect(received).toStartWith("HTTP/1.1 200 OK\r\n");
}

describe("too slow", () => {
  test("a head that comes byte by byte is cut after client_header_timeout, however lively", async () => {
    const drip = Array.from({ length: 60 }, (_, i) => [`X-${i}: 1\r\n`, { pauseMs: 50 }] as const).flat();
    const startedMs = performance.now();
    const { received, end } = await exchange(target.port, ["GET / HTTP/1.1\r\n", ...drip, { waitEnd: true }]);
    expect(received).toBe("");
    expect(end).not.toBe("open");
    expect(performance.now() - startedMs).toBeGreaterThan(900);
  });

  test("two hundred slow heads at once do not keep others out", async () => {
    const slow = Array.from({ length: 200 }, () =>
      exchange(target.port, ["GET / HTTP/1.1\r\nX-Slow: ", { waitEnd: true }]),
    );
    await othersAreServed();
    const ends = await Promise.all(slow);
    expect(ends.every(({ end, timedOut }) => end !== "open" && timedOut === undefined)).toBe(true);
    await othersAreServed();
  });

  test("a connection that says nothing", async () => {
    const { received, timedOut } = await exchange(target.port, [{ waitEnd: true }]);
    expect([received, timedOut]).toEqual(["", undefined]);
  });

  test("a body that stops is 408", async () => {
    const { received } = await exchange(target.port, [
      head("POST /proxied HTTP/1.1", "Host: x", "Content-Length: 10") + "abc",
      { waitEnd: true },
    ]);
    expect(received).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });
});

describe("too much", () => {
  test.each([
    [414, "a request line", `GET /${"a".repeat(9_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
    [414, "a request line without end", `GET /${"a".repeat(200_000)}`],
    [400, "a header field", head("GET / HTTP/1.1", "Host: x", `X-A: ${"a".repeat(9_000)}`)],
    [400, "a header field without end", `GET / HTTP/1.1\r\nHost: x\r\nX-A: ${"a".repeat(300_000)}`],
    [400, "header fields", head("GET / HTTP/1.1", "Host: x", ...Array(4_000).fill("X-A: 0123456789"))],
    [400, "header fields without end", `GET / HTTP/1.1\r\nHost: x\r\n${"A:\r\n".repeat(100_000)}`],
    [413, "a body", head("POST /proxied HTTP/1.1", "Host: x", "Content-Length: 99999999")],
    [
      413,
      "a chunked body",
      head("POST /proxied HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") +
        `200000\r\n${"a".repeat(0x200000)}\r\n0\r\n\r\n`,
    ],
    [
      413,
      "a body of tiny chunks",
      head("POST /proxied HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "1\r\na\r\n".repeat(1_100_000),
    ],
  ])("%d for %s", async (status, _, bytes) => {
    const { received } = await exchange(target.port, [bytes, { waitEnd: true }]);
    // A client that goes on sending may see its connection reset before the response.
    expect(received).toMatch(new RegExp(`^(HTTP/1\\.1 ${status} |$)`));
    await othersAreServed();
  });
});

describe("in bounded memory", () => {
  let pid = 0;
  let idle = 0;
  beforeAll(() => {
    pid = workerPid(target.gateway.pid);
    idle = residentBytes(pid);
    forgetPeak(pid);
  });
  const open: Socket<undefined>[] = [];
  afterAll(() => {
    for (const socket of open) socket.terminate();
  });

  /** Writes a text over and over until `bytes` of it are out, or the other side takes no more for `stillMs`. */
  async function flood(first: string, text: string, bytes: number, stillMs: number, read: boolean): Promise<number> {
    const block = Buffer.from(text.repeat(Math.ceil(65_536 / text.length)), "latin1");
    let sent = 0;
    let at = 0;
    let closed = false;
    const pump = (socket: Socket<undefined>): void => {
      while (sent < bytes && !closed) {
        const written = socket.write(block, at, block.length - at);
        if (written <= 0) return;
        sent += written;
        at = (at + written) % block.length;
      }
    };
    const socket = await Bun.connect<undefined>({
      hostname: "127.0.0.1",
      port: target.port,
      data: undefined,
      socket: {
        data() {},
        drain: pump,
        close() {
          closed = true;
        },
        error() {},
      },
    });
    open.push(socket);
    if (!read) socket.pause();
    socket.write(first);
    pump(socket);
    let before = -1;
    while (before !== sent && !closed && sent < bytes) {
      before = sent;
      await Bun.sleep(stillMs);
    }
    return sent;
  }

  test("pipelined requests of a client that reads no answers: reading stops", async () => {
    const sent = await flood("", GET, 256 * MIB, 500, false);
    expect(sent).toBeLessThan(64 * MIB);
    expect(peakResidentBytes(pid) - idle).toBeLessThan(48 * MIB);
    await othersAreServed();
  });

  test("pipelined requests of a client that does read: all are answered, none is hoarded", async () => {
    const count = 20_000;
    const { received } = await exchange(target.port, [GET.repeat(count - 1) + LAST, { waitEnd: true }]);
    expect(received.split("HTTP/1.1 200 OK\r\n").length - 1).toBe(count);
    expect(peakResidentBytes(pid) - idle).toBeLessThan(48 * MIB);
  });

  test("a WebSocket message of 16 exabytes to a backend that does not read", async () => {
    const handshake = head("GET /ws/tunnel HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket");
    const sent = await flood(
      `${handshake}\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0`,
      "frame",
      64 * MIB,
      300,
      true,
    );
    expect(sent).toBeGreaterThan(65_536);
    expect(peakResidentBytes(pid) - idle).toBeLessThan(48 * MIB);
    await othersAreServed();
  });

  test("a request body of a client that has been refused already is not hoarded", async () => {
    await flood(head("POST / HTTP/1.1", "Host: x", "Content-Length: 900000"), "body", 32 * MIB, 200, true);
    expect(peakResidentBytes(pid) - idle).toBeLessThan(48 * MIB);
    await othersAreServed();
  });

  test("an upgrade request with a flood behind it before the backend answers", async () => {
    const handshake = head("GET /ws/never HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket");
    await flood(handshake, "early", 64 * MIB, 300, true);
    expect(peakResidentBytes(pid) - idle).toBeLessThan(48 * MIB);
    await othersAreServed();
  });
});

test("after all that the worker is the one that began", async () => {
  await target.gateway.quiet();
  expect(target.gateway.errorLog()).not.toMatch(/\[(alert|emerg|crit)\]/);
  expect((await attack(target, GET)).statuses).toEqual([200]);
});

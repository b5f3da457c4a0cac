/** A configuration that says nothing of upgrades: the backend gets an ordinary GET, the same as behind nginx. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exchange } from "../harness/exchange.ts";
import { findNginx, startHopway, startNginx } from "../harness/gateway.ts";
import { askPeer } from "../harness/node-process.ts";
import { RecordingBackend } from "../harness/recording-backend.ts";
import { startSeed } from "../harness/seed.ts";

const HANDSHAKE =
  "GET /chat?room=1 HTTP/1.1\r\nHost: Example.com\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
  "Sec-WebSocket-Extensions: permessage-deflate\r\nOrigin: http://example.com\r\n\r\n";

/** What nginx 1.29.7 and later do by default, said in words that older ones understand. */
const CURRENT_DEFAULTS = 'proxy_http_version 1.1;\n            proxy_set_header Connection "";';

async function backendSees(start: typeof startHopway): Promise<{ readonly head: string; readonly answer: string }> {
  const backend = new RecordingBackend("backend", {});
  const seed = await startSeed("without-upgrade-lines", { 3000: backend.port }, undefined, start);
  const { received } = await exchange(seed.port, [HANDSHAKE, { waitResponses: 1 }]);
  await seed.gateway.stop();
  seed.gateway.remove();
  backend.stop();
  const requests = backend.take();
  expect(requests.length).toBe(1);
  return { head: requests[0]?.head ?? "", answer: received.replace(/(Server|Date): .*\r\n/g, "") };
}

test("the backend sees a GET without Upgrade and Connection", async () => {
  const { head, answer } = await backendSees(startHopway);
  expect(head.split("\r\n")).toEqual([
    "GET /chat?room=1 HTTP/1.1",
    "Host: example.com",
    "X-Real-IP: 127.0.0.1",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Extensions: permessage-deflate",
    "Origin: http://example.com",
  ]);
  expect(answer).toStartWith("HTTP/1.1 200 OK\r\n");
});

test.skipIf(findNginx() === undefined)(
  "byte for byte what nginx sends, and the client gets the same answer",
  async () => {
    const text = readFileSync(join(import.meta.dir, "without-upgrade-lines.conf"), "latin1");
    expect(text).toContain("proxy_pass");
    const nginx = await backendSees((config) =>
      startNginx(config.replace(/(proxy_pass [^;]*;)/, `$1\n${CURRENT_DEFAULTS}`)),
    );
    expect(await backendSees(startHopway)).toEqual(nginx);
  },
);

test("the ws package is refused with what the backend answered", async () => {
  const backend = new RecordingBackend("backend", {});
  const seed = await startSeed("without-upgrade-lines", { 3000: backend.port });
  expect(await askPeer("ws-session.mjs", `ws://127.0.0.1:${seed.port}/chat`, { steps: [] })).toEqual([
    { refused: 200, body: "backend GET /chat HTTP/1.1\n" },
  ]);
  await seed.gateway.stop();
  seed.gateway.remove();
  backend.stop();
});

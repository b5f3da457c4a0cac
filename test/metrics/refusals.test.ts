/** Why WebSockets were not opened: each reason is made to happen, and counted once. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { TCPSocketListener } from "bun";
import { REFUSALS, type Refusal } from "../../src/metrics/cells.ts";
import { type EchoBackend, startEchoBackend } from "../drills/echo-backend.ts";
import { RawClient } from "../drills/raw-client.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { mainDirectives } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { counted } from "./scrape.ts";

const HANDSHAKE =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

const port = freePort();
const deadPort = freePort();
let echo: EchoBackend;
const backends: TCPSocketListener<undefined>[] = [];
let gateway: Gateway;

/** A backend that does one thing when it is asked something. */
function backend(answer: (write: (text: string) => void, end: () => void) => void): number {
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (socket) =>
        answer(
          (text) => socket.write(text),
          () => socket.end(),
        ),
    },
  });
  backends.push(listener);
  return listener.port;
}

beforeAll(async () => {
  echo = startEchoBackend("echo");
  const silent = backend(() => {});
  const closing = backend((_write, end) => end());
  const wrong = backend((write) =>
    write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n",
    ),
  );
  const to = (to: number): string => `websocket auto; proxy_pass http://127.0.0.1:${to};`;
  gateway = await startHopway(`${mainDirectives(1)}
error_log {prefix}/error.log info;
events {}
http {
  {temp_paths}
  access_log off;
  limit_conn_zone $server_name zone=connections:64k;
  limit_req_zone $server_name zone=requests:64k rate=1r/m;
  upstream nobody { server 127.0.0.1:${deadPort} down; }
  server {
    listen 127.0.0.1:${port};
    server_name test;
    location /metrics { hopway_metrics; }
    location /none { return 404; }
    location /origin { websocket_allowed_origins example.com; ${to(echo.port)} }
    location /no_upgrade { websocket on; proxy_pass http://127.0.0.1:${echo.port}; }
    location /forbidden { deny all; ${to(echo.port)} }
    location /unauthorized { if ($uri) { return 401; } ${to(echo.port)} }
    location /too_many_connections { limit_conn connections 1; ${to(silent)} }
    location /too_many_requests { limit_req zone=requests; ${to(port)} }
    location /not_proxied { return 200 "here\\n"; }
    location /upgrade_not_passed { proxy_pass http://127.0.0.1:${port}/none; }
    location /upstream_refused { websocket auto; proxy_pass http://127.0.0.1:${port}/none; }
    location /upstream_unreachable { ${to(deadPort)} }
    location /upstream_timeout { proxy_read_timeout 50ms; ${to(silent)} }
    location /upstream_failed { ${to(closing)} }
    location /no_live_upstream { websocket auto; proxy_pass http://nobody; }
    location /bad_answer { ${to(wrong)} }
    location /client_left { ${to(silent)} }
    location /other { if ($uri) { return 500; } ${to(echo.port)} }
  }
}
`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  await echo.stop();
  for (const listener of backends) listener.stop(true);
});

/** What a client does other than ask for a WebSocket once; the rest closes what is left open. */
const own: Partial<Record<Refusal, (path: string) => Promise<RawClient[]>>> = {
  origin: async (path) => [await asked(path, `${HANDSHAKE}Origin: http://evil.example\r\n`)],
  no_upgrade: async (path) => [await asked(path, "")],
  async too_many_connections(path) {
    const first = await RawClient.connect(port);
    first.send(`GET ${path} HTTP/1.1\r\nHost: test\r\n${HANDSHAKE}\r\n`);
    // It has its place when another is refused.
    return [first, await asked(path, HANDSHAKE)];
  },
  too_many_requests: async (path) => [await asked(path, ""), await asked(path, HANDSHAKE)],
  async client_left(path) {
    const client = await RawClient.connect(port);
    client.send(`GET ${path} HTTP/1.1\r\nHost: test\r\n${HANDSHAKE}\r\n`);
    await gateway.quiet();
    client.close();
    return [];
  },
};

async function asked(path: string, fields: string): Promise<RawClient> {
  const client = await RawClient.connect(port);
  await client.ask(path, fields);
  return client;
}

const series = (location: string, reason: string): string =>
  `hopway_websocket_refusals_total{server="test",location="/${location}",reason="${reason}"}`;
const handshakes = (location: string, result: string): string =>
  `hopway_websocket_handshakes_total{server="test",location="/${location}",result="${result}"}`;

describe("reasons", () => {
  for (const [reason, words] of REFUSALS) {
    test(`${reason}: ${words}`, async () => {
      const clients = await (own[reason] ?? (async (path) => [await asked(path, HANDSHAKE)]))(`/${reason}`);
      const { families } = await counted(port, {
        [series(reason, reason)]: 1,
        [handshakes(reason, "accepted")]: 0,
        [handshakes(reason, "refused")]: 1,
      });
      const others = [...(families.get("hopway_websocket_refusals_total")?.samples ?? [])].filter(
        ([sample]) => sample.includes(`location="/${reason}"`) && sample !== series(reason, reason),
      );
      expect(others).toEqual([]);
      for (const client of clients) client.close();
    });
  }
});

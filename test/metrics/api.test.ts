/** `hopway_api` and the WebSocket of `hopway_dashboard`, without a browser. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import WebSocket from "ws";
import type { Snapshot } from "../../src/modules/api-snapshot.ts";
import { KEY, ping, text } from "../../src/websocket/frame-fixture.ts";
import { CLOSE } from "../../src/websocket/frame-walker.ts";
import { type EchoBackend, startEchoBackend } from "../drills/echo-backend.ts";
import { RawClient } from "../drills/raw-client.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { mainDirectives, rewriteConfig, workerPids } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/until.ts";
import { closeText, connectRaw } from "../websocket/peers.ts";
import { LIMIT_MS } from "./scrape.ts";

const WORKERS = 3;
const port = freePort();
const base = `http://127.0.0.1:${port}`;
let red: EchoBackend;
let blue: EchoBackend;
let gateway: Gateway;

function configuration(more = ""): string {
  return `${mainDirectives(WORKERS)}
error_log {prefix}/error.log notice;
events {}
http {
  {temp_paths}
  access_log off;
  upstream app { server 127.0.0.1:${red.port}; server 127.0.0.1:${blue.port}; }
  upstream fixed { server 127.0.0.1:${red.port}; server 127.0.0.1:${blue.port} down; }
  server {
    listen 127.0.0.1:${port};
    server_name example.com;
    location /page { hopway_dashboard; }
    location /api { hopway_api write; }
    location /read-only { hopway_api; }
    location /denied { hopway_api write; deny all; }
    location /ws { websocket auto; websocket_ping_interval 50ms; proxy_pass http://app; }
    location /echo/ { proxy_pass http://app; }
    location /fixed/ { proxy_pass http://fixed; }
    ${more}
  }
}
`;
}

beforeAll(async () => {
  red = startEchoBackend("red");
  blue = startEchoBackend("blue");
  gateway = await startHopway(configuration());
});

afterAll(async () => {
  expect(await gateway.stop()).toBe(0);
  gateway.remove();
  await red.stop();
  await blue.stop();
});

async function read(): Promise<Snapshot & { readonly write: boolean }> {
  const answer = await fetch(`${base}/api`);
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
  return (await answer.json()) as Snapshot & { readonly write: boolean };
}

/** Reads until the numbers say so. */
async function readUntil(what: string, look: (now: Snapshot) => boolean): Promise<Snapshot> {
  let now = await read();
  await until(what, LIMIT_MS, async () => {
    now = await read();
    return look(now);
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(now, null, 1)}`);
  });
  return now;
}

async function drain(query: string, path = "/api", headers: Record<string, string> = {}) {
  const answer = await fetch(`${base}${path}?${query}`, { method: "POST", headers });
  return { status: answer.status, said: answer.status === 405 ? "" : await answer.text() };
}

/** The names of backends that answer many requests, each on a connection of its own. */
async function answering(): Promise<string[]> {
  const names = new Set<string>();
  for (let i = 0; i < 30; i++) {
    const client = await RawClient.connect(port);
    const { body } = await client.ask("/echo/x", "Connection: close\r\n");
    client.close();
    names.add(body.split(" ")[0] ?? "");
  }
  return [...names].sort();
}

test("numbers and lists of all workers", async () => {
  const odd = `/ws/${"%22%3Cscript%3E"}?\xc3\xa9\xff"<script>alert(1)</script>${"y".repeat(300)}`;
  const clients = await Promise.all(Array.from({ length: 9 }, () => RawClient.connect(port)));
  await Promise.all(clients.map((client, i) => client.upgrade(i === 0 ? odd : `/ws/${i}`)));
  for (const client of clients) await client.echo("hello");
  const now = await readUntil(
    "open tunnels with pings",
    // Workers tell their lists once a second: one may be of before the echo.
    ({ largest, slowest }) =>
      largest.length === 9 &&
      largest.every(({ messagesOut }) => messagesOut === 1) &&
      slowest.some(({ upstreamRoundTripMs }) => upstreamRoundTripMs >= 0),
  );
  expect(now.totals).toMatchObject({
    handshakes: 9,
    tunnelsOpen: 9,
    tunnelsOpened: 9,
    messagesIn: 9,
    messagesOut: 9,
    bytesIn: 45,
    bytesOut: 45,
    refusals: {},
  });
  expect(now.peers.filter(({ upstream }) => upstream === "app").reduce((sum, { tunnels }) => sum + tunnels, 0)).toBe(9);
  expect(now.workers).toHaveLength(WORKERS);
  const shown = now.largest.find(({ path }) => path.includes("script"));
  // What is no UTF-8 is replaced, and long texts are cut.
  expect(shown).toMatchObject({
    client: "127.0.0.1",
    host: "drill",
    server: "example.com",
    location: "/ws",
    messagesIn: 1,
    messagesOut: 1,
  });
  expect(shown?.path).toStartWith('/ws/%22%3Cscript%3E?\u00e9\ufffd"<script>alert(1)</script>yyy');
  expect(shown?.path).toHaveLength(120);
  for (const client of clients.slice(1)) client.send("\x88\x82\0\0\0\0\x0f\xa1");
  clients[0]?.close();
  const after = await readUntil("ended tunnels", ({ ended }) => ended.length === 9);
  expect(after.ended.map(({ closeCode, closedBy }) => `${closeCode} ${closedBy}`).sort()).toEqual([
    "1006 client",
    ...Array(8).fill("4001 client"),
  ]);
  expect(after.locations.find(({ location }) => location === "/ws")?.closes).toMatchObject({
    client: { "1006": 1, "4xxx": 8 },
  });
  for (const client of clients) client.close();
});

test("refused handshakes are listed", async () => {
  const client = await RawClient.connect(port);
  await client.ask(
    "/none",
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nOrigin: http://a.example\r\nUser-Agent: <b>"x"</b>\r\n',
  );
  client.close();
  const { refused } = await readUntil("it", (now) => now.refused.length > 0);
  expect(refused).toEqual([
    expect.objectContaining({
      reason: "not_proxied",
      status: 404,
      path: "/none",
      host: "drill",
      origin: "http://a.example",
      userAgent: '<b>"x"</b>',
      client: "127.0.0.1",
      server: "example.com",
      location: "(none)",
    }),
  ]);
});

describe("draining", () => {
  const peer = (): string => encodeURIComponent(`127.0.0.1:${red.port}`);

  const refusals: readonly (readonly [name: string, ask: () => ReturnType<typeof drain>, status: number])[] = [
    ["no write", () => drain(`upstream=app&peer=${peer()}&drain=on`, "/read-only"), 403],
    ["not allowed", () => drain(`upstream=app&peer=${peer()}&drain=on`, "/denied"), 403],
    [
      "another site's page",
      () => drain(`upstream=app&peer=${peer()}&drain=on`, "/api", { Origin: "http://x.example" }),
      403,
    ],
    ["a page without origin", () => drain(`upstream=app&peer=${peer()}&drain=on`, "/api", { Origin: "null" }), 403],
    ["no such upstream", () => drain(`upstream=x&peer=${peer()}&drain=on`), 404],
    ["no such peer", () => drain("upstream=app&peer=127.0.0.1:1&drain=on"), 404],
    ["no word", () => drain(`upstream=app&peer=${peer()}`), 400],
    ["another word", () => drain(`upstream=app&peer=${peer()}&drain=maybe`), 400],
  ];
  for (const [name, ask, status] of refusals) {
    test(`is refused: ${name}`, async () => {
      expect((await ask()).status).toBe(status);
      expect((await read()).peers.every(({ state }) => state !== "draining")).toBe(true);
    });
  }

  test("holds in all workers, in those that come later, and after a reload; until it is taken back", async () => {
    expect(await answering()).toEqual(["blue", "red"]);
    const tunnel = await RawClient.connect(port);
    // Round robin: one of two goes to each.
    await tunnel.upgrade("/ws/kept");

    const { status, said } = await drain(`upstream=app&peer=${peer()}&drain=on`, "/api", { Origin: base });
    expect([status, JSON.parse(said)]).toEqual([
      200,
      { upstream: "app", peer: `127.0.0.1:${red.port}`, state: "draining", drainedByOperator: true },
    ]);
    await until("nobody asks it", LIMIT_MS, async () => (await answering()).join() === "blue");
    await tunnel.echo("what was open goes on");
    expect(gateway.errorLog()).toContain(`operator drains peer 127.0.0.1:${red.port} of upstream "app"`);
    expect((await read()).peers.map(({ upstream, state }) => `${upstream} ${state}`)).toEqual([
      "app draining",
      "app up",
      "fixed up",
      "fixed down",
    ]);

    rewriteConfig(gateway, configuration("location = /new { return 204; }"));
    process.kill(gateway.pid, "SIGHUP");
    await until("the reload", LIMIT_MS, async () => (await fetch(`${base}/new`)).status === 204);
    expect(await answering()).toEqual(["blue"]);

    const pids = workerPids(gateway);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await until("other workers", LIMIT_MS, () => {
      const now = workerPids(gateway);
      return now.length === WORKERS && !now.some((pid) => pids.includes(pid));
    });
    expect(await answering()).toEqual(["blue"]);

    expect((await drain(`upstream=app&peer=${peer()}&drain=off`)).status).toBe(200);
    await until("it is asked again", LIMIT_MS, async () => (await answering()).join() === "blue,red");
    tunnel.close();
  }, 60_000);
});

describe("the page's WebSocket", () => {
  const url = `ws://127.0.0.1:${port}/page`;
  const HANDSHAKE =
    "GET /page HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

  /** The first messages. */
  async function messages(count: number, socket: WebSocket): Promise<Record<string, unknown>[]> {
    const out: Record<string, unknown>[] = [];
    await new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("message", (data) => {
        out.push(JSON.parse(`${data}`) as Record<string, unknown>);
        if (out.length === count) resolve();
      });
    });
    return out;
  }

  test("greets, and tells the numbers again and again", async () => {
    const socket = new WebSocket(url, { origin: base });
    const [hello, first, second] = await messages(3, socket);
    expect(hello).toMatchObject({
      type: "hello",
      api: "/api",
      past: expect.any(Array),
      reasons: expect.any(Object),
    });
    expect(first).toMatchObject({ type: "now", totals: { tunnelsOpen: expect.any(Number) } });
    expect(Number(second?.["time"])).toBeGreaterThan(Number(first?.["time"]));
    const pong = new Promise((resolve) => socket.once("pong", (data) => resolve(`${data}`)));
    socket.ping("are you there");
    expect(await pong).toBe("are you there");
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.close(4000);
    expect(await closed).toBe(4000);
  });

  test("is not for pages of other sites", async () => {
    const socket = new WebSocket(url, { origin: "http://evil.example" });
    const status = await new Promise((resolve) => {
      socket.on("unexpected-response", (_request, response) => resolve(response.statusCode));
    });
    expect(status).toBe(403);
  });

  test("ends where a frame is not masked", async () => {
    const client = await connectRaw(port);
    client.write(HANDSHAKE);
    await client.takeUntil("\r\n\r\n");
    client.write(text("a"));
    for (;;) {
      const frame = await client.frame();
      if (frame.opcode !== CLOSE) continue;
      expect(closeText(frame)).toBe("1002");
      break;
    }
    client.close();
  });

  test("an upgrade that is none, other methods", async () => {
    const answer = await fetch(`${base}/page`, { headers: { Upgrade: "websocket" } });
    expect(answer.status).toBe(400);
    expect((await fetch(`${base}/page`, { method: "DELETE" })).status).toBe(405);
  });

  test("keeps nobody waiting who does not read", async () => {
    const page = connect({ host: "127.0.0.1", port });
    page.on("error", () => {});
    page.write(HANDSHAKE);
    await new Promise((resolve) => page.once("data", resolve));
    page.pause();
    // Their answers fill what there is of buffers on the way back.
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => ping("x".repeat(125), { mask: KEY })));
    for (let i = 0; i < 150; i++) await new Promise((resolve) => page.write(pings, resolve));
    process.kill(gateway.pid, "SIGQUIT");
    expect(await gateway.ended()).toBe(0);
    page.destroy();
    gateway.remove();
    gateway = await startHopway(configuration());
  }, 60_000);

  test("ends when its worker has to go", async () => {
    const socket = new WebSocket(url);
    await messages(2, socket);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    process.kill(gateway.pid, "SIGQUIT");
    expect(await closed).toBe(1001);
    expect(await gateway.ended()).toBe(0);
    gateway.remove();
    gateway = await startHopway(configuration());
  }, 30_000);
});

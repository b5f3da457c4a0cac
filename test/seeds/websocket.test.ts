/** Plain /ws/ proxying, and HTTP and WebSocket on one location by a map of $http_upgrade. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { curl } from "../harness/curl.ts";
import { askPeer, type NodeBackend, startBackend } from "../harness/node-process.ts";
import { loggedLines, type Seed, startSeed } from "../harness/seed.ts";

let backend: NodeBackend;

beforeAll(async () => {
  backend = await startBackend("echo-server.mjs", "backend");
});

afterAll(() => backend.stop());

/** A seed that a describe block's tests share. */
function seedFor(name: string, writtenPort: number): { readonly seed: Seed } {
  const holder: { seed: Seed } = { seed: undefined as unknown as Seed };
  beforeAll(async () => {
    holder.seed = await startSeed(name, { [writtenPort]: backend.port });
  });
  afterAll(async () => {
    await holder.seed.gateway.stop();
    holder.seed.gateway.remove();
  });
  return holder;
}

const SENT = { sent: expect.any(Number), sha1: expect.any(String) };

/** A session that says everything a WebSocket can say, and what the client must see of it. */
async function wholeSession(url: string, deflate: boolean): Promise<void> {
  const events = (await askPeer("ws-session.mjs", url, {
    protocols: ["chat", "superchat"],
    deflate,
    steps: [
      { send: "hello" },
      { send: "" },
      { sendBytes: 1 },
      { sendBytes: 125 },
      { sendBytes: 65_536 },
      { sendBytes: 3_000_000 },
      { ping: "are you there" },
      { close: 4001, reason: "enough" },
    ],
  })) as unknown[];
  expect(events).toEqual([
    { upgraded: 101, headers: expect.objectContaining({ upgrade: "websocket", connection: "upgrade" }) },
    { open: "chat", extensions: deflate ? "permessage-deflate" : "" },
    { text: "hello" },
    { text: "" },
    ...[1, 125, 65_536, 3_000_000].flatMap((bytes) => [SENT, { bytes, sha1: expect.any(String) }]),
    { pong: "are you there" },
    { closed: 4001, reason: "enough" },
  ]);
  const sums = (events as { readonly sha1?: string }[]).flatMap((event) => event.sha1 ?? []);
  for (let i = 0; i < sums.length; i += 2) expect(sums[i]).toBe(sums[i + 1] ?? "");
  expect(await backend.next()).toEqual({ closed: 4001, reason: "enough" });
}

describe("websocket.conf", () => {
  const holder = seedFor("websocket", 3000);

  test.each([false, true])("a whole session of the ws package, permessage-deflate %p", async (deflate) => {
    await wholeSession(`ws://127.0.0.1:${holder.seed.port}/ws/room?user=1`, deflate);
  });

  test("what the backend gets of the handshake", async () => {
    const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${holder.seed.port}/ws/room?user=1`, {
      headers: { Origin: "https://example.com", Cookie: "session=abc" },
      steps: [{ send: "whoami" }, { close: 1000, reason: "" }],
    });
    const [, , answer] = events as { readonly text: string }[];
    expect(JSON.parse(answer?.text ?? "")).toEqual({
      name: "backend",
      method: "GET",
      url: "/ws/room?user=1",
      httpVersion: "1.1",
      headers: {
        upgrade: "websocket",
        connection: "upgrade",
        host: `127.0.0.1:${backend.port}`,
        "sec-websocket-version": "13",
        "sec-websocket-key": expect.any(String),
        origin: "https://example.com",
        cookie: "session=abc",
      },
    });
    expect(await backend.next()).toEqual({ closed: 1000, reason: "" });
  });

  test("a close by the backend reaches the client with its code", async () => {
    const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${holder.seed.port}/ws/?close=4002`, {
      steps: [{ waitClose: true }],
    });
    expect((events as unknown[]).at(-1)).toEqual({ closed: 4002, reason: "as asked" });
    expect(await backend.next()).toEqual({ closed: 4002, reason: "as asked" });
  });

  test("a client that vanishes is 1006 for the backend", async () => {
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: holder.seed.port,
      socket: {
        data(s) {
          s.terminate();
        },
      },
    });
    socket.write(
      "GET /ws/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    expect(await backend.next()).toEqual({ closed: 1006, reason: "" });
  });

  test("one line of the access log per tunnel, with 101, when it has ended", async () => {
    const lines = await loggedLines(holder.seed.gateway, 5);
    expect(lines.map((line) => line.replace(/^.*?"(.*?)" (\d+).*$/, "$1 $2"))).toEqual([
      "GET /ws/room?user=1 HTTP/1.1 101",
      "GET /ws/room?user=1 HTTP/1.1 101",
      "GET /ws/room?user=1 HTTP/1.1 101",
      "GET /ws/?close=4002 HTTP/1.1 101",
      "GET /ws/ HTTP/1.1 101",
    ]);
  });

  test("what is no handshake and stands outside /ws/ is not the backend's", async () => {
    expect((await curl(`http://127.0.0.1:${holder.seed.port}/other`)).status).toBe(404);
  });
});

describe("websocket-and-http.conf", () => {
  const holder = seedFor("websocket-and-http", 8010);

  test("a whole session of the ws package", async () => {
    await wholeSession(`ws://127.0.0.1:${holder.seed.port}/anything`, true);
  });

  test("an ordinary request goes through the same location, with Connection: close", async () => {
    const response = await curl(
      `http://127.0.0.1:${holder.seed.port}/page?a=1`,
      "--data",
      "x=1",
      "--header",
      "Host: me.test",
    );
    expect(response.status).toBe(200);
    expect(JSON.parse(response.body)).toEqual({
      name: "backend",
      method: "POST",
      url: "/page?a=1",
      httpVersion: "1.1",
      headers: {
        host: "me.test",
        connection: "close",
        "user-agent": expect.stringContaining("curl/"),
        accept: "*/*",
        "content-length": "3",
        "content-type": "application/x-www-form-urlencoded",
      },
      body: "x=1",
    });
  });

  test("HTTP and WebSocket through the backend's own eyes", async () => {
    const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${holder.seed.port}/`, {
      headers: { Host: "me.test" },
      steps: [{ send: "whoami" }, { close: 1000, reason: "" }],
    });
    const [, , answer] = events as { readonly text: string }[];
    expect(JSON.parse(answer?.text ?? "")).toMatchObject({
      headers: { host: "me.test", connection: "upgrade", upgrade: "websocket" },
    });
    expect(await backend.next()).toEqual({ closed: 1000, reason: "" });
  });
});

/** proxy_read_timeout on tunnels: silence ends them, the backend's pings keep them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { askPeer, type NodeBackend, startBackend } from "../harness/node-process.ts";
import { loggedLines, type Seed, startSeed } from "../harness/seed.ts";

/** Pings come several times in the configuration's proxy_read_timeout of 2 s. */
const PING_MS = 150;
/** So many of them take more than twice that timeout. */
const PINGS = 30;

const running: { readonly backend: NodeBackend; readonly seed: Seed }[] = [];

async function startWith(pingMs: number): Promise<Seed> {
  const backend = await startBackend("echo-server.mjs", "backend", String(pingMs));
  const seed = await startSeed("silent-tunnels", { 3000: backend.port });
  running.push({ backend, seed });
  return seed;
}

let silent: Seed;
let pinging: Seed;

beforeAll(async () => {
  silent = await startWith(0);
  pinging = await startWith(PING_MS);
});

afterAll(async () => {
  for (const { backend, seed } of running) {
    await seed.gateway.stop();
    seed.gateway.remove();
    await backend.stop();
  }
});

test("a silent tunnel is cut without a word, and logged with 101 and its duration", async () => {
  const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${silent.port}/ws/`, {
    steps: [{ send: "hello" }, { waitClose: true }],
  });
  expect((events as unknown[]).slice(1)).toEqual([
    { open: "", extensions: "" },
    { text: "hello" },
    { closed: 1006, reason: "" },
  ]);
  const [line = ""] = await loggedLines(silent.gateway, 1);
  const [status, seconds, bytes, uri, upstream] = line.split(" ");
  expect([status, uri, upstream]).toEqual(["101", "/ws/", expect.stringMatching(/^"127\.0\.0\.1:\d+"$/)]);
  expect(Number(seconds)).toBeGreaterThanOrEqual(2);
  expect(Number(seconds)).toBeLessThan(30);
  // The head of the 101 and a frame of 2 + 5 bytes, nothing after it: no 504 in the middle of the frames.
  expect(Number(bytes)).toBeLessThan(300);
  await silent.gateway.quiet();
  expect(silent.gateway.errorLog()).toMatch(
    /\[info\] \d+#\d+: \*\d+ upstream timed out \(110: Connection timed out\) while proxying upgraded connection, client: 127\.0\.0\.1, server: , request: "GET \/ws\/ HTTP\/1\.1", upstream: "http:\/\/127\.0\.0\.1:\d+\/ws\/", host: "127\.0\.0\.1:\d+"/,
  );
});

test("a tunnel with nothing but the backend's pings stays", async () => {
  const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${pinging.port}/ws/`, {
    steps: [{ waitPings: PINGS }, { send: "still open" }, { close: 1000, reason: "done" }],
  });
  expect((events as unknown[]).slice(2)).toEqual([
    { pings: PINGS },
    { text: "still open" },
    { closed: 1000, reason: "done" },
  ]);
  const [line = ""] = await loggedLines(pinging.gateway, 1);
  expect(Number(line.split(" ")[1])).toBeGreaterThanOrEqual((PINGS - 1) * PING_MS * 0.001);
  await pinging.gateway.quiet();
  expect(pinging.gateway.errorLog()).not.toContain("timed out");
});

test("a client's own messages keep it as well", async () => {
  const steps = Array.from({ length: 4 }, (_, i) => ({ send: `message ${i}` }));
  const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${silent.port}/ws/`, {
    steps: [...steps, { close: 1000, reason: "" }],
  });
  expect((events as unknown[]).at(-1)).toEqual({ closed: 1000, reason: "" });
});

/** Backends that are down or slow: 502, 504, and every try in the access log. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { curl } from "../harness/curl.ts";
import { askPeer, type NodeBackend, startBackend } from "../harness/node-process.ts";
import { freePort } from "../harness/ports.ts";
import { RecordingBackend } from "../harness/recording-backend.ts";
import { loggedLines, type Seed, startSeed } from "../harness/seed.ts";

const DOWN = [freePort(), freePort()] as const;
let works: NodeBackend;
let slow: RecordingBackend;
let seed: Seed;

beforeAll(async () => {
  works = await startBackend("echo-server.mjs", "works");
  const never = { steps: [{ waitEnd: true }] } as const;
  slow = new RecordingBackend("slow", { x: never, "": never });
  seed = await startSeed("failing-upstreams", { 9001: DOWN[0], 9002: DOWN[1], 9003: works.port, 9004: slow.port });
});

afterAll(async () => {
  await seed.gateway.stop();
  seed.gateway.remove();
  slow.stop();
  await works.stop();
});

/** The first line of the access log for a URI, with the ports under the names of the configuration. */
async function lineFor(uri: string): Promise<string> {
  for (let count = 1; count < 40; count++) {
    const lines = await loggedLines(seed.gateway, count);
    if (lines.length < count) break;
    const found = lines.find((line) => line.split(" ")[1] === uri);
    if (found === undefined) continue;
    return found
      .replaceAll(`127.0.0.1:${DOWN[0]}`, "down1")
      .replaceAll(`127.0.0.1:${DOWN[1]}`, "down2")
      .replaceAll(`127.0.0.1:${works.port}`, "works")
      .replaceAll(`127.0.0.1:${slow.port}`, "slow")
      .replace(/\d+\.\d{3}/g, "0.000");
  }
  return "";
}

test.each([
  ["/down/x", 502, '502 /down/x "down1" "502" "-"'],
  ["/alldown/x", 502, '502 /alldown/x "down1, down2" "502, 502" "-, -"'],
  ["/alldown/y", 502, '502 /alldown/y "alldown" "502" "-"'],
  ["/third/x", 200, '200 /third/x "down1, down2, works" "502, 502, 200" "-, -, 0.000"'],
  ["/slow/x", 504, '504 /slow/x "slow" "504" "0.000"'],
  ["/slowfirst/x", 200, '200 /slowfirst/x "slow, works" "504, 200" "0.000, 0.000"'],
  ["/stubborn/x", 504, '504 /stubborn/x "slow" "504" "0.000"'],
])("GET %s is %d", async (path, status, line) => {
  const response = await curl(`http://127.0.0.1:${seed.port}${path}`);
  expect(response.status).toBe(status);
  if (status >= 500) expect(response.body).toContain(`<center><h1>${response.statusLine.slice(9)}</h1></center>`);
  expect(await lineFor(path)).toBe(line);
});

test("a POST that a slow backend may have acted on is not asked again", async () => {
  const response = await curl(`http://127.0.0.1:${seed.port}/slowfirst/`, "--data", "pay=1");
  expect(response.status).toBe(504);
  expect(await lineFor("/slowfirst/")).toBe('504 /slowfirst/ "slow" "504" "0.000"');
});

test("a POST that reached nobody goes on to the next", async () => {
  const response = await curl(`http://127.0.0.1:${seed.port}/third/`, "--data", "pay=1");
  expect(response.status).toBe(200);
  expect(JSON.parse(response.body)).toMatchObject({ method: "POST", body: "pay=1" });
});

test.each([
  ["/down/ws", [{ refused: 502, body: expect.stringContaining("502 Bad Gateway") }]],
  ["/slow/x", [{ refused: 504, body: expect.stringContaining("504 Gateway Time-out") }]],
])("a WebSocket to %s is refused", async (path, events) => {
  expect(await askPeer("ws-session.mjs", `ws://127.0.0.1:${seed.port}${path}`, { steps: [] })).toEqual(events);
});

test("a WebSocket gets past two that are down", async () => {
  const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${seed.port}/third/ws`, {
    steps: [{ send: "hello" }, { close: 1000, reason: "" }],
  });
  expect((events as unknown[]).slice(2)).toEqual([{ text: "hello" }, { closed: 1000, reason: "" }]);
  expect(await lineFor("/third/ws")).toBe('101 /third/ws "down1, down2, works" "502, 502, 101" "-, -, 0.000"');
});

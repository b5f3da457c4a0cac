/** Connections that end in every way there is leave nothing behind: no descriptor, no file, no memory. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type ClientStep, exchange } from "../harness/exchange.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { type Behaviour, CUT, ECHO, FIN, plainAnswer, RecordingBackend, SINK } from "../harness/recording-backend.ts";
import { openDescriptors, residentBytes, workerPid } from "../harness/worker-memory.ts";

const MIB = 1024 * 1024;
const LONG = process.env["HOPWAY_LONG"] === "1";
/** Connections of one kind in a round, and how many of them at once. */
const ROUND = LONG ? 4000 : 300;
const BATCH = 50;
/** Descriptors are closed in the turns of the event loop that follow; so long they may take. */
const CLOSE_LIMIT_MS = 30_000;

const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const LARGE = 512 * 1024;

const BEHAVIOURS: Record<string, Behaviour> = {
  echo: { at: "head", steps: [SWITCHING, ECHO] },
  "greet-close": { at: "head", steps: [SWITCHING, "bye", FIN] },
  "greet-reset": { at: "head", steps: [SWITCHING, "bye", SINK, { waitFor: "x" }, CUT] },
  large: { steps: [plainAnswer("x".repeat(LARGE))] },
  "half-large": { steps: [`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n${"x".repeat(LARGE / 2)}`, FIN] },
  never: { steps: [{ waitEnd: true }] },
  reset: { steps: [CUT] },
};

const get = (path: string, ...fields: string[]): string =>
  `${[`GET ${path} HTTP/1.1`, "Host: x", ...fields].join("\r\n")}\r\n\r\n`;
const upgrade = (path: string): string => get(path, "Connection: Upgrade", "Upgrade: websocket");
const post = (path: string, length: number, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${body}`;
const END = { waitEnd: true } as const;
const OPEN = { waitFor: "\r\n\r\n" } as const;
const RESET = { reset: true } as const;
const HALF = { halfClose: true } as const;

/** What a client does, by name. */
const KINDS: Readonly<Record<string, readonly ClientStep[]>> = {
  "keep-alive, then FIN": [get("/plain"), { waitResponses: 1 }, HALF, END],
  "keep-alive, then reset": [get("/plain"), { waitResponses: 1 }, RESET],
  "half a head, then reset": ["GET / HTTP/1.1\r\nHo", RESET],
  "half a head, then FIN": ["GET / HTTP/1.1\r\nHo", HALF, END],
  "a refused head": ["nonsense\r\n\r\n", END],
  "a large response, read": [get("/large", "Connection: close"), END],
  "a large response, cut off by the client": [get("/large"), OPEN, RESET],
  "a large response, cut off by the backend": [get("/half-large"), END],
  "an upload, cut off": [post("/plain", LARGE, "x".repeat(LARGE / 2)), RESET],
  "an upload": [post("/plain", LARGE, "x".repeat(LARGE)), { waitResponses: 1 }, HALF, END],
  "a streamed upload, cut off": [post("/streamed/plain", LARGE, "x".repeat(LARGE / 2)), RESET],
  "a backend that never answers, client gone": [get("/never"), { pauseMs: 5 }, RESET],
  "a backend that resets": [get("/reset", "Connection: close"), END],
  "a tunnel, FIN by the client": [upgrade("/echo"), OPEN, "x", { waitFor: "x" }, HALF, END],
  "a tunnel, reset by the client": [upgrade("/echo"), OPEN, "x", RESET],
  "a tunnel, FIN by the backend": [upgrade("/greet-close"), { waitFor: "bye" }, HALF, END],
  "a tunnel, reset by the backend": [upgrade("/greet-reset"), { waitFor: "bye" }, "x", END],
  "a tunnel that is refused": [upgrade("/plain"), { waitResponses: 1 }, HALF, END],
};

let gateway: Gateway;
let backend: RecordingBackend;
let port: number;
/** Descriptors of a worker that has served nobody yet. */
let unused: number;

beforeAll(async () => {
  port = freePort();
  backend = new RecordingBackend("backend", BEHAVIOURS);
  const upgradeLines = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';
  gateway = await startHopway(`{main}
error_log {prefix}/error.log crit;
events { worker_connections 4096; }
http {
  {temp_paths}
  access_log {prefix}/access.log;
  proxy_http_version 1.1;
  server {
    listen 127.0.0.1:${port};
    location / { ${upgradeLines} proxy_pass http://127.0.0.1:${backend.port}; }
    location /streamed/ { proxy_request_buffering off; proxy_pass http://127.0.0.1:${backend.port}; }
  }
}
`);
  unused = openDescriptors(workerPid(gateway.pid));
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  backend.stop();
});

async function round(steps: readonly ClientStep[], count: number): Promise<void> {
  for (let i = 0; i < count; i += BATCH) {
    await Promise.all(Array.from({ length: Math.min(BATCH, count - i) }, () => exchange(port, steps)));
    backend.take();
  }
}

/** The worker's descriptors when their number is `expected` again, or after the limit. */
async function descriptorsAtRest(expected: number): Promise<number> {
  const deadline = Date.now() + CLOSE_LIMIT_MS;
  const pid = workerPid(gateway.pid);
  let open = openDescriptors(pid);
  while (open > expected && Date.now() < deadline) {
    await Bun.sleep(5);
    open = openDescriptors(pid);
  }
  return open;
}

/** Connections that rest in the pool for the upstream are no leak; this many at most. */
const POOLED = 32;

describe("after many connections of one kind", () => {
  test.each(Object.keys(KINDS))("%s", async (name) => {
    const pid = workerPid(gateway.pid);
    await round(KINDS[name] ?? [], ROUND);
    expect(await descriptorsAtRest(unused + POOLED)).toBeLessThanOrEqual(unused + POOLED);
    expect(await filesAtRest()).toEqual([]);
    expect(workerPid(gateway.pid)).toBe(pid);
  });
});

/** Two rounds may add so much: compiled code, garbage that has not been collected yet. */
const ROUNDS_MAY_ADD = 24 * MIB;
/** What leaks grows each time, garbage only for a while. */
const LOOKS = 4;

test("memory does not grow from round to round", async () => {
  const pid = workerPid(gateway.pid);
  const all = async (): Promise<number> => {
    for (const steps of Object.values(KINDS)) await round(steps, BATCH * (LONG ? 20 : 2));
    return residentBytes(pid);
  };
  const grown: number[] = [];
  for (let before = await all(); grown.length < LOOKS; ) {
    await all();
    const after = await all();
    grown.push(after - before);
    if (after - before < ROUNDS_MAY_ADD) break;
    before = after;
  }
  expect(Math.min(...grown)).toBeLessThan(ROUNDS_MAY_ADD);
});

/** Temporary files left over when there are none any more, or after the limit. */
async function filesAtRest(): Promise<string[]> {
  const deadline = Date.now() + CLOSE_LIMIT_MS;
  const folder = join(gateway.prefix, "temp");
  // One listing decides: the last clients of a round may still be on their way, with a file of their own at the next.
  let files = filesBelow(folder);
  while (files.length > 0 && Date.now() < deadline) {
    await Bun.sleep(5);
    files = filesBelow(folder);
  }
  return files;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

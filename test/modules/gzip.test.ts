/** Compression through a whole process: slow clients, clients that go away, events of an upstream that takes its time. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { constants, createGunzip, gunzipSync, gzipSync } from "node:zlib";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { until } from "../harness/until.ts";
import { descriptorsOn, residentBytes, workerPid } from "../harness/worker-memory.ts";

const LIMIT_MS = 30_000;
const MIB = 1024 * 1024;
const BIG_BYTES = 32 * MIB;
/** Compressors in use, pieces in flight, garbage: not whole bodies. */
const GROWTH_LIMIT_BYTES = 32 * MIB;

const root = makeTempDir();
const port = freePort();
const backendPort = freePort();
const big = Buffer.alloc(BIG_BYTES);
let gateway: Gateway;
let worker = 0;
let backend: Server;
let upstream: Socket | undefined;

beforeAll(async () => {
  // Six bits of each byte are random: it shrinks to three quarters.
  for (let i = 0; i < BIG_BYTES; i++) big[i] = (Math.imul(i, 2654435761) >>> 13) & 63;
  writeFileSync(join(root, "big.txt"), big);
  writeFileSync(join(root, "page.txt.gz"), gzipSync(Buffer.from("compressed before\n")));
  backend = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      upstream = socket;
      socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n");
    });
  }).listen(backendPort, "127.0.0.1");
  gateway = await startHopway(`{main}
error_log {prefix}/error.log;
events { }
http {
  {temp_paths}
  access_log off;
  types { text/plain txt; }
  gzip on;
  gzip_types text/plain text/event-stream;
  server {
    listen 127.0.0.1:${port};
    root ${root};
    location /events { proxy_pass http://127.0.0.1:${backendPort}; proxy_buffering off; }
    location /static/ { alias ${root}/; gzip_static on; }
    location /relay/ { proxy_pass http://127.0.0.1:${port}/plain/; proxy_buffering off; }
    location /plain/ { alias ${root}/; gzip off; }
  }
}
`);
  worker = workerPid(gateway.pid);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  backend.close();
  removeTempDir(root);
});

/** How many descriptors of the worker are open on the big file. */
const openFiles = (): number => descriptorsOn(worker, "big.txt");

/** HTTP/1.0-like framing by close is easiest to decode: gzip_http_version lets only 1.1 have it, so Connection: close. */
function client(path: string): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n`);
  return socket;
}

/** Reads a chunked, compressed response to its end, resting after each read as told: the hash of what it holds. */
async function readBody(socket: Socket, rest: () => Promise<void>): Promise<string> {
  const hash = createHash("sha1");
  const unzip = createGunzip();
  unzip.on("data", (bytes: Buffer) => hash.update(bytes));
  const decoded = new Promise<void>((resolve, reject) => unzip.on("end", resolve).on("error", reject));
  let held: Buffer = Buffer.alloc(0);
  let inHead = true;
  for await (const chunk of socket) {
    held = Buffer.concat([held, chunk as Buffer]);
    if (inHead) {
      const end = held.indexOf("\r\n\r\n");
      if (end < 0) continue;
      expect(held.latin1Slice(0, end)).toContain("Transfer-Encoding: chunked");
      held = held.subarray(end + 4);
      inHead = false;
    }
    for (;;) {
      const line = held.indexOf("\r\n");
      if (line < 0) break;
      const size = Number.parseInt(held.latin1Slice(0, line), 16);
      if (held.length < line + 2 + size + 2) break;
      if (size > 0) unzip.write(held.subarray(line + 2, line + 2 + size));
      held = held.subarray(line + 2 + size + 2);
    }
    await rest();
  }
  unzip.end();
  await decoded;
  return hash.digest("hex");
}

const bigHash = (): string => createHash("sha1").update(big).digest("hex");

for (const path of ["/big.txt", "/relay/big.txt"]) {
  test(`a large body arrives whole: ${path}`, async () => {
    expect(await readBody(client(path), () => Promise.resolve())).toBe(bigHash());
  });

  test(`slow readers pause what is compressed for them: ${path}`, async () => {
    const before = residentBytes(worker);
    const sockets = Array.from({ length: 10 }, () => client(path).pause());
    await until("the file is open for all", LIMIT_MS, () => openFiles() >= sockets.length);
    // All that can be on its way without being read is there when nothing moves any more.
    let last = -1;
    await until("nothing moves any more", LIMIT_MS, () => {
      const now = readFileSync(`/proc/${worker}/io`, "latin1");
      const moved = Number(/wchar: (\d+)/.exec(now)?.[1]);
      const still = moved === last;
      last = moved;
      return still;
    });
    expect(residentBytes(worker) - before).toBeLessThan(GROWTH_LIMIT_BYTES);
    const [first, ...others] = sockets;
    for (const socket of others) socket.resetAndDestroy();
    let turns = 0;
    const rest = (): Promise<void> => (++turns % 50 === 0 ? Bun.sleep(1) : Promise.resolve());
    expect(await readBody(first!, rest)).toBe(bigHash());
    await until("the file is closed", LIMIT_MS, () => openFiles() === 0);
    expect(residentBytes(worker) - before).toBeLessThan(GROWTH_LIMIT_BYTES);
  });
}

test("an unbuffered upstream's events reach the client one by one", async () => {
  const socket = client("/events");
  let received = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  await until("the first event", LIMIT_MS, () => decodedEvents(received) === "data: one\n\n");
  upstream?.write("data: two\n\n");
  await until("the second event", LIMIT_MS, () => decodedEvents(received) === "data: one\n\ndata: two\n\n");
  upstream?.end();
  await until("the end", LIMIT_MS, () => received.includes("0\r\n\r\n"));
  expect(decodedEvents(received)).toBe("data: one\n\ndata: two\n\n");
});

/** What can be decoded of a chunked, compressed response so far. */
function decodedEvents(received: Buffer): string {
  const start = received.indexOf("\r\n\r\n");
  if (start < 0) return "";
  const pieces: Buffer[] = [];
  for (let at = start + 4; ; ) {
    const line = received.indexOf("\r\n", at);
    if (line < 0) break;
    const size = Number.parseInt(received.latin1Slice(at, line), 16);
    if (!(size > 0)) break;
    pieces.push(received.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  return gunzipSync(Buffer.concat(pieces), { finishFlush: constants.Z_SYNC_FLUSH }).latin1Slice();
}

test("ranges of a file that is compressed already, as in nginx since 1.23.4", async () => {
  const whole = readFileSync(join(root, "page.txt.gz"));
  const socket = connect(port, "127.0.0.1");
  socket.write(
    "GET /static/page.txt HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nRange: bytes=2-5\r\nConnection: close\r\n\r\n",
  );
  let text = "";
  for await (const chunk of socket) text += (chunk as Buffer).latin1Slice();
  expect(text).toStartWith("HTTP/1.1 206 ");
  expect(text).toContain(`\r\nContent-Range: bytes 2-5/${whole.length}\r\n`);
  expect(text).toContain("\r\nContent-Encoding: gzip\r\n");
  expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toBe(whole.latin1Slice(2, 6));
});

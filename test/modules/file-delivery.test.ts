/** Files through a whole process: bytes, memory and descriptors while clients are slow or go away. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { until } from "../harness/until.ts";
import { descriptorsOn, residentBytes, workerPid } from "../harness/worker-memory.ts";

const LIMIT_MS = 30_000;
const MIB = 1024 * 1024;
const BIG_BYTES = 64 * MIB;
/** Memory that sending files may add to a worker: pieces in flight and garbage, not whole files. */
const GROWTH_LIMIT_BYTES = 32 * MIB;

const root = makeTempDir();
const port = freePort();
let gateway: Gateway;
let worker = 0;
const big = Buffer.alloc(BIG_BYTES);

beforeAll(async () => {
  for (let i = 0; i < BIG_BYTES; i += 4) big.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
  writeFileSync(join(root, "big.bin"), big);
  writeFileSync(join(root, "small.txt"), "small\n");
  gateway = await startHopway(`{main}
error_log {prefix}/error.log;
events { }
http {
  {temp_paths}
  access_log off;
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`);
  worker = workerPid(gateway.pid);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  removeTempDir(root);
});

/** How many descriptors of the worker are open on the big file. */
const openFiles = (): number => descriptorsOn(worker, "big.bin");

function client(text: string): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(text);
  return socket;
}

/** Reads `total` bytes, resting after each chunk as told; the hash of what came after the head. */
async function readBody(socket: Socket, total: number, rest: () => Promise<void>): Promise<string> {
  const hash = createHash("sha1");
  let body = -1;
  let head = "";
  for await (const chunk of socket) {
    const bytes: Buffer = chunk;
    if (body >= 0) {
      hash.update(bytes);
      body += bytes.length;
    } else {
      head += bytes.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) continue;
      const rest = Buffer.from(head.slice(end + 4), "latin1");
      hash.update(rest);
      body = rest.length;
    }
    if (body >= total) break;
    await rest();
  }
  socket.destroy();
  return hash.digest("hex");
}

const GET_BIG = "GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n";
const bigHash = (): string => createHash("sha1").update(big).digest("hex");

test("a large file arrives whole at a fast client", async () => {
  expect(await readBody(client(GET_BIG), BIG_BYTES, () => Promise.resolve())).toBe(bigHash());
  await until("the file is closed", LIMIT_MS, () => openFiles() === 0);
});

test("slow readers cost a descriptor each and next to no memory", async () => {
  const before = residentBytes(worker);
  const sockets = Array.from({ length: 20 }, () => client(GET_BIG).pause());
  await until("the file is open for all", LIMIT_MS, () => openFiles() === sockets.length);
  expect(residentBytes(worker) - before).toBeLessThan(GROWTH_LIMIT_BYTES);
  const [first, ...others] = sockets;
  for (const socket of others) socket.destroy();
  await until("the file is open for one", LIMIT_MS, () => openFiles() === 1);
  let turns = 0;
  const rest = (): Promise<void> => (++turns % 50 === 0 ? Bun.sleep(1) : Promise.resolve());
  expect(await readBody(first!, BIG_BYTES, rest)).toBe(bigHash());
  await until("the file is closed", LIMIT_MS, () => openFiles() === 0);
  expect(residentBytes(worker) - before).toBeLessThan(GROWTH_LIMIT_BYTES);
});

test("a client that resets in the middle leaves no descriptor behind", async () => {
  const socket = client(GET_BIG).pause();
  await until("the file is open for one", LIMIT_MS, () => openFiles() === 1);
  socket.resetAndDestroy();
  await until("the file is closed", LIMIT_MS, () => openFiles() === 0);
});

test("ranges of a large file, one after another on a connection", async () => {
  const ranges = [
    [0, 0],
    [BIG_BYTES - 5, BIG_BYTES - 1],
    [MIB - 3, 3 * MIB + 7],
  ] as const;
  for (const [start, end] of ranges) {
    const response = await fetch(`http://127.0.0.1:${port}/big.bin`, { headers: { Range: `bytes=${start}-${end}` } });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(`bytes ${start}-${end}/${BIG_BYTES}`);
    expect(Buffer.from(await response.arrayBuffer()).equals(big.subarray(start, end + 1))).toBe(true);
  }
});

test("a multipart body of large ranges has the length that its head says", async () => {
  const wanted = `bytes=0-${MIB - 1},${2 * MIB}-${5 * MIB - 1}`;
  const response = await fetch(`http://127.0.0.1:${port}/big.bin`, { headers: { Range: wanted } });
  expect(response.status).toBe(206);
  const body = Buffer.from(await response.arrayBuffer());
  expect(body.length).toBe(Number(response.headers.get("content-length")));
  const boundary = response.headers.get("content-type")?.split("boundary=")[1];
  const head = (range: string): string =>
    `\r\n--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes ${range}/${BIG_BYTES}\r\n\r\n`;
  const expected = Buffer.concat([
    Buffer.from(head(`0-${MIB - 1}`)),
    big.subarray(0, MIB),
    Buffer.from(head(`${2 * MIB}-${5 * MIB - 1}`)),
    big.subarray(2 * MIB, 5 * MIB),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  expect(body.equals(expected)).toBe(true);
});

test("requests behind a large file on the same connection are answered after it", async () => {
  const socket = client(`${GET_BIG}GET /small.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  let length = 0;
  let tail = "";
  for await (const chunk of socket) {
    const bytes: Buffer = chunk;
    length += bytes.length;
    tail = (tail + bytes.subarray(-400).toString("latin1")).slice(-400);
  }
  expect(length).toBeGreaterThan(BIG_BYTES);
  expect(tail.endsWith("\r\n\r\nsmall\n")).toBe(true);
});

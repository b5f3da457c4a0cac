/**
 * Streams of a gigabyte to readers that rest again and again: every byte arrives, and the worker holds next to nothing.
 * Short streams by default; HOPWAY_LONG=1 sends the gigabyte.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Socket, SocketListener } from "bun";
import {
  type BulkOwner,
  BulkReader,
  BulkSender,
  bulkHandlers,
  type StreamSum,
  type Wrapping,
} from "../harness/bulk-stream.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { forgetPeak, peakResidentBytes, residentBytes, workerPid } from "../harness/worker-memory.ts";

const MIB = 1024 * 1024;
const TOTAL_BYTES = process.env["HOPWAY_LONG"] === "1" ? 1024 * MIB : 192 * MIB;
const ALLOWED_BYTES = 64 * MIB;
/** The reader rests whenever it has taken so many bytes. */
const STRIDE_BYTES = 12 * MIB;
/** A sender that gets rid of nothing for so long stands still: the reader may go on. */
const STANDSTILL_MS = 40;

const HANDSHAKE =
  "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

let gateway: Gateway;
let backend: SocketListener<BulkOwner>;
let port: number;
/** The backend's connection of the exchange that runs. */
let atBackend: BulkOwner | undefined;

beforeAll(async () => {
  port = freePort();
  const backendPort = freePort();
  backend = Bun.listen<BulkOwner>({
    hostname: "127.0.0.1",
    port: backendPort,
    allowHalfOpen: true,
    socket: {
      ...bulkHandlers,
      open(socket) {
        socket.data = { head: undefined, sender: undefined, reader: undefined, onHead: answer };
      },
    },
  });
  const upgrade = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';
  gateway = await startHopway(`{main}
error_log {prefix}/error.log info;
events { worker_connections 512; }
http {
  {temp_paths}
  access_log off;
  proxy_http_version 1.1;
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port};
    location /tunnel/ { ${upgrade} proxy_pass http://127.0.0.1:${backendPort}; }
    location /files/ { proxy_pass http://127.0.0.1:${backendPort}; }
    location /no-files/ { proxy_max_temp_file_size 0; proxy_pass http://127.0.0.1:${backendPort}; }
    location /unbuffered/ { proxy_buffering off; proxy_request_buffering off; proxy_pass http://127.0.0.1:${backendPort}; }
  }
}
`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  backend.stop(true);
});

/** The backend: a tunnel that sends or reads, a download, or an upload that it reads slowly. */
function answer(socket: Socket<BulkOwner>, head: string): void {
  const owner = socket.data;
  atBackend = owner;
  if (head.startsWith("POST ")) {
    owner.reader = new BulkReader(socket, STRIDE_BYTES);
    return;
  }
  if (/upgrade: websocket/i.test(head)) {
    socket.write(SWITCHING);
    if (head.includes("/up ")) owner.reader = new BulkReader(socket, STRIDE_BYTES);
    else send(socket, "frames", () => socket.end());
    return;
  }
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL_BYTES}\r\n\r\n`);
  send(socket, "none", () => {});
}

function send(socket: Socket<BulkOwner>, wrapping: Wrapping, onDone: () => void): void {
  const sender = new BulkSender(socket, TOTAL_BYTES, wrapping, onDone);
  socket.data.sender = sender;
  sender.pump();
}

/** Wakes the reader each time when the sender has come to a standstill; returns both sums at the end. */
async function run(
  sending: () => BulkSender | undefined,
  reading: () => BulkReader | undefined,
): Promise<{ readonly sent: StreamSum; readonly read: StreamSum }> {
  for (;;) {
    await Bun.sleep(1);
    const sender = sending();
    const reader = reading();
    if (sender?.done === true && reader?.sum.bytes === sender.sum.bytes) return { sent: sender.sum, read: reader.sum };
    if (reader?.resting !== true || sender === undefined) continue;
    let before = -1;
    while (before !== sender.sum.bytes) {
      before = sender.sum.bytes;
      await Bun.sleep(STANDSTILL_MS);
    }
    reader.goOn();
  }
}

async function connect(onHead: BulkOwner["onHead"]): Promise<Socket<BulkOwner>> {
  atBackend = undefined;
  const data: BulkOwner = { head: undefined, sender: undefined, reader: undefined, onHead };
  return await Bun.connect<BulkOwner>({ hostname: "127.0.0.1", port, data, socket: bulkHandlers, allowHalfOpen: true });
}

async function withinMemory(
  name: string,
  exchange: () => Promise<{ sent: StreamSum; read: StreamSum }>,
): Promise<void> {
  const pid = workerPid(gateway.pid);
  forgetPeak(pid);
  const startedMs = performance.now();
  const { sent, read } = await exchange();
  const held = peakResidentBytes(pid) - idleBytes;
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(`${name}: ${(held / MIB).toFixed(1)} MiB above idle, ${(TOTAL_BYTES / MIB / seconds).toFixed(0)} MiB/s`);
  expect(read.bytes).toBeGreaterThanOrEqual(TOTAL_BYTES);
  expect(read).toEqual(sent);
  expect(held).toBeLessThan(ALLOWED_BYTES);
}

let idleBytes = 0;

test("the worker is idle", () => {
  idleBytes = residentBytes(workerPid(gateway.pid));
  expect(idleBytes).toBeGreaterThan(0);
});

test.each(["/unbuffered/x", "/no-files/x", "/files/x"])("a download of %s", async (path) => {
  await withinMemory(path, async () => {
    const client = await connect((socket) => {
      socket.data.reader = new BulkReader(socket, STRIDE_BYTES);
    });
    client.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const sums = await run(
      () => atBackend?.sender,
      () => client.data.reader,
    );
    expect(client.data.head).toStartWith("HTTP/1.1 200 OK\r\n");
    client.end();
    return sums;
  });
});

test("a tunnel to a slow client", async () => {
  await withinMemory("tunnel down", async () => {
    const client = await connect((socket) => {
      socket.data.reader = new BulkReader(socket, STRIDE_BYTES);
    });
    client.write(`GET /tunnel/down HTTP/1.1\r\n${HANDSHAKE}`);
    const sums = await run(
      () => atBackend?.sender,
      () => client.data.reader,
    );
    client.end();
    return sums;
  });
});

test("a tunnel to a slow backend", async () => {
  await withinMemory("tunnel up", async () => {
    const client = await connect((socket) => send(socket, "masked frames", () => {}));
    client.write(`GET /tunnel/up HTTP/1.1\r\n${HANDSHAKE}`);
    const sums = await run(
      () => client.data.sender,
      () => atBackend?.reader,
    );
    client.end();
    return sums;
  });
});

test.each(["/unbuffered/x", "/files/x"])("an upload to %s", async (path) => {
  await withinMemory(`upload ${path}`, async () => {
    const client = await connect(() => {});
    client.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${TOTAL_BYTES}\r\n\r\n`);
    send(client, "none", () => {});
    const sums = await run(
      () => client.data.sender,
      () => atBackend?.reader,
    );
    client.end();
    return sums;
  });
});

/** What an idle tunnel costs the worker: 1,000 of them, with HOPWAY_LONG=1 5,000. */
import { expect, test } from "bun:test";
import type { Socket } from "bun";
import { startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { residentBytes, workerPid } from "../harness/worker-memory.ts";

const LONG = process.env["HOPWAY_LONG"] === "1";
const TUNNELS = LONG ? 5000 : 1000;
/** nginx takes 17.7 KiB. What has not been collected yet weighs more among fewer tunnels. */
const ALLOWED_BYTES_EACH = (LONG ? 10 : 20) * 1024;
/** So many handshakes are on their way at once. */
const BATCH = 50;

const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const HANDSHAKE =
  "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
  "Cookie: session=0123456789abcdef0123456789abcdef\r\nOrigin: https://example.com\r\n\r\n";
/** A text frame of 5 bytes, echoed: every tunnel has carried something. */
const FRAME = "\x81\x05hello";

test(`${TUNNELS} idle tunnels`, async () => {
  const port = freePort();
  const backend = Bun.listen({
    hostname: "127.0.0.1",
    port: freePort(),
    socket: {
      data(socket, chunk) {
        socket.write(chunk[0] === 0x47 ? SWITCHING : chunk);
      },
    },
  });
  const gateway = await startHopway(`{main}
error_log {prefix}/error.log;
events { worker_connections 16384; }
http {
  {temp_paths}
  access_log {prefix}/access.log;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${backend.port};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_read_timeout 1h;
    }
  }
}
`);
  const sockets: Socket<{ received: string; closed: boolean }>[] = [];
  const handlers = {
    data(socket: (typeof sockets)[number], chunk: Buffer): void {
      socket.data.received += chunk.toString("latin1");
      if (socket.data.received.endsWith("\r\n\r\n")) socket.write(FRAME);
    },
    close(socket: (typeof sockets)[number]): void {
      socket.data.closed = true;
    },
    error(): void {},
  };
  const open = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i += BATCH) {
      const batch = await Promise.all(
        Array.from({ length: Math.min(BATCH, count - i) }, () =>
          Bun.connect({ hostname: "127.0.0.1", port, data: { received: "", closed: false }, socket: handlers }),
        ),
      );
      for (const socket of batch) socket.write(HANDSHAKE);
      while (!batch.every((socket) => socket.data.received.endsWith(FRAME))) await Bun.sleep(1);
      sockets.push(...batch);
    }
  };
  // What is loaded and compiled once is no tunnel's.
  await open(BATCH);
  const pid = workerPid(gateway.pid);
  const before = residentBytes(pid);
  await open(TUNNELS);
  const each = (residentBytes(pid) - before) / TUNNELS;
  console.log(
    `${(each / 1024).toFixed(1)} KiB per idle tunnel, ${(residentBytes(pid) / 1024 / 1024).toFixed(1)} MiB in all`,
  );
  expect(sockets.filter((socket) => socket.data.closed).length).toBe(0);
  for (const socket of sockets) socket.end();
  await gateway.stop();
  gateway.remove();
  backend.stop(true);
  expect(each).toBeLessThan(ALLOWED_BYTES_EACH);
});

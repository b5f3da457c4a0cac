/** Numbers of TLS, and numbers over TLS. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import WebSocket from "ws";
import { RawClient } from "../drills/raw-client.ts";
import { makeCertificate } from "../harness/certificates.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { mainDirectives } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir } from "../harness/temp-dir.ts";
import { counted } from "./scrape.ts";

const port = freePort();
const plainPort = freePort();
const folder = makeTempDir();
let gateway: Gateway;

beforeAll(async () => {
  const { certificate, key } = makeCertificate(folder, "example.com");
  gateway = await startHopway(`${mainDirectives(1)}
error_log {prefix}/error.log info;
events {}
http {
  {temp_paths}
  access_log off;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    location / { hopway_dashboard; }
  }
  server { listen 127.0.0.1:${plainPort}; location /metrics { hopway_metrics; } }
}
`);
});

afterAll(async () => {
  expect(await gateway.stop()).toBe(0);
  gateway.remove();
  rmSync(folder, { recursive: true });
});

const handshakes = (ok: number, failed: number, state: number) => ({
  'hopway_tls_handshakes_total{result="ok"}': ok,
  'hopway_tls_handshakes_total{result="failed"}': failed,
  'hopway_connections{state="handshaking"}': state,
});

test("the page's WebSocket over TLS, and the handshake that it made", async () => {
  const socket = new WebSocket(`wss://127.0.0.1:${port}/`, { rejectUnauthorized: false });
  const types: string[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("message", (data) => {
      types.push((JSON.parse(`${data}`) as { readonly type: string }).type);
      if (types.length === 3) resolve();
    });
  });
  expect(types).toEqual(["hello", "now", "now"]);
  await counted(plainPort, handshakes(1, 0, 0));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.close(1000);
  expect(await closed).toBe(1000);
});

test("handshakes that fail, and one that does not go on", async () => {
  // A ClientHello that is none, in a record of its own.
  const broken = await RawClient.connect(port);
  broken.send("\x16\x03\x01\x00\x05hello");
  await counted(plainPort, handshakes(1, 1, 0));
  broken.close();

  const real = await clientHello();
  const stuck = await RawClient.connect(port);
  stuck.send(real);
  await counted(plainPort, handshakes(1, 1, 1));
  stuck.close();
  await counted(plainPort, handshakes(1, 2, 0));
});

/** The first bytes that a client sends. */
function clientHello(): Promise<string> {
  return new Promise((resolve) => {
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket, chunk) {
          socket.terminate();
          listener.stop(true);
          resolve(chunk.latin1Slice());
        },
      },
    });
    fetch(`https://127.0.0.1:${listener.port}/`).catch(() => {});
  });
}

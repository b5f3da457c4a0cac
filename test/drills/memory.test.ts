/**
 * Streams of a gigabyte to readers that rest again and again: every byte arrives, and the worker holds next to nothing.
 * Short streams by default; HOPWAY_LONG=1 sends the gigabyte.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BulkBackend, type BulkSums } from "../harness/bulk-exchange.ts";
import { makeCertificate } from "../harness/certificates.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { forgetPeak, peakResidentBytes, residentBytes, workerPid } from "../harness/worker-memory.ts";

const MIB = 1024 * 1024;
const LONG = process.env["HOPWAY_LONG"] === "1";
const TOTAL_BYTES = LONG ? 1024 * MIB : 192 * MIB;
/** Over TLS the same ways are taken, so that less shows whether they hold. */
const TLS_BYTES = LONG ? 1024 * MIB : 64 * MIB;
const ALLOWED_BYTES = 64 * MIB;

const folder = makeTempDir();
const certificate = makeCertificate(folder, "server");
const port = freePort();
const tlsPort = freePort();
const plain = new BulkBackend(TOTAL_BYTES);
const short = new BulkBackend(TLS_BYTES);
const secure = new BulkBackend(TLS_BYTES, certificate);
let gateway: Gateway;
let idleBytes = 0;

const upgrade = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';
const locations = (url: string): string => `
    location /tunnel { ${upgrade} proxy_pass ${url}; }
    location /files { proxy_pass ${url}; }
    location /no-files { proxy_max_temp_file_size 0; proxy_pass ${url}; }
    location /unbuffered { proxy_buffering off; proxy_request_buffering off; proxy_pass ${url}; }`;

beforeAll(async () => {
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
    ${locations(`http://127.0.0.1:${plain.port}`)}
    location /tls/ {
      rewrite ^/tls(/.*)$ $1 break;
      ${upgrade}
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_pass https://127.0.0.1:${secure.port};
    }
  }
  server {
    listen 127.0.0.1:${tlsPort} ssl;
    ssl_certificate ${certificate.certificate};
    ssl_certificate_key ${certificate.key};
    ${locations(`http://127.0.0.1:${short.port}`)}
  }
}
`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  for (const backend of [plain, short, secure]) backend.stop();
  removeTempDir(folder);
});

async function withinMemory(name: string, bytes: number, exchange: () => Promise<BulkSums>): Promise<void> {
  const pid = workerPid(gateway.pid);
  forgetPeak(pid);
  const startedMs = performance.now();
  const { sent, read } = await exchange();
  const held = peakResidentBytes(pid) - idleBytes;
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(`${name}: ${(held / MIB).toFixed(1)} MiB above idle, ${(bytes / MIB / seconds).toFixed(0)} MiB/s`);
  expect(read.bytes).toBeGreaterThanOrEqual(bytes);
  expect(read).toEqual(sent);
  expect(held).toBeLessThan(ALLOWED_BYTES);
}

test("the worker is idle", () => {
  idleBytes = residentBytes(workerPid(gateway.pid));
  expect(idleBytes).toBeGreaterThan(0);
});

const ways = [
  ["in the clear", plain, port, "", TOTAL_BYTES],
  ["over TLS with the client", short, tlsPort, "", TLS_BYTES],
  ["over TLS with the backend", secure, port, "/tls", TLS_BYTES],
] as const;

for (const [way, backend, to, prefix, bytes] of ways) {
  const tls = to === tlsPort;
  const downloads = prefix === "" ? ["/unbuffered", "/no-files", "/files"] : ["/unbuffered"];
  const uploads = prefix === "" ? ["/unbuffered", "/files"] : ["/unbuffered"];

  describe(way, () => {
    test.each(downloads)("a download of %s", async (path) => {
      await withinMemory(path, bytes, () => backend.download(to, `${prefix}${path}`, tls));
    });

    test("a tunnel to a slow client", async () => {
      await withinMemory("tunnel down", bytes, () => backend.tunnel(to, `${prefix}/tunnel`, tls, "down"));
    });

    test("a tunnel to a slow backend", async () => {
      await withinMemory("tunnel up", bytes, () => backend.tunnel(to, `${prefix}/tunnel`, tls, "up"));
    });

    test.each(uploads)("an upload to %s", async (path) => {
      await withinMemory(`upload ${path}`, bytes, () => backend.upload(to, `${prefix}${path}`, tls));
    });
  });
}

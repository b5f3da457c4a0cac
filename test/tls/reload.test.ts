/** Certificates that change: on a reload files are read again, what stands goes on, and what is broken changes nothing. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TCPSocketListener } from "bun";
import { type CertificateFiles, makeCertificate } from "../harness/certificates.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { sClient } from "../harness/s-client.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { eventually } from "../process/command.ts";

const folder = makeTempDir();
const port = freePort();
const dataPort = freePort();
const backendPort = freePort();
const first = makeCertificate(folder, "first");
const second = makeCertificate(folder, "second", { rsa: true });
const third = makeCertificate(folder, "third");
const live: CertificateFiles = { certificate: join(folder, "live.crt"), key: join(folder, "live.key") };
let gateway: Gateway;
let backend: TCPSocketListener<undefined>;

const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const HANDSHAKE =
  "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** Puts text in place of a file, as a whole. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

function putInPlace({ certificate, key }: CertificateFiles): void {
  replace(live.certificate, readFileSync(certificate, "latin1"));
  replace(live.key, readFileSync(key, "latin1"));
}

const quoted = (path: string): string => `"data:${readFileSync(path, "latin1")}"`;

beforeAll(async () => {
  copyFileSync(first.certificate, live.certificate);
  copyFileSync(first.key, live.key);
  backend = Bun.listen({
    hostname: "127.0.0.1",
    port: backendPort,
    data: undefined,
    socket: {
      data: (socket, bytes) => void socket.write(bytes.includes("Sec-WebSocket-Key") ? SWITCHING : bytes),
    },
  });
  gateway = await startHopway(`{main}
error_log {prefix}/error.log info;
events { }
http {
  {temp_paths}
  access_log off;
  map $ssl_server_name $certificate {
    second.test ${quoted(second.certificate)};
    default ${quoted(first.certificate)};
  }
  map $ssl_server_name $key {
    second.test ${quoted(second.key)};
    default ${quoted(first.key)};
  }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${live.certificate};
    ssl_certificate_key ${live.key};
    location / {
      proxy_pass http://127.0.0.1:${backendPort};
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }
  }
  server {
    listen 127.0.0.1:${dataPort} ssl;
    ssl_certificate ${quoted(third.certificate)};
    ssl_certificate_key ${quoted(third.key)};
  }
  server {
    listen 127.0.0.1:${dataPort} ssl;
    server_name *.test;
    ssl_certificate $certificate;
    ssl_certificate_key $key;
  }
}
`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  backend.stop(true);
  removeTempDir(folder);
});

/** Whose certificate a new connection sees. */
async function subject(to = port, ...args: readonly string[]): Promise<string | undefined> {
  return /subject=CN = (\w+)/.exec((await sClient(to, args)).text)?.[1];
}

/** A tunnel over TLS that echoes. */
class Tunnel {
  private received = "";
  private socket: Bun.Socket | undefined;
  closed = false;

  async open(): Promise<void> {
    let secure = false;
    this.socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      tls: { rejectUnauthorized: false },
      socket: {
        handshake: () => {
          secure = true;
        },
        data: (_, bytes) => {
          this.received += bytes.latin1Slice();
        },
        close: () => {
          this.closed = true;
        },
      },
    });
    await eventually("the end of the handshake", () => secure);
    await this.exchange(HANDSHAKE, "\r\n\r\n");
  }

  async exchange(sent: string, awaited: string): Promise<void> {
    this.received = "";
    this.socket?.write(sent);
    await eventually("an echo", () => this.received.endsWith(awaited) || this.closed);
    expect(this.closed).toBe(false);
  }

  end(): void {
    this.socket?.end();
  }
}

/** Reloads, and waits until the log has a line with the text that it did not have before. */
async function reload(awaited: string): Promise<void> {
  const count = (): number => gateway.errorLog().split(awaited).length;
  const before = count();
  process.kill(gateway.pid, "SIGHUP");
  await eventually(`"${awaited}" in the log`, () => count() > before);
}

test("files that change, and break, while a tunnel stands", async () => {
  const tunnel = new Tunnel();
  await tunnel.open();
  expect(await subject()).toBe("first");

  putInPlace(second);
  expect(await subject()).toBe("first");
  process.kill(gateway.pid, "SIGHUP");
  await eventually("the second certificate", async () => (await subject()) === "second");
  await tunnel.exchange("one", "one");

  replace(live.certificate, "no certificate");
  await reload(`[emerg] ${gateway.pid}#${gateway.pid}: cannot load certificate "${live.certificate}"`);
  expect(await subject()).toBe("second");

  putInPlace(third);
  replace(live.key, readFileSync(second.key, "latin1"));
  await reload(`SSL_CTX_use_PrivateKey("${live.key}") failed`);
  expect(await subject()).toBe("second");
  await tunnel.exchange("two", "two");

  putInPlace(third);
  process.kill(gateway.pid, "SIGHUP");
  await eventually("the third certificate", async () => (await subject()) === "third");
  await tunnel.exchange("three", "three");
  tunnel.end();
});

test("certificates in the configuration itself, and in variables", async () => {
  expect(await subject(dataPort)).toBe("third");
  expect(await subject(dataPort, "-servername", "second.test")).toBe("second");
  expect(await subject(dataPort, "-servername", "x.test")).toBe("first");
});

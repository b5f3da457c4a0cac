/** Attacks on ports for TLS: whatever comes instead of a handshake, others are served, and nothing unexpected happens. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { fuzzSeed, mutate, seededRandom } from "../../src/http/fuzz-input.ts";
import { makeCertificate } from "../harness/certificates.ts";
import { extension, groups, message, record, records, serverName } from "../harness/client-hello.ts";
import { exchange } from "../harness/exchange.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { RecordingBackend } from "../harness/recording-backend.ts";
import { LAST_REQUEST, sClient } from "../harness/s-client.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { tlsAnswer } from "../harness/tls-answer.ts";
import { peakResidentBytes, workerPid } from "../harness/worker-memory.ts";
import { eventually } from "../process/command.ts";

const folder = makeTempDir();
const port = freePort();
const hastyPort = freePort();
const { certificate, key } = makeCertificate(folder, "server");
const named = makeCertificate(folder, "named");
let gateway: Gateway;
let backend: RecordingBackend;

const HASTY_MS = 300;
const MIB = 1024 * 1024;

beforeAll(async () => {
  backend = new RecordingBackend("backend", {});
  gateway = await startHopway(`{main}
error_log {prefix}/error.log info;
events { worker_connections 4096; }
http {
  {temp_paths}
  log_format names '<$ssl_server_name>';
  access_log {prefix}/access.log names;
  ssl_certificate ${certificate};
  ssl_certificate_key ${key};
  server {
    listen 127.0.0.1:${port} ssl;
    location / { return 200 "default"; }
    location /to { proxy_set_header X-Name $ssl_server_name; proxy_pass http://127.0.0.1:${backend.port}; }
    location /back { add_header X-Name $ssl_server_name; return 301 https://$ssl_server_name/; }
  }
  server {
    listen 127.0.0.1:${port} ssl;
    server_name named.test;
    ssl_certificate ${named.certificate};
    ssl_certificate_key ${named.key};
    location / { return 200 "named"; }
  }
  server {
    listen 127.0.0.1:${hastyPort} ssl;
    client_header_timeout ${HASTY_MS}ms;
    location / { return 200 "hasty"; }
  }
}
`);
});

afterAll(async () => {
  const errors = gateway.errorLog();
  await gateway.stop();
  gateway.remove();
  backend.stop();
  removeTempDir(folder);
  expect(errors).not.toMatch(/\[(?:alert|crit|emerg)\]/);
});

const good = record(message([groups(29, 23), extension(13, Buffer.from([0, 4, 4, 3, 8, 4]))]));

async function served(): Promise<void> {
  expect((await sClient(port, [], LAST_REQUEST)).text).toContain("HTTP/1.1 200 OK");
}

function openDescriptors(): number {
  return readdirSync(`/proc/${workerPid(gateway.pid)}/fd`).length;
}

describe("clients that take their time", () => {
  test.each([
    ["say nothing", []],
    ["begin a hello", [good.subarray(0, 20)]],
    ["say hello and no more", [good]],
    ["say hello and half a record", [good, Buffer.from([22, 3, 3, 0, 100, 16])]],
  ])("%s: closed after client_header_timeout", async (_what, pieces) => {
    const { end, timedOut } = await exchange(hastyPort, [
      ...pieces.map((piece) => piece.latin1Slice()),
      { waitEnd: true },
    ]);
    expect([end === "open", timedOut]).toEqual([false, undefined]);
  });

  test("send a hello byte by byte: the time does not begin anew", async () => {
    const bytes = good.latin1Slice();
    const drips = Array.from(bytes, (byte) => [byte, { pauseMs: 12 }] as const).flat();
    const { end, received } = await exchange(hastyPort, [...drips, { waitEnd: true }]);
    // Far fewer bytes than the hello has were taken.
    expect([end === "open", received]).toEqual([false, ""]);
  });

  test("why, in the log", () => {
    expect(gateway.errorLog()).toContain(
      "client timed out (110: Connection timed out) while SSL handshaking, client: 127",
    );
  });
});

test("500 handshakes that are never finished hinder nobody, and leave nothing", async () => {
  const before = openDescriptors();
  const stalled = await Promise.all(
    Array.from({ length: 500 }, () =>
      Bun.connect({
        hostname: "127.0.0.1",
        port: hastyPort,
        socket: { open: (socket) => void socket.write(good), data() {} },
      }),
    ),
  );
  await served();
  await eventually("the worker lets go of all", () => openDescriptors() <= before);
  for (const socket of stalled) socket.end();
  await served();
});

test("connections reset in the middle of handshakes leave nothing", async () => {
  const before = openDescriptors();
  for (let round = 0; round < 20; round++) {
    const cut = Math.floor((good.length * round) / 19);
    await Promise.all(
      Array.from({ length: 10 }, () => exchange(port, [good.subarray(0, cut).latin1Slice(), { reset: true }])),
    );
  }
  await served();
  await eventually("the worker lets go of all", () => openDescriptors() <= before);
});

describe("what is no handshake", () => {
  test("HTTP gets an answer in the clear", async () => {
    const { received } = await exchange(port, ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", { waitResponses: 1 }]);
    expect(received).toContain("The plain HTTP request was sent to HTTPS port");
  });

  test.each([
    ["an alert", Buffer.from([21, 3, 3, 0, 2, 2, 40])],
    ["application data", Buffer.from([23, 3, 3, 0, 3, 1, 2, 3])],
    ["an empty handshake record", Buffer.from([22, 3, 1, 0, 0])],
    ["another handshake message", record(Buffer.from([2, 0, 0, 1, 0]))],
    ["zeros after a good head", Buffer.concat([good.subarray(0, 5), Buffer.alloc(good.length - 5)])],
    ["a hello of SSL 2", Buffer.from([0x80, 0x2e, 1, 0, 2, 0, 3, 0, 0, 0, 16, 1, 0, 0x80, ...Array(34).fill(5)])],
    ["high bytes", Buffer.alloc(300, 0xff)],
  ])("%s", async (_what, bytes) => {
    const { end } = await exchange(port, [bytes.latin1Slice(), { halfClose: true }, { waitEnd: true }]);
    expect(end).not.toBe("open");
    await served();
  });

  test("mutated hellos", async () => {
    const random = seededRandom(fuzzSeed());
    for (let round = 0; round < 40; round++) {
      const tries = Array.from({ length: 10 }, () => mutate(random, good.latin1Slice()));
      await Promise.all(tries.map((bytes) => exchange(port, [bytes, { halfClose: true }, { waitEnd: true }])));
    }
    await served();
  });
});

describe("hellos that are too long", () => {
  const padded = (bytes: number): Buffer => message([groups(29, 23), extension(21, Buffer.alloc(bytes))]);

  test("many small records", async () => {
    expect(await tlsAnswer(port, records(padded(4000), 7))).not.toBe("something else");
    await served();
  });

  test("longer than any client's", async () => {
    for (const bytes of [17_000, 60_000]) {
      const answer = await tlsAnswer(port, records(padded(bytes), 16_000));
      expect(answer).not.toHaveProperty("suite");
    }
    await served();
  });

  test("that never end cost no memory", async () => {
    const pid = workerPid(gateway.pid);
    const before = peakResidentBytes(pid);
    // A message of 16 MB is announced, and comes in records of one byte each.
    const endless = Buffer.concat([record(Buffer.from([1, 255, 255, 255])), records(Buffer.alloc(50_000), 1)]);
    await Promise.all(
      Array.from({ length: 20 }, () => exchange(port, [endless.latin1Slice(), { halfClose: true }, { waitEnd: true }])),
    );
    expect(peakResidentBytes(pid) - before).toBeLessThan(32 * MIB);
    await served();
  });
});

describe("names that are none", () => {
  const UNRECOGNIZED_NAME = 112;

  test.each([
    ["a zero byte", "a\0b.test"],
    ["nothing", ""],
    ["too long a name", "a".repeat(256)],
  ])("%s: refused by TLS itself", async (_what, name) => {
    const answer = await tlsAnswer(port, record(message([groups(29, 23), serverName(name)])));
    expect(answer).toEqual({ alert: UNRECOGNIZED_NAME });
  });

  test.each([
    ["as it is", "named.test", "named"],
    ["upper case", "NAMED.Test", "named"],
    ["a dot at the end", "named.test.", "named"],
    ["an address", "127.0.0.1", "server"],
    ["slashes", "../../etc/passwd", "server"],
    ["line ends", "named.test\r\nX-Evil: 1", "server"],
    ["high bytes", "n\xe4med.test", "server"],
  ])("%s", async (_what, name, subject) => {
    expect((await sClient(port, ["-servername", name])).text).toContain(`subject=CN = ${subject}\n`);
  });

  test("a Host that differs is served by the server that it names", async () => {
    const ask = async (name: string, host: string): Promise<string> => {
      const { text } = await sClient(port, ["-servername", name], LAST_REQUEST.replace("Host: x", `Host: ${host}`));
      return /\r\n\r\n(named|default)/.exec(text)?.[1] ?? text;
    };
    expect(await ask("named.test", "other.test")).toBe("default");
    expect(await ask("other.test", "named.test")).toBe("named");
  });

  test("line ends in a name begin no line anywhere", async () => {
    const name = "a\r\nX-Evil: 1";
    backend.take();
    await sClient(port, ["-servername", name], LAST_REQUEST.replace(" / ", " /to "));
    const [request] = backend.take();
    expect(request?.head).toContain("X-Name: ");
    expect(request?.head).not.toMatch(/^X-Evil/m);
    const { text: answer } = await sClient(port, ["-servername", name], LAST_REQUEST.replace(" / ", " /back "));
    expect(answer).toContain("HTTP/1.1 301");
    expect(answer).not.toMatch(/^X-Evil/m);
    await gateway.quiet();
    expect(gateway.accessLog()).toContain("<a\\x0D\\x0AX-Evil: 1>\n");
    expect(gateway.errorLog()).not.toMatch(/^X-Evil/m);
  });
});

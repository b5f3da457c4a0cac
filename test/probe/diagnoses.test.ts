/**
 * The probe against real servers: nginx right and wrong in many ways, hopway, HAProxy, Apache and Caddy where they are
 * installed, and sockets that misbehave. In each case the diagnosis must name the cause.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import type { TCPSocketListener } from "bun";
import { type WebSocket, WebSocketServer } from "ws";
import type { TunnelWishes } from "../../src/probe/observe.ts";
import { type ProbeReport, probe } from "../../src/probe/probe.ts";
import { type ProbeWishes, parseTarget } from "../../src/probe/target.ts";
import { type StrictBackend, strictBackend } from "../doctor/strict-backend.ts";
import { type CertificateFiles, makeCertificate, openssl } from "../harness/certificates.ts";
import { findNginx, startHopway, startNginx } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { MISDEEDS } from "./misdeeds.ts";
import { LINES, NGINX_ROWS, pass, type Row } from "./nginx-rows.ts";
import { CUT_S, IDLE_MS, PATIENT_MS } from "./patience.ts";
import { findServer, type Server as ProxyServer, startApache, startCaddy, startHaproxy } from "./servers.ts";

const WISHES: ProbeWishes = {
  origin: undefined,
  headers: [],
  subprotocols: [],
  timeoutMs: PATIENT_MS,
  insecure: false,
};
const TUNNEL: TunnelWishes = { send: undefined, echo: false, idleMs: 0 };

/** Probes and gives the id of the gravest verdict; "works" without one. */
async function verdictOf(
  url: string,
  wishes: Partial<ProbeWishes> = {},
  tunnel: Partial<TunnelWishes> = {},
): Promise<ProbeReport> {
  const target = parseTarget(url, undefined);
  if (typeof target === "string") throw new Error(target);
  return probe(target, { ...WISHES, ...wishes }, { ...TUNNEL, ...tunnel }, () => {});
}

const idOf = ({ verdicts }: ProbeReport): string => verdicts[0]?.id ?? "works";

let folder = "";
let certificate: CertificateFiles = { certificate: "", key: "" };
let app: WebSocketServer;
const appPort = freePort();
/** Has a WebSocket at another path than the one that is asked for, and pages at all others. */
let paths: Server;
const pathsPort = freePort();
/** Accepts, and fails. */
let failing: WebSocketServer;
const failingPort = freePort();
/** Takes no subprotocol. */
let choosy: WebSocketServer;
const choosyPort = freePort();

beforeAll(() => {
  folder = makeTempDir();
  certificate = makeCertificate(folder, "localhost", { names: ["localhost", "127.0.0.1"] });
  app = new WebSocketServer({ port: appPort, host: "127.0.0.1" });
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>Start</title>");
  paths = createServer((_, response) => response.end("a page")).listen(pathsPort, "127.0.0.1");
  new WebSocketServer({ server: paths, path: "/elsewhere" });
  failing = new WebSocketServer({ port: failingPort, host: "127.0.0.1" });
  failing.on("connection", (socket: WebSocket) => socket.terminate());
  choosy = new WebSocketServer({ port: choosyPort, host: "127.0.0.1", handleProtocols: () => false });
  app.on("connection", (socket: WebSocket) => socket.on("message", (data, binary) => socket.send(data, { binary })));
});
afterAll(() => {
  app.close();
  choosy.close();
  paths.close();
  failing.close();
  removeTempDir(folder);
});

/** A server that takes connections and says nothing. */
function silentServer(port: number): TCPSocketListener<undefined> {
  return Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
}

async function onGateway(row: Row, start: typeof startNginx): Promise<ProbeReport> {
  const [port, strictPort, dead, silentPort] = [freePort(), freePort(), freePort(), freePort()];
  const strict: StrictBackend = strictBackend(strictPort, row.habits);
  const silent = silentServer(silentPort);
  const text =
    `{main}\nerror_log {prefix}/error.log;\nevents { worker_connections 64; }\nhttp { {temp_paths} access_log off; server { listen 127.0.0.1:${(row.listen ?? "{port}").replace("{port}", String(port))}; server_name localhost; ${row.server} } }\n`
      .replaceAll("{app}", String(appPort))
      .replaceAll("{choosy}", String(choosyPort))
      .replaceAll("{paths}", String(pathsPort))
      .replaceAll("{failing}", String(failingPort))
      .replaceAll("{strict}", String(strictPort))
      .replaceAll("{dead}", String(dead))
      .replaceAll("{silent}", String(silentPort))
      .replaceAll("{folder}", folder)
      .replaceAll("{certificate}", certificate.certificate)
      .replaceAll("{key}", certificate.key);
  const gateway = await start(text);
  try {
    return await verdictOf(`${row.scheme ?? "ws"}://127.0.0.1:${port}${row.path ?? "/ws"}`, row.wishes, row.tunnel);
  } finally {
    await gateway.stop();
    gateway.remove();
    strict.stop();
    silent.stop(true);
  }
}

function check(report: ProbeReport, { id, hop }: Pick<Row, "id" | "hop">): void {
  expect(idOf(report)).toBe(id);
  if (hop !== undefined) expect(report.verdicts[0]?.hop).toContain(hop);
}

describe.skipIf(findNginx() === undefined)("nginx", () => {
  for (const row of NGINX_ROWS) {
    // What is about time is tried alone: the others keep the machine busy for seconds.
    const tried = row.tunnel?.idleMs === undefined ? test.concurrent : test;
    tried(`${row.what}: ${row.id}`, async () => check(await onGateway(row, startNginx), row));
  }
});

describe("hopway", () => {
  const rows: readonly Row[] = [
    { id: "works", what: "right", server: pass("{app}", LINES), tunnel: { echo: true } },
    { id: "works", what: "websocket auto", server: pass("{app}", "websocket auto;"), tunnel: { echo: true } },
    { id: "upgrade-dropped", what: "no upgrade lines", server: pass("{app}") },
    {
      id: "origin-refused",
      what: "a foreign origin",
      server: pass("{app}", LINES, "websocket_allowed_origins example.com none=allow;"),
    },
    { id: "bad-gateway", what: "nobody there", server: pass("{dead}", LINES) },
  ];
  for (const row of rows) {
    test.concurrent(`${row.what}: ${row.id}`, async () => check(await onGateway(row, startHopway), row));
  }
});

type Start = (text: string, port: number) => Promise<ProxyServer>;

/** Rows of one of the others: the verdict, what is wrong, the configuration with {port}, {app}, {dead}, {folder}. */
function others(
  name: "haproxy" | "apache2" | "caddy",
  product: string,
  start: Start,
  rows: readonly (readonly [id: string, what: string, text: string, tunnel?: Partial<TunnelWishes>])[],
): void {
  const found = findServer(name) !== undefined;
  test(`${product} is there to be probed`, () => {
    if (!found) console.warn(`${name} is not installed, nor named by HOPWAY_${name.toUpperCase()}: it is not probed`);
    if (process.env["HOPWAY_REQUIRE_PROXIES"]?.split(",").includes(name)) expect(found).toBe(true);
  });
  describe.skipIf(!found)(product, () => {
    for (const [id, what, text, tunnel] of rows) {
      const tried = tunnel?.idleMs === undefined ? test.concurrent : test;
      tried(`${what}: ${id}`, async () => {
        const [port, dead] = [freePort(), freePort()];
        const server = await start(
          text
            .replaceAll("{port}", String(port))
            .replaceAll("{app}", String(appPort))
            .replaceAll("{folder}", folder)
            .replaceAll("{dead}", String(dead)),
          port,
        );
        try {
          const report = await verdictOf(`ws://127.0.0.1:${port}/ws`, {}, { echo: id === "works", ...tunnel });
          expect(idOf(report)).toBe(id);
          const responder = report.verdicts[0]?.responder;
          if (responder?.own) expect(responder.product).toBe(product as typeof responder.product);
        } finally {
          await server.stop();
        }
      });
    }
  });
}

const FRONT = "frontend f\n  bind 127.0.0.1:{port}\n  default_backend b\n";
others("haproxy", "HAProxy", startHaproxy, [
  ["works", "right", `${FRONT}backend b\n  server s 127.0.0.1:{app}\n`],
  [
    "upgrade-dropped",
    "a field taken off",
    `${FRONT}backend b\n  http-request del-header upgrade\n  server s 127.0.0.1:{app}\n`,
  ],
  ["unavailable", "nobody there", `${FRONT}backend b\n  retries 0\n  server s 127.0.0.1:{dead}\n`],
  ["forbidden", "a rule", `${FRONT}  http-request deny\nbackend b\n  server s 127.0.0.1:{app}\n`],
  [
    "idle-cut",
    "a short timeout tunnel",
    `${FRONT}backend b\n  timeout tunnel ${CUT_S}s\n  server s 127.0.0.1:{app}\n`,
    { idleMs: IDLE_MS },
  ],
]);

others("apache2", "Apache", startApache, [
  ["works", "right", 'ProxyPass "/" "http://127.0.0.1:{app}/" upgrade=websocket'],
  ["works", "right, as it was before 2.4.47", 'ProxyPass "/ws" "ws://127.0.0.1:{app}/ws"'],
  ["upgrade-dropped", "no upgrade", 'ProxyPass "/" "http://127.0.0.1:{app}/"'],
  ["unavailable", "nobody there", 'ProxyPass "/" "http://127.0.0.1:{dead}/" upgrade=websocket'],
  ["not-found", "no such path", ""],
  ["forbidden", "a rule", "<Location />\nRequire all denied\n</Location>"],
]);

others("caddy", "Caddy", startCaddy, [
  ["works", "right", "reverse_proxy 127.0.0.1:{app}"],
  ["upgrade-dropped", "a field taken off", "request_header -Upgrade\nreverse_proxy 127.0.0.1:{app}"],
  ["bad-gateway", "nobody there", "reverse_proxy 127.0.0.1:{dead}"],
  ["not-proxied", "no route", "handle /api/* {\nreverse_proxy 127.0.0.1:{app}\n}"],
  ["not-proxied", "the start page", "root * {folder}\ntry_files {path} /index.html\nfile_server"],
  ["upgrade-dropped", "a page", 'header Content-Type text/html\nrespond "<!doctype html>" 200'],
  ["not-found", "no such path", "respond 404"],
]);

describe("sockets that misbehave", () => {
  for (const [id, what, misdeed, wishes, tunnel] of MISDEEDS) {
    test.concurrent(`${what}: ${id}`, async () => {
      const listener = Bun.listen<{ head: string }>({
        hostname: "127.0.0.1",
        port: 0,
        socket: {
          open(socket) {
            socket.data = { head: "" };
          },
          data(socket, chunk) {
            const before = socket.data.head.includes("\r\n\r\n");
            socket.data.head += chunk.latin1Slice();
            const key = /^Sec-WebSocket-Key: (.*)\r$/m.exec(socket.data.head)?.[1] ?? "";
            if (!before && socket.data.head.includes("\r\n\r\n")) misdeed(socket, key);
          },
        },
      });
      try {
        const report = await verdictOf(`ws://127.0.0.1:${listener.port}/`, wishes, tunnel);
        expect(report.verdicts.map((one) => one.id)).toContain(id);
        if (id !== "bad-frames") expect(idOf(report)).toBe(id);
      } finally {
        listener.stop(true);
      }
    });
  }
});

test("an answer in chunks is shown without them", async () => {
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        socket.end("HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nit f\r\n5;a=b\r\nailed\r\n0\r\n\r\n");
      },
    },
  });
  const report = await verdictOf(`ws://127.0.0.1:${listener.port}/`);
  expect(report.verdicts[0]?.evidence).toEqual(["It says: it failed"]);
  listener.stop(true);
});

describe("TLS", () => {
  const serve = (files: CertificateFiles, protocols: string): TCPSocketListener<undefined> =>
    Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      tls: {
        cert: Bun.file(files.certificate),
        key: Bun.file(files.key),
        ALPNProtocols: Buffer.from(protocols, "latin1"),
      },
      socket: { data() {} },
    });

  test("HTTP/2 alone by ALPN", async () => {
    const listener = serve(certificate, "\x02h2");
    expect(idOf(await verdictOf(`wss://127.0.0.1:${listener.port}/`))).toBe("http2-only");
    listener.stop(true);
  });

  test("an expired certificate, and one for another name", async () => {
    const expired = join(folder, "expired.crt");
    const [key, wish] = [join(folder, "expired.key"), join(folder, "expired.csr")];
    openssl("req", "-new", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=localhost", "-keyout", key, "-out", wish);
    openssl("x509", "-req", "-in", wish, "-signkey", key, "-days", "-1", "-out", expired);
    for (const [files, words] of [
      [{ certificate: expired, key }, "has expired"],
      [
        makeCertificate(folder, "elsewhere.example", { names: ["elsewhere.example"] }),
        "not for 127.0.0.1, but for elsewhere.example",
      ],
    ] as const) {
      const listener = serve(files, "\x08http/1.1");
      const report = await verdictOf(`wss://127.0.0.1:${listener.port}/`);
      expect(report.verdicts[0]).toMatchObject({ id: "certificate" });
      expect(report.verdicts[0]?.what).toContain(words);
      listener.stop(true);
    }
  });
});

describe("no way there", () => {
  test("a name that nobody knows", async () => {
    expect(idOf(await verdictOf("ws://no-such-host.invalid/"))).toBe("name-unknown");
  });
  test("a port on which nobody listens", async () => {
    expect(idOf(await verdictOf(`ws://127.0.0.1:${freePort()}/`))).toBe("connection-refused");
  });
});

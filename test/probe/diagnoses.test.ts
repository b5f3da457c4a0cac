/**
 * The probe against real servers: nginx right and wrong in many ways, hopway, HAProxy, Apache and Caddy where they are
 * installed, and sockets that misbehave. In each case the diagnosis must name the cause.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import type { Socket, TCPSocketListener } from "bun";
import { type WebSocket, WebSocketServer } from "ws";
import type { TunnelWishes } from "../../src/probe/observe.ts";
import { type ProbeReport, probe } from "../../src/probe/probe.ts";
import { type ProbeWishes, parseTarget } from "../../src/probe/target.ts";
import { acceptOf } from "../../src/websocket/handshake.ts";
import { type BackendHabits, type StrictBackend, strictBackend } from "../doctor/strict-backend.ts";
import { type CertificateFiles, makeCertificate, openssl } from "../harness/certificates.ts";
import { findNginx, startHopway, startNginx } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { findServer, type Server as ProxyServer, startApache, startCaddy, startHaproxy } from "./servers.ts";

/** For answers that come; what never comes is waited for so long. */
const PATIENT_MS = 8000;
const SHORT_MS = 3000;
/** A tunnel under test is cut after this silence: longer than what the probe does before it is silent takes. */
const CUT_S = 3;
const IDLE_MS = 6000;

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

const LINES = `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_set_header Host $http_host;`;

interface Row {
  /** The verdict; "works" for none. */
  readonly id: string;
  readonly what: string;
  /** Inside the server's block, with {app} for a server of WebSockets, {strict} for one with habits, {dead} for nobody. */
  readonly server: string;
  readonly path?: string;
  readonly habits?: BackendHabits;
  readonly wishes?: Partial<ProbeWishes>;
  readonly tunnel?: Partial<TunnelWishes>;
  readonly scheme?: "ws" | "wss";
  readonly listen?: string;
  /** What the hop's name must hold. */
  readonly hop?: string;
}

const pass = (to: string, ...more: readonly string[]): string =>
  `location /ws { proxy_pass http://127.0.0.1:${to}; ${more.join(" ")} }`;

const NGINX_ROWS: readonly Row[] = [
  { id: "works", what: "right", server: pass("{app}", LINES), tunnel: { echo: true } },
  { id: "works", what: "right for a while", server: pass("{app}", LINES), tunnel: { idleMs: 1000 } },
  { id: "upgrade-dropped", what: "no upgrade lines", server: pass("{app}"), hop: "proxy in front" },
  {
    id: "upgrade-dropped",
    what: "no Connection",
    server: pass("{app}", LINES.replace('"upgrade"', "close")),
    hop: "proxy in front",
  },
  {
    id: "upgrade-dropped",
    what: "the site's pages instead",
    server: 'location / { default_type text/html; return 200 "<!doctype html>hi"; }',
    hop: "nginx",
  },
  {
    id: "not-proxied",
    what: "the start page, from a file",
    server: "root {folder}; location / { try_files $uri /index.html; }",
    hop: "nginx/",
  },
  {
    id: "handshake-refused",
    what: "a path at which the application has no WebSocket",
    server: pass("{paths}", LINES),
    hop: "application",
  },
  {
    id: "bad-101",
    what: "a field that is hidden on the way back",
    server: pass("{app}", LINES, "proxy_hide_header Upgrade;"),
    hop: "on the way back",
  },
  {
    id: "closed-after-101",
    what: "an application that fails",
    server: pass("{failing}", LINES),
    hop: "application behind",
  },
  { id: "http-1.0", what: "HTTP/1.0", server: pass("{strict}", LINES.replace("1.1", "1.0")) },
  { id: "bad-gateway", what: "nobody there", server: pass("{dead}", LINES), hop: "behind nginx" },
  { id: "not-found", what: "no such location", server: "location /other { return 204; }", hop: "nginx" },
  {
    id: "not-found",
    what: "a path that the application does not know",
    server: pass("{strict}/api", LINES),
    habits: { path: "/ws" },
    hop: "application",
  },
  { id: "redirect-slash", what: "a slash is missing", server: pass("{app}", LINES).replace("/ws", "/ws/") },
  { id: "redirect-to-tls", what: "https only", server: "return 301 https://$host$request_uri;" },
  { id: "redirect-to-login", what: "a login", server: "return 302 /login?next=/ws;" },
  { id: "redirected", what: "another path", server: "return 307 /socket;" },
  {
    id: "origin-refused",
    what: "Host is not passed",
    server: pass("{strict}", LINES.replace("proxy_set_header Host $http_host;", "")),
    habits: { comparesOrigin: true },
    hop: "application",
  },
  { id: "forbidden", what: "an access rule", server: "location /ws { deny all; }", hop: "nginx" },
  {
    id: "unauthorized",
    what: "a password",
    server: `location /ws { auth_basic x; auth_basic_user_file {folder}/none; ${LINES} proxy_pass http://127.0.0.1:{app}; }`,
  },
  { id: "limited", what: "429", server: "return 429;" },
  { id: "server-error", what: "500", server: "return 500;" },
  { id: "unavailable", what: "503", server: "return 503;" },
  {
    id: "gateway-timeout",
    what: "an application that does not answer",
    server: pass("{silent}", LINES, "proxy_read_timeout 1s;"),
    hop: "behind nginx",
  },
  { id: "closed-without-answer", what: "444", server: "return 444;" },
  { id: "http2-only", what: "HTTP/2 alone, in the clear", server: pass("{app}", LINES), listen: "{port} http2" },
  {
    id: "tls-expected",
    what: "TLS on the port",
    server: `ssl_certificate {certificate}; ssl_certificate_key {key}; ${pass("{app}", LINES)}`,
    listen: "{port} ssl",
  },
  {
    id: "certificate",
    what: "a certificate that nobody signed",
    server: `ssl_certificate {certificate}; ssl_certificate_key {key}; ${pass("{app}", LINES)}`,
    listen: "{port} ssl",
    scheme: "wss",
  },
  {
    id: "certificate",
    what: "the same, looked at all the same",
    server: `ssl_certificate {certificate}; ssl_certificate_key {key}; ${pass("{app}", LINES)}`,
    listen: "{port} ssl",
    scheme: "wss",
    wishes: { insecure: true },
    tunnel: { echo: true },
  },
  { id: "no-tls", what: "wss:// to a port without TLS", server: pass("{app}", LINES), scheme: "wss" },
  {
    id: "idle-cut",
    what: "silence for some seconds",
    server: pass("{app}", LINES, `proxy_read_timeout ${CUT_S}s;`),
    tunnel: { idleMs: IDLE_MS },
    hop: `timeout of about ${CUT_S} s`,
  },
  {
    id: "no-subprotocol",
    what: "a subprotocol that nobody takes",
    server: pass("{choosy}", LINES),
    wishes: { subprotocols: ["chat"] },
  },
];

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

/** What a socket does with the head of a handshake. */
type Misdeed = (socket: Socket<{ head: string }>, key: string) => void;

const good = (key: string, ...more: readonly string[]): string =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n${more.map((line) => `${line}\r\n`).join("")}\r\n`;
const closeFrame = (code: number, reason: string): Buffer =>
  Buffer.concat([Buffer.from([0x88, 2 + reason.length, code >> 8, code & 0xff]), Buffer.from(reason)]);

const MISDEEDS: readonly (readonly [
  id: string,
  what: string,
  misdeed: Misdeed,
  wishes?: Partial<ProbeWishes>,
  tunnel?: Partial<TunnelWishes>,
])[] = [
  [
    "reset-after-101",
    "RST straight after the 101",
    (s, key) => {
      s.write(good(key));
      s.flush();
      setTimeout(() => s.terminate(), 20);
    },
  ],
  [
    "closed-after-101",
    "FIN straight after the 101",
    (s, key) => {
      s.write(good(key));
      s.end();
    },
  ],
  [
    "relays-nothing",
    "101, and nothing more",
    (s, key) => {
      s.write(good(key));
    },
    { timeoutMs: SHORT_MS },
  ],
  [
    "closed-by-application",
    "a Close with 1008",
    (s, key) => {
      s.write(good(key));
      s.write(closeFrame(1008, "token expired"));
    },
  ],
  [
    "bad-101",
    "an accept for another key",
    (s) => {
      s.write(good("another"));
    },
    { timeoutMs: SHORT_MS },
  ],
  [
    "bad-101",
    "a 101 without its fields",
    (s) => {
      s.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    },
    { timeoutMs: SHORT_MS },
  ],
  [
    "bad-101",
    "an extension that nobody wanted",
    (s, key) => {
      s.write(good(key, "Sec-WebSocket-Extensions: x-strange"));
    },
    { timeoutMs: SHORT_MS },
  ],
  ["no-answer", "no answer at all", () => {}, { timeoutMs: SHORT_MS }],
  [
    "closed-without-answer",
    "a reset in place of an answer",
    (s) => {
      s.terminate();
    },
  ],
  [
    "not-http",
    "SSH",
    (s) => {
      s.write("SSH-2.0-OpenSSH_9.2p1\r\n");
    },
  ],
  [
    "tls-expected",
    "a TLS alert",
    (s) => {
      s.write(Buffer.from([0x15, 3, 1, 0, 2, 2, 70]));
      s.end();
    },
  ],
  [
    "http2-only",
    "HTTP/2's SETTINGS",
    (s) => {
      s.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
      s.end();
    },
  ],
  [
    "bad-frames",
    "masked frames",
    (s, key) => {
      s.write(good(key));
      s.write(Buffer.from([0x81, 0x81, 1, 2, 3, 4, 0x60]));
      s.end(closeFrame(1000, ""));
    },
  ],
  [
    "closed-without-answer",
    "half a head",
    (s) => {
      s.end("HTTP/1.1 101 Swi");
    },
  ],
];

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

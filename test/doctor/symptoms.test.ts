/**
 * The symptoms that rules speak of, on real nginx: there with the configuration that has the finding, gone with what
 * `--fix` has made of it, or with what the finding tells people to do.
 */
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { memorySource } from "../../src/config/memory-source.ts";
import { diagnose } from "../../src/doctor/diagnose.ts";
import { mend } from "../../src/doctor/mend.ts";
import { readConfig } from "../../src/explain/read-config.ts";
import { setDefaultErrorLog } from "../../src/net/error-log.ts";
import { LogFile } from "../../src/net/log-file.ts";
import { makeCertificate } from "../harness/certificates.ts";
import { type ClientTls, exchange, type Target, WAIT_END } from "../harness/exchange.ts";
import { findNginx, type Gateway, startNginx } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { type BackendHabits, type StrictBackend, strictBackend } from "./strict-backend.ts";

setDefaultErrorLog(new LogFile("/dev/null"));

const MAIN = "/etc/nginx/nginx.conf";
/** Longer than any of the timeouts under test that cut a tunnel. */
const LIVES_MS = 3_000;

/** What a client can try. */
interface Scene {
  readonly port: number;
  readonly gateway: Gateway;
  readonly backends: readonly StrictBackend[];
}

type Look = (scene: Scene) => Promise<string>;

/** Sends a request and gives the status; "closed" for none. */
async function status(target: Target, text: string): Promise<string> {
  const { received } = await exchange(target, [text, { waitFor: "\r\n\r\n" }]);
  return /^HTTP\/1\.\d (\d+)/.exec(received)?.[1] ?? "closed";
}

function handshakeText(path: string, ...fields: readonly string[]): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    "Host: example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    "Origin: http://example.com",
    ...fields,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

const handshake =
  (path = "/ws/", ...fields: readonly string[]): Look =>
  ({ port }) =>
    status(port, handshakeText(path, ...fields));
const get =
  (path: string, ...fields: readonly string[]): Look =>
  ({ port }) =>
    status(
      port,
      `GET ${path} HTTP/1.1\r\nHost: example.com\r\n${fields.map((line) => `${line}\r\n`).join("")}Connection: close\r\n\r\n`,
    );
const post =
  (path: string): Look =>
  ({ port }) =>
    status(port, `POST ${path} HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n\r\na=b`);

/** A second client's handshake while the first client's WebSocket is open. */
const secondOf =
  (path: string): Look =>
  async (scene) => {
    let second = "";
    await exchange(
      scene.port,
      [handshakeText(path, "X-Forwarded-For: 203.0.113.1"), { waitFor: "101" }, { settle: () => false }],
      [],
      undefined,
      {
        quiet: async () => {
          second = await handshake(path, "X-Forwarded-For: 203.0.113.2")(scene);
        },
        upstreamGot: () => true,
      },
    );
    return second;
  };

/** A field of the answer; "" where it is not there. */
const answerField =
  (name: string, request: string): Look =>
  async ({ port }) => {
    const { received } = await exchange(port, [request, { waitFor: "\r\n\r\n" }]);
    return new RegExp(`^${name}: (.*)\r$`, "im").exec(received)?.[1] ?? "";
  };

/** On a machine that stands still a backend may answer too late for the timeouts here. */
const TUNNEL_TRIES = 10;

/** Whether a tunnel that nobody says anything on is cut. */
const idle =
  (path = "/ws/"): Look =>
  async ({ port }) => {
    let seen = "";
    for (let i = 0; i < TUNNEL_TRIES && !seen.startsWith("101"); i++) {
      const { received, end } = await exchange(
        port,
        [handshakeText(path), { waitFor: "\r\n\r\n" }, WAIT_END],
        [],
        LIVES_MS,
      );
      seen = `${received.slice(9, 12)} ${end === "open" ? "lives" : "cut"}`;
    }
    return seen;
  };

interface Row {
  readonly rule: string;
  /** Inside `http`; `{port}`, `{backend}`, `{backend2}`, `{tls}`, `{root}`. */
  readonly config: string;
  readonly habits?: BackendHabits;
  readonly habits2?: BackendHabits;
  readonly look: Look;
  readonly broken: string;
  readonly healed: string;
  /** What people do, where `--fix` leaves it to them. */
  readonly byHand?: (text: string) => string;
  readonly appPingMs?: number;
  /** Time matters: it is tried alone, as the others keep the machine busy for seconds. */
  readonly timed?: true;
}

const LINES = `proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`;
const TO_BACKEND = "proxy_pass http://127.0.0.1:{backend};";

/** A server with one location. */
function location(name: string, ...lines: readonly string[]): string {
  return server(`location ${name} {\n      ${lines.join("\n      ")}\n    }`);
}

function server(...parts: readonly string[]): string {
  return `  server {\n    listen 127.0.0.1:{port};\n    server_name example.com;\n    ${parts.join("\n    ")}\n  }`;
}

const MAP = "  map $http_upgrade $connection_upgrade { default upgrade; '' close; }\n";
const NO_EFFECT = "proxy_buffering off; client_max_body_size 1; gzip on; keepalive_timeout 1h;";
const SOCKET_IO: BackendHabits = { path: "/socket.io/" };
const POLLING = "/socket.io/?EIO=4&transport=polling";
/** TLS in front of the backend; whoever does not say its name is turned away. */
const TLS_SITE = `  server { listen 127.0.0.1:{tls} ssl default_server; ssl_reject_handshake on; }
  server {
    listen 127.0.0.1:{tls} ssl;
    server_name vendor.example.com 127.0.0.1;
    ssl_certificate {root}/example.com.crt;
    ssl_certificate_key {root}/example.com.key;
    location / {
      ${TO_BACKEND}
      ${LINES}
    }
  }
`;

const ROWS: readonly Row[] = [
  { rule: "upgrade-not-passed", config: location("/ws/", TO_BACKEND), look: handshake(), broken: "400", healed: "101" },
  {
    rule: "connection-not-passed",
    config: location("/ws/", TO_BACKEND, LINES.replace(/proxy_set_header Connection .*/, "")),
    look: handshake(),
    broken: "400",
    healed: "101",
  },
  {
    rule: "upgrade-not-set",
    config: location("/ws/", TO_BACKEND, LINES.replace(/proxy_set_header Upgrade .*/, "")),
    look: handshake(),
    broken: "400",
    healed: "101",
  },
  {
    rule: "headers-lost",
    config: server(
      LINES,
      `location /ws/ {\n      ${TO_BACKEND}\n      proxy_set_header X-Real-IP $remote_addr;\n    }`,
    ),
    look: handshake(),
    broken: "400",
    healed: "101",
  },
  {
    rule: "http-version",
    config: location("/ws/", TO_BACKEND, LINES.replace("proxy_http_version 1.1", "proxy_http_version 1.0")),
    look: handshake(),
    broken: "505",
    healed: "101",
  },
  {
    rule: "http-version",
    config: location("/ws/", TO_BACKEND, LINES.replace("proxy_http_version 1.1;", "")),
    look: handshake(),
    broken: "505",
    healed: "101",
  },
  {
    rule: "connection-hard-coded",
    config: location("/", TO_BACKEND, LINES),
    habits: { noBodyWithUpgrade: true },
    look: post("/form"),
    broken: "400",
    healed: "200",
  },
  {
    rule: "map-without-empty",
    config: `${MAP.replace("'' close;", "")}${location("/", TO_BACKEND, LINES.replace('"upgrade"', "$connection_upgrade"))}`,
    habits: { noBodyWithUpgrade: true },
    look: post("/form"),
    broken: "400",
    healed: "200",
  },
  {
    rule: "handshake-fields-dropped",
    config: location("/ws/", TO_BACKEND, LINES, "proxy_pass_request_headers off;"),
    look: handshake(),
    broken: "400",
    healed: "101",
  },
  {
    rule: "host-not-passed",
    config: location("/cable", TO_BACKEND, LINES.replace("proxy_set_header Host $host;", "")),
    habits: { comparesOrigin: true },
    look: handshake("/cable"),
    broken: "403",
    healed: "101",
  },
  {
    rule: "forwarded-missing",
    config: location("/ws/", TO_BACKEND, LINES.replace(/proxy_set_header X-F.*/, "")),
    look: async (scene) => {
      await handshake()(scene);
      return /^X-Forwarded-For: .*$/m.exec(scene.backends[0]?.heads.at(-1) ?? "")?.[0]?.trim() ?? "nobody";
    },
    broken: "nobody",
    healed: "X-Forwarded-For: 127.0.0.1",
  },
  {
    rule: "path-eaten",
    config: location("/socket.io/", "proxy_pass http://127.0.0.1:{backend}/;", LINES),
    habits: SOCKET_IO,
    look: handshake("/socket.io/?EIO=4&transport=websocket"),
    broken: "404",
    healed: "101",
  },
  {
    rule: "slash-doubled",
    config: location("/app/", "proxy_pass http://127.0.0.1:{backend}/v2;", LINES),
    habits: { path: "/v2/" },
    look: get("/app/x"),
    broken: "404",
    healed: "200",
  },
  {
    rule: "slash-redirect",
    config: location("/ws/", TO_BACKEND, LINES),
    look: handshake("/ws"),
    broken: "301",
    healed: "101",
    byHand: (text) => text.replace("location /ws/", "location /ws"),
  },
  {
    rule: "location-unreachable",
    config: server(
      `location /assets/ws/ {\n      ${TO_BACKEND}\n      ${LINES}\n    }`,
      "location ~ ^/(assets|images)/ { root {root}; }",
    ),
    look: handshake("/assets/ws/"),
    broken: "404",
    healed: "101",
  },
  {
    rule: "client-library",
    config: server(
      `location /socket.io/ {\n      ${TO_BACKEND}\n      ${LINES}\n    }`,
      "location ~* \\.(js|css)$ { root {root}; }",
    ),
    habits: SOCKET_IO,
    look: get("/socket.io/socket.io.js"),
    broken: "404",
    healed: "200",
  },
  {
    rule: "try-files-swallows",
    config: server(
      "root {root};",
      `location /ws/ {\n      try_files $uri /index.html;\n      ${TO_BACKEND}\n      ${LINES}\n    }`,
    ),
    look: handshake(),
    broken: "200",
    healed: "101",
  },
  {
    rule: "path-not-proxied",
    config: server("root {root};", "location / { try_files $uri /index.html; }"),
    look: handshake("/live"),
    broken: "200",
    healed: "101",
    byHand: (text) =>
      text.replace("location / {", `location /live {\n      ${TO_BACKEND}\n      ${LINES}\n    }\n    location / {`),
  },
  {
    rule: "proxy-loop",
    config: location("/ws/", "proxy_pass http://127.0.0.1:{port};", LINES),
    look: async (scene) => ((await handshake()(scene)).startsWith("5") ? "an error" : "101"),
    broken: "an error",
    healed: "101",
    byHand: (text) => text.replace("proxy_pass http://127.0.0.1:{port}", "proxy_pass http://127.0.0.1:{backend}"),
  },
  {
    rule: "read-timeout",
    config: location("/ws/", TO_BACKEND, LINES, "proxy_read_timeout 2s;"),
    look: idle(),
    timed: true,
    broken: "101 cut",
    healed: "101 lives",
  },
  {
    rule: "timeout-below-ping",
    config: location("/socket.io/", TO_BACKEND, LINES, "proxy_read_timeout 2s;"),
    habits: SOCKET_IO,
    look: idle("/socket.io/?EIO=4&transport=websocket"),
    timed: true,
    broken: "101 cut",
    healed: "101 lives",
  },
  {
    rule: "timeout-below-ping",
    config: location("/ws/", TO_BACKEND, LINES, "proxy_read_timeout 2s;"),
    look: idle(),
    timed: true,
    broken: "101 cut",
    healed: "101 lives",
    appPingMs: 3000,
  },
  {
    rule: "timeout-zero",
    config: location("/ws/", TO_BACKEND, LINES, "proxy_read_timeout 0;"),
    look: handshake(),
    broken: "504",
    healed: "101",
  },
  {
    rule: "no-stickiness",
    config: `  upstream nodes {\n    server 127.0.0.1:{backend};\n    server 127.0.0.1:{backend2};\n  }\n${location("/socket.io/", "proxy_pass http://nodes;", LINES)}`,
    habits: { sessions: "one" },
    habits2: { sessions: "two" },
    look: async (scene) => {
      const { received } = await exchange(scene.port, [
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: example.com\r\n\r\n",
        { waitResponses: 1 },
      ]);
      return get(`/socket.io/?EIO=4&transport=polling&sid=${/"sid":"(\w+)"/.exec(received)?.[1]}`)(scene);
    },
    broken: "400",
    healed: "200",
  },
  {
    rule: "ip-hash-behind-proxy",
    config: `  upstream nodes {\n    ip_hash;\n    server 127.0.0.1:{backend};\n    server 127.0.0.1:{backend2};\n  }\n${location("/socket.io/", "proxy_pass http://nodes;", LINES.replace("$proxy_add_x", "$http_x"))}`,
    look: async (scene) => {
      for (let i = 1; i <= 16; i++) await get("/socket.io/", `X-Forwarded-For: 203.0.${i}.7`)(scene);
      return `${scene.backends.filter(({ heads }) => heads.length > 0).length} of 2 servers`;
    },
    broken: "1 of 2 servers",
    healed: "2 of 2 servers",
    byHand: (text) =>
      text.replace("  upstream", "  set_real_ip_from 127.0.0.1;\n  real_ip_header X-Forwarded-For;\n  upstream"),
  },
  {
    rule: "limit-by-balancer",
    config: `  limit_conn_zone $binary_remote_addr zone=a:1m;\n${location("/ws/", "limit_conn a 1;", TO_BACKEND, LINES.replace("$proxy_add_x", "$http_x"))}`,
    look: secondOf("/ws/"),
    broken: "503",
    healed: "101",
    byHand: (text) =>
      text.replace(
        "  limit_conn_zone",
        "  set_real_ip_from 127.0.0.1;\n  real_ip_header X-Forwarded-For;\n  limit_conn_zone",
      ),
  },
  {
    rule: "resolver-missing",
    config: location("/ws/", "set $app websocket-app;", "proxy_pass http://$app;", LINES),
    look: handshake(),
    broken: "502",
    healed: "101",
    byHand: (text) => `  upstream websocket-app { server 127.0.0.1:{backend}; }\n${text}`,
  },
  {
    rule: "http2-only",
    config: location("/ws/", TO_BACKEND, LINES).replace("{port};", "{port} http2;"),
    look: handshake(),
    broken: "closed",
    healed: "101",
  },
  {
    rule: "weak-tls",
    config: location("/ws/", TO_BACKEND, LINES).replace(
      "{port};",
      "{port} ssl;\n    ssl_certificate {root}/example.com.crt;\n    ssl_certificate_key {root}/example.com.key;\n    ssl_protocols SSLv3 TLSv1 TLSv1.1;",
    ),
    look: ({ port }) => {
      const tls: ClientTls = { serverName: "example.com" };
      return status({ port, tls }, handshakeText("/ws/"));
    },
    broken: "closed",
    healed: "101",
  },
  {
    rule: "refusal-hidden",
    config: server(
      "root {root};",
      "proxy_intercept_errors on;",
      "error_page 401 403 =200 /index.html;",
      `location /ws/ {\n      ${TO_BACKEND}\n      ${LINES}\n    }`,
    ),
    habits: { refuses: 403 },
    look: handshake(),
    broken: "200",
    healed: "403",
  },
  {
    rule: "access-log-off",
    config: `  log_format status '$status';\n${location("/ws/", "access_log off;", TO_BACKEND, LINES)}`,
    look: async (scene) => {
      await handshake()(scene);
      await scene.gateway.quiet();
      return scene.gateway.accessLog().trim();
    },
    broken: "",
    healed: "101",
    byHand: (text) => text.replace("access_log off;", "access_log {prefix}/access.log status;"),
  },
  {
    rule: "if-with-proxy",
    config: server(
      LINES,
      `location / {\n      proxy_pass http://127.0.0.1:{backend2};\n      if ($http_upgrade) { ${TO_BACKEND} }\n      if ($arg_trace) { set $traced 1; }\n    }`,
    ),
    habits2: { path: "/never" },
    look: handshake("/?trace=1"),
    broken: "404",
    healed: "101",
    byHand: (text) =>
      text
        .replace(
          "  server",
          "  map $http_upgrade $app { default 127.0.0.1:{backend2}; websocket 127.0.0.1:{backend}; }\n  server",
        )
        .replace(/proxy_pass http:\/\/127.*\{backend2\};\n.*\n.*\n/, "proxy_pass http://$app;\n"),
  },
  {
    rule: "no-origin-check",
    config: location("/ws", TO_BACKEND, LINES),
    look: handshake("/ws", "X-Y: z"),
    broken: "101",
    healed: "403",
    byHand: (text) =>
      text
        .replace(
          "  server",
          "  map $http_origin $foreign_origin { default 1; '' 0; ~^https://example\\.com$ 0; }\n  server",
        )
        .replace("location /ws {", "location /ws {\n      if ($foreign_origin) { return 403; }"),
  },
  {
    rule: "unknown-variable",
    config: location("/", TO_BACKEND, LINES.replace('"upgrade"', "$connection_upgrade")),
    look: handshake("/"),
    broken: "nginx does not start",
    healed: "101",
  },
  {
    rule: "unknown-directive",
    config: location("/ws/", TO_BACKEND, LINES.replace("proxy_http_version", "proxy_http_verison")),
    look: handshake(),
    broken: "nginx does not start",
    healed: "101",
  },
  {
    rule: "line-refused",
    config: location("/ws/", TO_BACKEND.replace("http:", "ws:"), LINES),
    look: handshake(),
    broken: "nginx does not start",
    healed: "101",
  },
  {
    rule: "line-refused",
    config: `  upstream app { server http://127.0.0.1:{backend}; }\n${location("/ws/", "proxy_pass http://app;", LINES)}`,
    look: handshake(),
    broken: "nginx does not start",
    healed: "101",
  },
  {
    rule: "line-refused",
    config: `  upstream app { server 127.0.0.1:{backend}; }\n${location("/ws/", "proxy_pass http://app:3000;", LINES)}`,
    look: handshake(),
    broken: "nginx does not start",
    healed: "101",
  },
  {
    rule: "line-refused",
    config: server(
      MAP.trim(),
      `location /ws/ {\n      ${TO_BACKEND}\n      ${LINES.replace('"upgrade"', "$connection_upgrade")}\n    }`,
    ),
    look: handshake(),
    broken: "nginx does not start",
    healed: "101",
  },
  {
    rule: "line-refused",
    config: location("~ ^/ws/", TO_BACKEND.replace("};", "}/;"), LINES),
    look: handshake(),
    broken: "nginx does not start",
    healed: "101",
  },
  {
    rule: "syntax-error",
    config: location("/ws/", TO_BACKEND, LINES, "}"),
    look: handshake(),
    broken: "nginx does not start",
    healed: "101",
    byHand: (text) => text.replace("\n      }", ""),
  },
  {
    rule: "upgrade-not-passed",
    config: location("/ws/", TO_BACKEND, 'add_header Upgrade $http_upgrade; add_header Connection "upgrade";'),
    look: handshake(),
    broken: "400",
    healed: "101",
  },
  {
    rule: "http-version",
    config: location("/ws/", TO_BACKEND, LINES.replace("proxy_http_version 1.1", "proxy_http_version 2")),
    look: handshake(),
    broken: "nginx does not start",
    healed: "101",
  },
  {
    rule: "https-lacks",
    config: `${location("/ws/", TO_BACKEND, LINES).replace("{port}", "{tls}")}\n${location("/", TO_BACKEND).replace(
      "{port};",
      "{port} ssl;\n    ssl_certificate {root}/example.com.crt;\n    ssl_certificate_key {root}/example.com.key;",
    )}`,
    look: ({ port }) => status({ port, tls: { serverName: "example.com" } }, handshakeText("/ws/")),
    broken: "400",
    healed: "101",
  },
  {
    rule: "handshake-answered",
    config: location(
      "/ws/",
      "if ($host = example.com) { return 301 http://www.example.com$request_uri; }",
      TO_BACKEND,
      LINES,
    ),
    look: handshake(),
    broken: "301",
    healed: "101",
    byHand: (text) => text.replace(/if .*request_uri; }/, ""),
  },
  {
    rule: "pasted-characters",
    config: location("/ws/", TO_BACKEND, LINES.replace('"upgrade"', "\u00e2\u0080\u009cupgrade\u00e2\u0080\u009d")),
    look: handshake(),
    broken: "400",
    healed: "101",
  },
  {
    rule: "colon-in-field",
    config: location("/ws/", TO_BACKEND, LINES.replace(/(Upgrade|Connection) /g, "$1: ")),
    look: handshake(),
    broken: "400",
    healed: "101",
  },
  {
    rule: "answer-fields-hidden",
    config: location("/ws/", TO_BACKEND, LINES, "proxy_hide_header Upgrade;"),
    look: answerField("Upgrade", handshakeText("/ws/")),
    broken: "",
    healed: "websocket",
  },
  {
    rule: "answer-fields-hidden",
    config: location("/ws/", TO_BACKEND, LINES, "proxy_hide_header Sec-WebSocket-Accept;"),
    look: answerField("Sec-WebSocket-Accept", handshakeText("/ws/")),
    broken: "",
    healed: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  },
  {
    rule: "referer-required",
    config: location("/ws/", "valid_referers example.com;", "if ($invalid_referer) { return 403; }", TO_BACKEND, LINES),
    look: handshake(),
    broken: "403",
    healed: "101",
  },
  {
    rule: "upgrade-hard-coded",
    config: location("/", TO_BACKEND, LINES.replace("$http_upgrade", "websocket")),
    look: get("/page"),
    broken: "400",
    healed: "200",
  },
  {
    rule: "upstream-sni",
    config: `${TLS_SITE}  upstream vendor.example.com { server 127.0.0.1:{tls}; }\n${location("/ws/", "proxy_pass https://vendor.example.com;", LINES.replace("$host", "$proxy_host"))}`,
    look: handshake(),
    broken: "502",
    healed: "101",
  },
  {
    rule: "foreign-host",
    config: `  upstream my-app.herokuapp.com { server 127.0.0.1:{backend}; }\n${location("/ws/", "proxy_pass http://my-app.herokuapp.com;", LINES)}`,
    habits: { host: "my-app.herokuapp.com" },
    look: handshake(),
    broken: "404",
    healed: "101",
  },
  {
    rule: "scheme-port",
    config: `${TLS_SITE.replace("ssl_reject_handshake on;", "ssl_certificate {root}/example.com.crt; ssl_certificate_key {root}/example.com.key; return 404;")}${location("/ws/", "proxy_pass http://127.0.0.1:{tls};", LINES.replace("$host", "vendor.example.com"))}`,
    look: handshake(),
    broken: "400",
    healed: "101",
  },
  {
    // Without the line, as nginx since 1.25.1 does not know it; this one only warns.
    rule: "ssl-on",
    config: location("/ws/", TO_BACKEND, LINES).replace(
      "{port};",
      "{port};\n    ssl on;\n    ssl_certificate {root}/example.com.crt;\n    ssl_certificate_key {root}/example.com.key;",
    ),
    look: async ({ port, gateway }) => {
      const said = `${gateway.stderr()}${gateway.errorLog()}`.includes('the "ssl" directive is deprecated');
      return `${said ? "a warning" : "no warning"}, ${await status({ port, tls: { serverName: "example.com" } }, handshakeText("/ws/"))}`;
    },
    broken: "a warning, 101",
    healed: "no warning, 101",
  },
  {
    rule: "limit-too-low",
    config: `  limit_req_zone $binary_remote_addr zone=a:1m rate=1r/m;\n${location("/socket.io/", "limit_req zone=a;", TO_BACKEND, LINES)}`,
    habits: SOCKET_IO,
    look: async (scene) => `${await get(POLLING)(scene)} ${await get(POLLING)(scene)}`,
    broken: "200 503",
    healed: "200 200",
  },
  {
    rule: "limit-too-low",
    config: `  limit_conn_zone $binary_remote_addr zone=a:1m;\n${location("/ws/", "limit_conn a 1;", TO_BACKEND, LINES)}`,
    look: secondOf("/ws/"),
    broken: "503",
    healed: "101",
  },
  {
    rule: "no-limit",
    config: location("/ws/", TO_BACKEND, LINES),
    look: secondOf("/ws/"),
    broken: "101",
    healed: "503",
    byHand: (text) =>
      text
        .replace("  server", "  limit_conn_zone $binary_remote_addr zone=a:1m;\n  server")
        .replace("location /ws/ {", "location /ws/ {\n      limit_conn a 1;"),
  },
  {
    rule: "polling-refused",
    config: location("/socket.io/", 'if ($http_upgrade != "websocket") { return 426; }', TO_BACKEND, LINES),
    habits: SOCKET_IO,
    look: get(POLLING),
    broken: "426",
    healed: "200",
  },
  {
    rule: "polling-cached",
    config: `  proxy_cache_path {root}/cache keys_zone=c:1m;\n${location("/socket.io/", "proxy_cache c;", "proxy_cache_valid 200 1m;", "proxy_ignore_headers Cache-Control;", TO_BACKEND, LINES)}`,
    habits: SOCKET_IO,
    look: async (scene) => {
      await get(POLLING)(scene);
      await get(POLLING)(scene);
      return `${scene.backends[0]?.heads.length} of 2 reach the application`;
    },
    broken: "1 of 2 reach the application",
    healed: "2 of 2 reach the application",
  },
  {
    rule: "polling-body",
    config: location("/socket.io/", "client_max_body_size 2;", TO_BACKEND, LINES),
    habits: SOCKET_IO,
    look: post(POLLING),
    broken: "413",
    healed: "200",
  },
  {
    rule: "keepalive-unused",
    config: `${MAP}  upstream app { server 127.0.0.1:{backend}; keepalive 4; }\n${location("/", "proxy_pass http://app;", LINES.replace('"upgrade"', "$connection_upgrade"))}`,
    habits: { keepsAlive: true },
    look: async (scene) => {
      for (let i = 0; i < 3; i++) await get("/page")(scene);
      return `${scene.backends[0]?.connections} for 3 requests`;
    },
    broken: "3 for 3 requests",
    healed: "1 for 3 requests",
  },
  {
    rule: "add-header-lost",
    config: server(
      "add_header X-Frame-Options DENY;",
      `location /ws/ {\n      add_header X-Hop 1;\n      ${TO_BACKEND}\n      ${LINES}\n    }`,
    ),
    look: answerField("X-Frame-Options", "GET /ws/ HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    broken: "",
    healed: "DENY",
    byHand: (text) => text.replace("add_header X-Hop 1;", "add_header X-Hop 1; add_header X-Frame-Options DENY;"),
  },
  {
    // That nothing changes is what the rule says.
    rule: "no-effect-on-tunnels",
    config: location("/ws", TO_BACKEND, LINES, NO_EFFECT),
    look: async ({ port }) => {
      const sent = "x".repeat(4096);
      const { received } = await exchange(port, [
        handshakeText("/ws"),
        { waitFor: "\r\n\r\n" },
        sent,
        { waitFor: sent },
      ]);
      return `${received.slice(9, 12)}, ${received.length - received.indexOf("\r\n\r\n") - 4} bytes back`;
    },
    broken: "101, 4096 bytes back",
    healed: "101, 4096 bytes back",
    byHand: (text) => text.replace(NO_EFFECT, ""),
  },
  {
    rule: "line-refused",
    config: location("/ws/", TO_BACKEND, LINES.replace("1.1;", "1.1")),
    look: handshake(),
    broken: "nginx does not start",
    healed: "101",
    byHand: (text) => text.replace("1.1\n", "1.1;\n"),
  },
];

/** A whole configuration, of which only the placeholders are not known yet. */
function whole(config: string): string {
  return `events { worker_connections 64; }\nhttp {\n${config}\n}\n`;
}

/** What a client sees with a configuration on real nginx. */
async function seen(text: string, row: Row, root: string): Promise<string> {
  const [port, backend, backend2, tls] = [freePort(), freePort(), freePort(), freePort()];
  const backends = [strictBackend(backend, row.habits), strictBackend(backend2, row.habits2)];
  const ready = text
    .replaceAll("{port}", String(port))
    .replaceAll("{backend}", String(backend))
    .replaceAll("{backend2}", String(backend2))
    .replaceAll("{tls}", String(tls))
    .replaceAll("{root}", root)
    .replace("http {", "http {\n  {temp_paths}\n  access_log off;");
  try {
    const gateway = await startNginx(`{main}\nerror_log {prefix}/error.log;\n${ready}`).catch(() => undefined);
    if (gateway === undefined) return "nginx does not start";
    try {
      return await row.look({ port, gateway, backends });
    } finally {
      await gateway.stop();
      gateway.remove();
    }
  } finally {
    for (const one of backends) one.stop();
  }
}

/** Ports stand in texts as numbers, which the doctor reads: the placeholders are numbers of their own meanwhile. */
const NUMBERS: readonly (readonly [string, string])[] = [
  ["{port}", "10001"],
  ["{backend}", "10002"],
  ["{backend2}", "10003"],
  ["{tls}", "8443"],
  ["{root}", "/srv/the-test"],
];

const withNumbers = (text: string): string => NUMBERS.reduce((t, [name, number]) => t.replaceAll(name, number), text);
const withNames = (text: string): string => NUMBERS.reduce((t, [name, number]) => t.replaceAll(number, name), text);

describe.skipIf(findNginx() === undefined)("on real nginx", () => {
  const root = makeTempDir();
  mkdirSync(join(root, "assets"));
  writeFileSync(join(root, "index.html"), "<!doctype html>");
  makeCertificate(root, "example.com", { rsa: true });
  process.on("exit", () => removeTempDir(root));

  for (const row of ROWS) {
    const { rule, config, byHand, broken, healed } = row;
    const tried = row.timed ? test : test.concurrent;
    tried(`${rule}: ${broken} before, ${healed} after${byHand === undefined ? " --fix" : ""}`, async () => {
      const facts = { webSocketPaths: rule === "path-not-proxied" ? ["/live"] : [], appPingMs: row.appPingMs };
      const choice = { only: new Set([rule]), ignored: new Set<string>() };
      const text = withNumbers(whole(config));
      const source = memorySource({ [MAIN]: text });
      const { findings } = await diagnose(readConfig(MAIN, source), facts, choice);
      expect(findings.map((finding) => finding.rule.id)).toContain(rule);
      expect(await seen(withNames(text), row, root)).toBe(broken);

      const { files, diagnosis } = await mend(MAIN, source, facts, choice);
      expect(files.length).toBe(byHand === undefined ? 1 : 0);
      if (byHand === undefined) expect(diagnosis.findings).toEqual([]);
      const after = byHand === undefined ? withNames(files[0]?.after ?? "") : whole(byHand(config));
      expect(await seen(after, row, root)).toBe(healed);
    });
  }
});

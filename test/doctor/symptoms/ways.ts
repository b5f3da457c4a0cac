/** Symptoms: where requests go. */
import type { ClientTls } from "../../harness/exchange.ts";
import { LINES, location, SOCKET_IO, server, TLS_SITE, TO_BACKEND } from "./configs.ts";
import { get, handshake, handshakeText, type Row, status } from "./look.ts";

/** Requests that go elsewhere than to the application. */
export const WAYS: readonly Row[] = [
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
];

/** Symptoms: time, numbers of clients, and several backends. */
import { exchange } from "../../harness/exchange.ts";
import { LINES, location, MAP, NO_EFFECT, POLLING, SOCKET_IO, TO_BACKEND } from "./configs.ts";
import { get, handshake, handshakeText, idle, post, type Row, secondOf } from "./look.ts";

/** What shows after a while, or with more than one client. */
export const LOAD: readonly Row[] = [
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
];

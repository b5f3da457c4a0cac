/** Symptoms: the fields that reach the backend, and those that come back. */
import { LINES, location, MAP, server, TO_BACKEND } from "./configs.ts";
import { answerField, get, handshake, handshakeText, post, type Row } from "./look.ts";

/** What the backend, or the client, gets or misses. */
export const FIELDS: readonly Row[] = [
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
];

/** Symptoms: what keeps nginx from starting. */
import { LINES, location, MAP, server, TO_BACKEND } from "./configs.ts";
import { handshake, type Row } from "./look.ts";

/** Each keeps nginx from starting until it is mended. */
export const START: readonly Row[] = [
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
    rule: "line-refused",
    config: location("/ws/", TO_BACKEND, LINES.replace("1.1;", "1.1")),
    look: handshake(),
    broken: "nginx does not start",
    healed: "101",
    byHand: (text) => text.replace("1.1\n", "1.1;\n"),
  },
];

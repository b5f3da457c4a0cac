/**
 * Configurations in the manner of well-known products' documentation: what is right has no finding above a note; each way
 * of breaking one has the finding that names the cause first. `--fix` mends it without breaking what was right.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { memorySource } from "../../src/config/memory-source.ts";
import { type Diagnosis, diagnose, type RuleChoice } from "../../src/doctor/diagnose.ts";
import { mend } from "../../src/doctor/mend.ts";
import { readConfig } from "../../src/explain/read-config.ts";
import { setDefaultErrorLog } from "../../src/net/error-log.ts";
import { LogFile } from "../../src/net/log-file.ts";

setDefaultErrorLog(new LogFile("/dev/null"));

const FOLDER = join(import.meta.dir, "products");
const MAIN = "/etc/nginx/nginx.conf";
const FACTS = { webSocketPaths: [], appPingMs: undefined };
const ALL: RuleChoice = { only: new Set(), ignored: new Set() };
/** The issue asks for thirty. */
const LEAST = 30;

function product(name: string): string {
  return readFileSync(join(FOLDER, `${name}.conf`), "latin1");
}

async function findings(text: string): Promise<Diagnosis["findings"]> {
  const { examination, findings: found } = await diagnose(readConfig(MAIN, memorySource({ [MAIN]: text })), FACTS, ALL);
  expect(examination.unsimulated).toBeUndefined();
  return found;
}

const severe = (found: Diagnosis["findings"]): string[] =>
  found.filter(({ severity }) => severity !== "note").map(({ rule, message }) => `${rule.id}: ${message}`);

const names = readdirSync(FOLDER).map((file) => file.replace(/\.conf$/, ""));

describe("what is right", () => {
  test("is enough to tell something", () => expect(names.length).toBeGreaterThan(LEAST));
  for (const name of names) {
    test(name, async () => expect(severe(await findings(product(name)))).toEqual([]));
  }
});

/** A way of breaking a product's configuration: every `from` becomes `to`, and the rule is what must come first. */
type Variant = readonly [rule: string, product: string, from: string | RegExp, to: string];

const UPGRADE = /^ *proxy_set_header (?:Upgrade|Connection) .*\n/gim;
const ONLY_UPGRADE = /^ *proxy_set_header Upgrade .*\n/gim;
const ONLY_CONNECTION = /^ *proxy_set_header Connection (?!"";).*\n/gim;
const VERSION = /^ *proxy_http_version .*\n/gm;

const VARIANTS: readonly Variant[] = [
  ["upgrade-not-passed", "socket-io-one-node", UPGRADE, ""],
  ["upgrade-not-passed", "socket-io-nodes", UPGRADE, ""],
  ["upgrade-not-passed", "home-assistant", UPGRADE, ""],
  ["upgrade-not-passed", "grafana", UPGRADE, ""],
  ["upgrade-not-passed", "jupyter-hub", UPGRADE, ""],
  ["upgrade-not-passed", "mattermost", /^ *proxy_set_header (?:Upgrade|Connection "upgrade").*\n/gm, ""],
  ["upgrade-not-passed", "nextcloud-talk", UPGRADE, ""],
  ["upgrade-not-passed", "rails-action-cable", UPGRADE, ""],
  ["upgrade-not-passed", "signalr", UPGRADE, ""],
  ["upgrade-not-passed", "streamlit", UPGRADE, ""],
  ["upgrade-not-passed", "mosquitto", UPGRADE, ""],
  ["upgrade-not-passed", "uptime-kuma", UPGRADE, ""],
  ["upgrade-not-passed", "jellyfin", UPGRADE, ""],
  ["upgrade-not-passed", "collabora", UPGRADE, ""],
  ["upgrade-not-passed", "nginx-org-example", UPGRADE, ""],
  ["connection-not-passed", "home-assistant", ONLY_CONNECTION, ""],
  ["connection-not-passed", "phoenix", ONLY_CONNECTION, ""],
  ["connection-not-passed", "ttyd", ONLY_CONNECTION, ""],
  ["connection-not-passed", "mattermost", 'proxy_set_header Connection "upgrade";', 'proxy_set_header Connection "";'],
  ["connection-not-passed", "etherpad", "default upgrade;", "default close;"],
  ["upgrade-not-set", "code-server", ONLY_UPGRADE, ""],
  ["upgrade-not-set", "novnc", ONLY_UPGRADE, ""],
  ["upgrade-not-set", "gotify", "proxy_set_header Upgrade $http_upgrade;", 'proxy_set_header Upgrade "";'],
  ["http-version", "vite", VERSION, ""],
  ["http-version", "rocket-chat", "proxy_http_version 1.1;", "proxy_http_version 1.0;"],
  ["http-version", "guacamole", VERSION, ""],
  ["http-version", "node-red", VERSION, ""],
  [
    "headers-lost",
    "vaultwarden-hub",
    "proxy_pass http://127.0.0.1:3012;",
    "proxy_pass http://127.0.0.1:3012; proxy_set_header X-Hub 1;",
  ],
  ["headers-lost", "meteor", "listen 443 ssl;", "listen 443 ssl; proxy_set_header X-Forwarded-Proto https;"],
  ["host-not-passed", "rails-action-cable", /(location \/cable[^}]*)proxy_set_header Host \$http_host;/, "$1"],
  ["host-not-passed", "grafana", /(location \/api[^}]*)proxy_set_header Host \$host;/, "$1"],
  ["host-not-passed", "mattermost", /(websocket\$ \{[^}]*)proxy_set_header Host \$host;/, "$1"],
  ["host-not-passed", "jupyter-notebook", /(kernels[^}]*)proxy_set_header Host \$host;/, "$1"],
  ["path-eaten", "socket-io-nodes", "proxy_pass http://nodes;", "proxy_pass http://nodes/;"],
  ["path-eaten", "streamlit", "8501/_stcore/stream;", "8501/;"],
  ["path-eaten", "behind-a-balancer", "limit_conn addr 50;", "rewrite ^/socket.io/(.*)$ /$1 break;"],
  ["slash-doubled", "shiny-server", "proxy_pass http://localhost:3838;", "proxy_pass http://localhost:3838/apps;"],
  [
    "slash-doubled",
    "octoprint",
    "location /webcam/ {\n            proxy_pass http://mjpg-streamer/;",
    "location /webcam/ {\n            proxy_pass http://mjpg-streamer/x;",
  ],
  [
    "location-unreachable",
    "guacamole",
    "location /guacamole/ {",
    "location ~ ^/guac { root /srv; }\n        location /guacamole/ {",
  ],
  [
    "location-unreachable",
    "rails-action-cable",
    "location /cable {",
    "location ~* cable { root /srv; }\n    location /cable {",
  ],
  ["client-library", "socket-io-nodes", "location / {", "location ~ \\.js$ { root /srv; }\n        location / {"],
  ["try-files-swallows", "jellyfin", "location /socket {", "location /socket {\n        try_files $uri /index.html;"],
  ["proxy-loop", "node-red", "http://127.0.0.1:1880", "http://127.0.0.1:80"],
  ["proxy-loop", "centrifugo", "server 127.0.0.1:8000;", "server 127.0.0.1:80;"],
  [
    "timeout-below-ping",
    "socket-io-nodes",
    "proxy_http_version 1.1;",
    "proxy_http_version 1.1; proxy_read_timeout 20s;",
  ],
  ["timeout-below-ping", "mosquitto", "proxy_read_timeout 300s;", ""],
  ["timeout-below-ping", "jupyter-notebook", "proxy_read_timeout 86400;", "proxy_read_timeout 30;"],
  ["read-timeout", "code-server", "proxy_http_version 1.1;", "proxy_http_version 1.1; proxy_read_timeout 15s;"],
  ["timeout-zero", "collabora", "proxy_read_timeout 36000s;", "proxy_read_timeout 0;"],
  ["no-stickiness", "socket-io-nodes", "hash $remote_addr consistent;", ""],
  ["no-stickiness", "behind-a-balancer", "ip_hash;", "least_conn;"],
  ["no-stickiness", "socket-io-nodes", "hash $remote_addr consistent;", "hash $arg_sid;"],
  ["ip-hash-behind-proxy", "behind-a-balancer", /^(?:set_real_ip_from|real_ip_).*\n/gm, ""],
  [
    "limit-by-balancer",
    "mosquitto",
    /^server \{(.*)\$proxy_add_x_forwarded_for/s,
    "limit_conn_zone $$binary_remote_addr zone=a:1m;\nserver { limit_conn a 9;$1$$http_x_forwarded_for",
  ],
  ["resolver-missing", "jellyfin", "resolver 127.0.0.11 valid=30s;", ""],
  ["map-without-empty", "home-assistant", /^ *'' .*\n/gm, ""],
  ["map-without-empty", "vaultwarden", /^ *'' .*\n/gm, ""],
  ["unknown-variable", "grafana", /^map [^}]*\}\n/m, ""],
  ["unknown-variable", "etherpad", "Connection $connection_upgrade", "Connection $conection_upgrade"],
  ["unknown-directive", "phoenix", "proxy_set_header Upgrade", "proxy_set_headr Upgrade"],
  ["unknown-directive", "vite", "proxy_http_version", "proxy_http_verison"],
  ["line-refused", "ttyd", "proxy_http_version 1.1;", "proxy_http_version 1.1"],
  ["weak-tls", "jupyter-hub", "TLSv1.2 TLSv1.3", "TLSv1 TLSv1.1 TLSv1.2"],
  ["weak-tls", "gitlab", ":!RC4", ":RC4-SHA"],
  ["ssl-on", "rocket-chat", "listen 443 ssl;", "listen 443;\n    ssl on;"],
  ["http2-only", "node-red", "listen 80;", "listen 80 http2;"],
  ["http2-only", "vaultwarden", "listen 443 ssl;", "listen 443 quic;"],
  ["http2-only", "meteor", 'if ($http_user_agent ~ "MSIE") {', 'if ($server_protocol != "HTTP/2.0") {'],
  [
    "refusal-hidden",
    "gotify",
    "listen 80;",
    "listen 80;\n    proxy_intercept_errors on;\n    error_page 401 403 /denied.html;",
  ],
  [
    "if-with-proxy",
    "node-red",
    "proxy_http_version 1.1;",
    "if ($http_upgrade) { proxy_pass http://127.0.0.1:1881; }\n        if ($arg_x) { set $y 1; }\n        proxy_http_version 1.1;",
  ],
  ["line-refused", "phoenix", "listen 80;", "listen 80;\n    proxy_set_header Host;"],
  ["syntax-error", "phoenix", "allow all;", "allow all;}"],
  ["handshake-fields-dropped", "etherpad", "proxy_buffering off;", "proxy_pass_request_headers off;"],
  ["connection-hard-coded", "one-server-for-both", "$connection_upgrade;", '"upgrade";'],
];

/** Whoever has to decide: nothing is changed. */
const UNMENDED = new Set([
  "proxy-loop",
  "ip-hash-behind-proxy",
  "limit-by-balancer",
  "resolver-missing",
  "syntax-error",
  "line-refused",
  "if-with-proxy",
]);
let right = 0;

describe("what is broken", () => {
  for (const [rule, name, from, to] of VARIANTS) {
    test(`${name}: ${rule} (${String(from).slice(0, 40)})`, async () => {
      const text = product(name);
      const broken = typeof from === "string" ? text.replaceAll(from, to) : text.replace(from, to);
      expect(broken).not.toBe(text);
      const [first] = await findings(broken);
      expect(`${first?.rule.id}: ${first?.message}`).toStartWith(`${rule}: `);
      right++;

      if (UNMENDED.has(rule) || /^(?:rewrite|if) /.test(to)) return;
      const { files, diagnosis } = await mend(MAIN, memorySource({ [MAIN]: broken }), FACTS, ALL);
      expect(files.length).toBe(1);
      expect(diagnosis.findings.map((finding) => finding.rule.id)).not.toContain(rule);
    });
  }
});

afterAll(() => {
  console.log(
    `doctor: ${names.length} right configurations, ${right} of ${VARIANTS.length} broken ones named by their cause`,
  );
});

/** Configurations of nginx that the probe is tried on. */
import type { TunnelWishes } from "../../src/probe/observe.ts";
import type { ProbeWishes } from "../../src/probe/target.ts";
import type { BackendHabits } from "../doctor/strict-backend.ts";
import { CUT_S, IDLE_MS } from "./patience.ts";

/** What a location of WebSockets has. */
export const LINES = `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_set_header Host $http_host;`;

/** A gateway's configuration, and what the probe must make of it. */
export interface Row {
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

/** A location that proxies. */
export const pass = (to: string, ...more: readonly string[]): string =>
  `location /ws { proxy_pass http://127.0.0.1:${to}; ${more.join(" ")} }`;

/** nginx, right and wrong. */
export const NGINX_ROWS: readonly Row[] = [
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

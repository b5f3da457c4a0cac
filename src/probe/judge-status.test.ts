import { describe, expect, test } from "bun:test";
import type { HttpAnswer } from "./http-answer.ts";
import { judgeStatus } from "./judge-status.ts";
import type { Product } from "./product.ts";
import { type ProbeTarget, parseTarget } from "./target.ts";

function answer(status: number, fields: Readonly<Record<string, string>>, body: string): HttpAnswer {
  return { statusLine: `HTTP/1.1 ${status} Said`, status, fields: Object.entries(fields), body };
}

function target(url: string): ProbeTarget {
  const parsed = parseTarget(url, undefined);
  if (typeof parsed === "string") throw new Error(parsed);
  return parsed;
}

const HTML = { "Content-Type": "text/html" };
const NGINX = { ...HTML, Server: "nginx/1.26.0" };
const CLOUDFLARE = { ...HTML, Server: "cloudflare", "CF-RAY": "8f0a-FRA" };
const page = (title: string): string =>
  `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n`;

/** Answers as the products and libraries give them. */
const CASES: readonly [
  what: string,
  status: number,
  fields: Readonly<Record<string, string>>,
  body: string,
  id: string,
  product: Product | undefined,
  hop: RegExp,
][] = [
  ["ws without Upgrade", 426, {}, "Upgrade Required", "upgrade-dropped", undefined, /proxy in front/],
  [
    "Tornado without Upgrade",
    400,
    { Server: "TornadoServer/6.4" },
    'Can "Upgrade" only to "WebSocket".',
    "upgrade-dropped",
    undefined,
    /proxy in front/,
  ],
  [
    "Tornado without Connection",
    400,
    {},
    '"Connection" must be "Upgrade".',
    "upgrade-dropped",
    undefined,
    /proxy in front/,
  ],
  [
    "gorilla",
    400,
    {},
    "Bad Request\nwebsocket: the client is not using the websocket protocol: 'upgrade' token not found in 'Connection' header",
    "upgrade-dropped",
    undefined,
    /proxy in front/,
  ],
  [
    "Python websockets",
    426,
    { Server: "Python/3.12 websockets/13.0" },
    "Failed to open a WebSocket connection: missing Upgrade header.\n\nYou cannot access a WebSocket server directly with a browser.",
    "upgrade-dropped",
    undefined,
    /proxy in front/,
  ],
  [
    "Python websockets over HTTP/1.0",
    400,
    {},
    "unsupported protocol; expected HTTP/1.1: GET / HTTP/1.0",
    "http-1.0",
    undefined,
    /proxy in front/,
  ],
  [
    "Engine.IO without Upgrade",
    400,
    {},
    '{"code":3,"message":"Bad request"}',
    "upgrade-dropped",
    undefined,
    /proxy in front/,
  ],
  [
    "Engine.IO of another node",
    400,
    {},
    '{"code":1,"message":"Session ID unknown"}',
    "no-stickiness",
    undefined,
    /balancer/,
  ],
  [
    "Engine.IO without its query",
    400,
    {},
    '{"code":0,"message":"Transport unknown"}',
    "engine-io-path",
    undefined,
    /Socket\.IO/,
  ],
  [
    "gorilla's origin",
    403,
    {},
    "websocket: request origin not allowed by Upgrader.CheckOrigin",
    "origin-refused",
    undefined,
    /application/,
  ],
  [
    "Rails' host",
    403,
    {},
    "<h1>Blocked hosts</h1> Blocked request. This host (app) is not allowed",
    "host-refused",
    undefined,
    /application/,
  ],
  ["webpack's host", 403, {}, "Invalid Host/Origin header", "origin-refused", undefined, /application/],
  [
    "nginx's own 502",
    502,
    NGINX,
    `${page("502 Bad Gateway")}<hr><center>nginx/1.26.0</center>`,
    "bad-gateway",
    "nginx",
    /behind nginx/,
  ],
  [
    "nginx's own 503",
    503,
    NGINX,
    `${page("503 Service Temporarily Unavailable")}<hr><center>nginx/1.26.0</center>`,
    "unavailable",
    "nginx",
    /nginx\/1\.26\.0 itself/,
  ],
  [
    "nginx's own 404",
    404,
    NGINX,
    `${page("404 Not Found")}<hr><center>nginx/1.26.0</center>`,
    "not-found",
    "nginx",
    /nginx\/1\.26\.0 itself/,
  ],
  [
    "an application's 404 behind nginx",
    404,
    { Server: "nginx", "Content-Type": "application/json" },
    '{"error":"no route"}',
    "not-found",
    "nginx",
    /application behind nginx/,
  ],
  [
    "nginx on its TLS port",
    400,
    NGINX,
    `${page("400 The plain HTTP request was sent to HTTPS port")}`,
    "tls-expected",
    "nginx",
    /./,
  ],
  [
    "Apache's 503",
    503,
    { ...HTML, Server: "Apache/2.4.62 (Debian)" },
    '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>503 Service Unavailable</title>',
    "unavailable",
    "Apache",
    /behind Apache/,
  ],
  [
    "HAProxy's 503",
    503,
    HTML,
    "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n",
    "unavailable",
    "HAProxy",
    /behind HAProxy/,
  ],
  ["Caddy's 502", 502, { Server: "Caddy" }, "", "bad-gateway", "Caddy", /behind Caddy/],
  [
    "Traefik's 404",
    404,
    { "Content-Type": "text/plain" },
    "404 page not found\n",
    "not-found",
    "Traefik",
    /Traefik itself/,
  ],
  ["Traefik's 502", 502, {}, "Bad Gateway", "bad-gateway", "Traefik", /behind Traefik/],
  [
    "an ALB's 502",
    502,
    { ...HTML, Server: "awselb/2.0" },
    page("502 Bad Gateway"),
    "bad-gateway",
    "ALB",
    /behind awselb/,
  ],
  [
    "an ALB's 504",
    504,
    { ...HTML, Server: "awselb/2.0" },
    page("504 Gateway Time-out"),
    "gateway-timeout",
    "ALB",
    /awselb/,
  ],
  [
    "Cloudflare's 521",
    521,
    CLOUDFLARE,
    "error code: 521",
    "origin-unreachable",
    "Cloudflare",
    /between Cloudflare and the origin/,
  ],
  [
    "Cloudflare's challenge",
    403,
    { ...CLOUDFLARE, "CF-Mitigated": "challenge" },
    "<!DOCTYPE html><title>Just a moment...</title>",
    "challenged",
    "Cloudflare",
    /cloudflare/,
  ],
  [
    "an application's 426 behind Cloudflare",
    426,
    { Server: "cloudflare", "CF-RAY": "8f" },
    "Upgrade Required",
    "upgrade-dropped",
    "Cloudflare",
    /proxy in front/,
  ],
  [
    "a single page application",
    200,
    { ...NGINX },
    "<!doctype html><div id=root></div>",
    "upgrade-dropped",
    "nginx",
    /behind nginx/,
  ],
  [
    "Varnish",
    503,
    { Via: "1.1 varnish", "X-Varnish": "32770" },
    "Error 503 Backend fetch failed",
    "unavailable",
    undefined,
    /Varnish/,
  ],
  [
    "Envoy",
    503,
    { server: "envoy" },
    "upstream connect error or disconnect/reset before headers",
    "unavailable",
    undefined,
    /envoy/,
  ],
  ["a method that is not allowed", 405, {}, "Method Not Allowed", "upgrade-dropped", undefined, /./],
  ["something strange", 418, {}, "", "refused", undefined, /./],
];

describe("answers in place of a 101", () => {
  for (const [what, status, fields, body, id, product, hop] of CASES) {
    test(what, () => {
      const found = judgeStatus(answer(status, fields, body), target("ws://example.com/ws"), {
        withoutOrigin: undefined,
        plain: undefined,
      });
      expect([found.id, found.responder?.product]).toEqual([id, product]);
      expect(found.hop).toMatch(hop);
      expect(found.what).not.toBe("");
    });
  }
});

const REDIRECTS: readonly [url: string, location: string, id: string][] = [
  ["ws://example.com/ws", "https://example.com/ws", "redirect-to-tls"],
  ["wss://example.com/ws", "https://example.com/ws/", "redirect-slash"],
  ["wss://example.com/ws/", "/ws", "redirect-slash"],
  ["wss://example.com/ws", "https://example.com/users/sign_in", "redirect-to-login"],
  ["wss://example.com/ws", "https://www.example.com/ws", "redirected"],
];

describe("redirects", () => {
  for (const [url, location, id] of REDIRECTS) {
    test(`${url} to ${location}`, () => {
      const found = judgeStatus(answer(301, { Location: location }, ""), target(url), {
        withoutOrigin: undefined,
        plain: undefined,
      });
      expect(found.id).toBe(id);
    });
  }
});

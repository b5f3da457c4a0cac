/** auth_request: what the asked location says, what the asking one knows of it, upgrades, times, clients that leave. */

import { type ClientStep, HALF_CLOSE, RESET, WAIT_END } from "../../harness/exchange.ts";
import { plainAnswer } from "../../harness/recording-backend.ts";
import { type Group, get, gets, post, request } from "../case.ts";

const UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
const OPEN: ClientStep = { waitFor: "\r\n\r\n" };
const got = (text: string): ClientStep => ({ waitFor: text });
const ends = (text: string, behaviour: string): Record<string, { readonly steps: readonly string[] }> => ({
  [behaviour]: { steps: [text] },
});

const UP = 'proxy_http_version 1.1; proxy_set_header Connection "";';
/** A location that asks, and the one that is asked, by the name of what the backend does. */
function asked(name: string, behaviour: string, more = ""): string {
  return `
    location /${name}/ { auth_request /auth/${name}; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location = /auth/${name} { internal; proxy_pass_request_body off; proxy_set_header Content-Length ""; ${UP}
      ${more} proxy_pass http://127.0.0.1:{backend2}/${behaviour}; }`;
}

const ANSWERS: Readonly<Record<string, string>> = {
  ok: "auth-ok",
  empty: "auth-empty",
  "no-content": "no-content",
  created: "created",
  chunked: "chunked",
  "until-close": "until-close",
  large: "large",
  odd: "odd-status",
  partial: "auth-206",
  moved: "redirect-path",
  "not-modified": "not-modified",
  "401": "status-401",
  "401-twice": "auth-401-twice",
  "401-bare": "auth-401-bare",
  "403": "auth-403",
  "404": "status-404",
  "429": "status-429",
  "500": "status-500",
  switches: "upgrade",
  garbage: "garbage",
  gone: "close-at-once",
  cut: "reset-at-once",
  half: "close-in-body",
  bad: "bad-chunk",
};

const QUESTIONS = Object.entries(ANSWERS)
  .map(([name, behaviour]) => asked(name, behaviour))
  .join("");

export const AUTH_REQUEST: readonly Group[] = [
  {
    subject: "auth_request",
    errorLog: "info",
    logFields: '$status "$request" $upstream_addr $upstream_status "$who"',
    files: { "page.html": "a page\n", allowed: "x" },
    behaviours: {
      ...ends(plainAnswer("who are you\n", "X-User: joe", "X-Token: a b", "Set-Cookie: auth=1"), "auth-ok"),
      ...ends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "auth-empty"),
      ...ends("HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\nx", "auth-206"),
      ...ends("HTTP/1.1 403 No\r\nContent-Length: 3\r\nX-Why: no\r\n\r\nno\n", "auth-403"),
      "auth-at-head": { at: "head", steps: [plainAnswer("whoever you are\n", "Connection: close")] },
      ...ends("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "auth-401-bare"),
      ...ends(
        'HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: Basic realm="a"\r\nWWW-Authenticate: Bearer\r\n\r\n',
        "auth-401-twice",
      ),
    },
    config: `
  upstream auth { server 127.0.0.1:{dead}; server 127.0.0.1:{backend2}; keepalive 2; }
  map $arg_to $destination { default /auth/ok; no /auth/403; }
  server {
    listen {port};
    root {root};
    set $who nobody;
    ${QUESTIONS}
    location = /auth/hidden { internal; ${UP} proxy_hide_header WWW-Authenticate; proxy_pass http://127.0.0.1:{backend2}/status-401; }
    location /hidden { auth_request /auth/hidden; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location /here { auth_request /returns/204; try_files /page.html =404; }
    location /here/200 { auth_request /returns/200; try_files /page.html =404; }
    location /here/401 { auth_request /returns/401; try_files /page.html =404; }
    location /here/403 { auth_request /returns/403; try_files /page.html =404; }
    location /here/404 { auth_request /returns/404; try_files /page.html =404; }
    location /here/444 { auth_request /returns/444; try_files /page.html =404; }
    location /here/302 { auth_request /returns/302; try_files /page.html =404; }
    location /here/nowhere { auth_request /nowhere; try_files /page.html =404; }
    location /here/arguments { auth_request /returns/204?a=b; try_files /page.html =404; }
    location /here/file { auth_request /allowed; try_files /page.html =404; }
    location /here/folder { auth_request /; try_files /page.html =404; }
    location /here/off { auth_request /returns/403; location /here/off/ { auth_request off; try_files /page.html =404; } try_files /page.html =404; }
    location /here/page { auth_request /returns/page; try_files /page.html =404; }
    location /here/named { auth_request /returns/named; try_files /page.html =404; }
    location /here/rewritten { auth_request /returns/rewritten; try_files /page.html =404; }
    location /here/denied { auth_request /returns/denied; try_files /page.html =404; }
    location /here/cycle { auth_request /returns/cycle; try_files /page.html =404; }
    location = /returns/204 { return 204; }
    location = /returns/200 { return 200 "fine\\n"; }
    location = /returns/401 { add_header X-A b always; return 401; }
    location = /returns/403 { return 403; }
    location = /returns/404 { return 404; }
    location = /returns/444 { return 444; }
    location = /returns/302 { return 302 /login; }
    location = /returns/page { error_page 403 =204 /returns/204; return 403; }
    location = /returns/named { error_page 403 = @let-in; return 403; }
    location @let-in { return 200; }
    location = /returns/rewritten { rewrite ^ /returns/204; }
    location = /returns/denied { deny all; ${UP} proxy_pass http://127.0.0.1:{backend2}/auth-empty; }
    location = /returns/cycle { rewrite ^ /returns/cycle; }

    location /set/ {
      auth_request /auth/ok;
      auth_request_set $user $upstream_http_x_user;
      auth_request_set $token "[$upstream_http_x_token]";
      auth_request_set $missing $upstream_http_x_missing;
      auth_request_set $cookie $upstream_http_set_cookie;
      auth_request_set $asked "$uri $request_uri $request_method $args $upstream_status";
      auth_request_set $who $upstream_http_x_user;
      auth_request_set $args "user=$upstream_http_x_user";
      add_header Set-Cookie $cookie;
      add_header X-Asked $asked;
      add_header X-Missing "<$missing>";
      add_header X-Mine "$uri $upstream_status";
      ${UP} proxy_set_header X-User $user; proxy_set_header X-Token $token; proxy_pass http://127.0.0.1:{backend};
    }
    location /set/refused {
      auth_request /auth/401;
      auth_request_set $why $upstream_http_content_length;
      add_header X-Why "<$why>" always;
      error_page 401 = @refused;
      proxy_pass http://127.0.0.1:{backend};
    }
    location @refused { add_header X-Why "<$why>" always; return 401 "log in\\n"; }
    location /set/changed { auth_request /auth/sets; add_header X-Who $who; try_files /page.html =404; }
    location = /auth/sets { set $who asked; return 204; }
    location /set/headers { auth_request /auth/headers; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location = /auth/headers { ${UP} proxy_set_header X-Original-URI $request_uri; proxy_set_header X-Method $request_method;
      proxy_set_header Content-Length ""; proxy_set_header X-Uri $uri; proxy_pass http://127.0.0.1:{backend2}; }

    location /announced { auth_request /auth/announced; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location = /auth/announced { internal; ${UP} proxy_pass http://127.0.0.1:{backend2}/auth-at-head; }

    location /redirected { auth_request /auth/ok; rewrite ^ /other break; try_files /page.html =404; }
    location /tries { auth_request /auth/ok; try_files /none /here/403; }
    location /pooled/ { auth_request /auth/pooled; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location = /auth/pooled { internal; ${UP} proxy_set_header Content-Length ""; proxy_pass http://auth/auth-empty; }
    location /timeout { auth_request /auth/timeout; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location = /auth/timeout { ${UP} proxy_read_timeout 300ms; proxy_pass http://127.0.0.1:{backend2}/slow; }
    location /waits { auth_request /auth/waits; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location = /auth/waits { ${UP} proxy_pass http://127.0.0.1:{backend2}/slow; }
    location /dead { auth_request /auth/dead; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location = /auth/dead { ${UP} proxy_pass http://127.0.0.1:{dead}; }
    location /intercept { auth_request /auth/intercept; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location = /auth/intercept { ${UP} proxy_intercept_errors on; error_page 404 =204 /returns/204; proxy_pass http://127.0.0.1:{backend2}/status-404; }
    location /accel { auth_request /auth/accel; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location = /auth/accel { ${UP} proxy_pass http://127.0.0.1:{backend2}/accel-named; }
    location @named { return 204; }
    location /any/ { satisfy any; deny all; auth_request /auth/ok; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location /any/no { satisfy any; deny all; auth_request /auth/401; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location /any/open { satisfy any; allow all; auth_request /auth/401; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location /all/closed { deny all; auth_request /auth/ok; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location /ws/ { auth_request /auth/ok; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://127.0.0.1:{backend}; }
    location /ws/no/ { auth_request /auth/401; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://127.0.0.1:{backend}; }
    location /ws/lines/ { proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_http_version 1.1; auth_request /ws/lines/auth; proxy_pass http://127.0.0.1:{backend}; }
    location = /ws/lines/auth { proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_http_version 1.1; proxy_pass http://127.0.0.1:{backend2}/auth-ok; }
    location /logged { log_subrequest on; auth_request /auth/logged; ${UP} proxy_pass http://127.0.0.1:{backend}; }
    location = /auth/logged { log_subrequest on; ${UP} proxy_pass http://127.0.0.1:{backend2}/auth-empty; }
    location = /direct { internal; return 204; }
  }`,
    cases: [
      ...Object.keys(ANSWERS).map((name) => ({ name: `asked: ${name}`, send: get(`/${name}/plain`) })),
      ...gets(
        "/hidden",
        "/here",
        "/here/200",
        "/here/401",
        "/here/403",
        "/here/404",
        "/here/444",
        "/here/302",
        "/here/nowhere",
        "/here/arguments",
        "/here/file",
        "/here/folder",
        "/here/off",
        "/here/off/in",
        "/here/page",
        "/here/named",
        "/here/rewritten",
        "/here/denied",
        "/here/cycle",
        "/set/values?x=y",
        "/set/refused",
        "/set/changed",
        "/set/headers?a=b",
        "/redirected",
        "/tries",
        "/timeout",
        "/dead",
        "/intercept",
        "/accel",
        "/any/plain",
        "/any/no",
        "/any/open",
        "/all/closed",
        "/logged",
        "/direct",
        "/auth/ok",
      ),
      { name: "HEAD", send: request("HEAD", "/here") },
      { name: "HEAD that is refused", send: request("HEAD", "/401/plain") },
      { name: "POST with a body", send: post("/ok/plain", "a body") },
      {
        name: "POST with a body, refused, and another request",
        send: post("/403/plain", "a body") + get("/ok/plain"),
        responses: 2,
      },
      { name: "POST with a body whose length the question has, too", send: post("/announced/plain", "a body") },
      { name: "POST, headers as they are", send: post("/set/headers", "a body", "X-More: 1") },
      {
        name: "chunked body",
        send: `${request("POST", "/ok/plain", "Transfer-Encoding: chunked")}6\r\na body\r\n0\r\n\r\n`,
      },
      { name: "conditions and ranges go along", send: get("/set/headers", "Range: bytes=0-1", 'If-None-Match: "a"') },
      { name: "kept connections", send: get("/pooled/plain").repeat(4), responses: 4 },
      { name: "an upgrade", send: [get("/ws/upgrade", ...UPGRADE), OPEN, "x;", got("x;"), HALF_CLOSE, WAIT_END] },
      { name: "an upgrade that is refused", send: get("/ws/no/upgrade", ...UPGRADE) },
      {
        name: "an upgrade with bytes behind it",
        send: [`${get("/ws/upgrade", ...UPGRADE)}early;`, got("early;"), HALF_CLOSE, WAIT_END],
      },
      {
        name: "the question has the lines of an upgrade, too",
        send: [get("/ws/lines/upgrade", ...UPGRADE), OPEN, "x;", got("x;"), HALF_CLOSE, WAIT_END],
      },
      { name: "the client leaves while asked", send: [get("/waits"), { waitUpstream: "/slow" }, HALF_CLOSE, WAIT_END] },
      { name: "the client resets while asked", send: [get("/waits"), { waitUpstream: "/slow" }, RESET] },
      { name: "the client leaves later", send: [get("/ok/slow"), { waitUpstream: "/ok/slow" }, HALF_CLOSE, WAIT_END] },
      { name: "the client resets later", send: [get("/ok/slow"), { waitUpstream: "/ok/slow" }, RESET] },
    ],
  },
];

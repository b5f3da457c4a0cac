/** What the client gets of the backend's answer: fields, framing, redirects, cookies, errors, X-Accel. */

import { HALF_CLOSE, RESET, WAIT_END } from "../../harness/exchange.ts";
import { QUIET } from "../../harness/recording-backend.ts";
import type { Case, Group } from "../case.ts";
import { get, gets, inPackets, post, request } from "../case.ts";

const KEEP = 'proxy_http_version 1.1; proxy_set_header Connection "";';

const WELL_FORMED = [
  "chunked",
  "chunked-trailers",
  "until-close",
  "http10",
  "no-content",
  "not-modified",
  "created",
  "empty-reason",
  "odd-status",
  "status-599",
  "hop-by-hop",
  "hidden-fields",
  "many-fields",
  "ranged",
  "charset-type",
  "no-type",
  "large",
  "large-chunked",
  "split-head",
  "lf-only",
  "redirect-self",
  "redirect-path",
  "redirect-other",
  "refresh",
  "cookies",
  "status-404",
  "status-500",
  "status-503",
  "status-401",
  "accel-buffering",
  "accel-expires",
  "accel-limit",
  "accel-charset",
  "big-head",
];
const BROKEN = [
  "close-at-once",
  "reset-at-once",
  "close-in-head",
  "close-in-body",
  "reset-in-body",
  "close-in-chunk",
  "bad-chunk",
  "bad-length",
  "two-lengths",
  "length-and-chunked",
  "gzip-coding",
  "bad-version",
  "bad-status",
  "too-much-body",
  "huge-head",
  "folded-nul",
  "bad-field-name",
];

const of = (prefix: string, names: readonly string[]): Case[] => gets(...names.map((name) => prefix + name));
const headOf = (name: string): Case => ({ name: `HEAD ${name}`, send: request("HEAD", name) });
const oldOf = (name: string): Case => ({ name: `HTTP/1.0 ${name}`, send: `GET ${name} HTTP/1.0\r\n\r\n` });

const WITH_LENGTH = ["with-body", "body-later", "too-much", "too-much-later"];
const WITHOUT_LENGTH = [
  "chunked",
  "chunks-later",
  "until-close",
  "no-content-body",
  "no-content-later",
  "not-modified-body",
];

export const PROXY_RESPONSES: readonly Group[] = [
  {
    subject: "content types in variables",
    config: `
  charset utf-8;
  server {
    listen {port};
    location / { ${KEEP} proxy_pass http://127.0.0.1:{backend}/; }
    location /own { default_type text/plain; return 200 own; }
  }`,
    logFields: '$status "$sent_http_content_type"',
    cases: gets("/charset-type", "/no-type", "/typed", "/status-404", "/own"),
    behaviours: { typed: { steps: ["HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nx"] } },
  },
  {
    subject: "bodies that nobody wants",
    config: `
  server {
    listen {port};
    ${KEEP}
    location /b/ { proxy_pass http://127.0.0.1:{backend}/; }
    location /u/ { proxy_buffering off; proxy_pass http://127.0.0.1:{backend}/; }
    location /head/ { proxy_method HEAD; proxy_pass http://127.0.0.1:{backend}/; }
    location /get/ { proxy_method GET; proxy_pass http://127.0.0.1:{backend}/; }
  }`,
    errorLog: "warn",
    behaviours: {
      "with-body": { steps: ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"] },
      "body-later": { steps: ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", QUIET, "hello"] },
      "chunks-later": {
        steps: ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", QUIET, "1\r\na\r\n0\r\n\r\n"],
      },
      "no-content-body": { steps: ["HTTP/1.1 204 None\r\nX-A: b\r\n\r\nhello"] },
      "no-content-later": { steps: ["HTTP/1.1 204 None\r\nX-A: b\r\n\r\n", QUIET, "hello"] },
      "not-modified-body": { steps: ["HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\nhello"] },
      "too-much": { steps: ["HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhello"] },
      "too-much-later": { steps: ["HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nh", QUIET, "ello"] },
    },
    cases: ["/b/", "/u/", "/head/", "/get/"].flatMap((place) =>
      [...WITH_LENGTH, ...WITHOUT_LENGTH].flatMap((name): Case[] => {
        const head: Case = { name: `HEAD ${place}${name}`, send: request("HEAD", place + name), upstreamEnd: true };
        // A length without its body: nginx lets its client wait.
        if (place === "/head/" && WITH_LENGTH.includes(name)) return [head];
        return [{ name: `GET ${place}${name}`, send: get(place + name), upstreamEnd: true }, head];
      }),
    ),
  },
  {
    subject: "proxied responses",
    config: `
  server {
    listen {port};
    ${KEEP}
    location / { proxy_pass http://127.0.0.1:{backend}; }
    location /off/ { proxy_buffering off; proxy_pass http://127.0.0.1:{backend}; }
    location /small/ { proxy_buffer_size 1k; proxy_buffers 2 1k; proxy_busy_buffers_size 1k; proxy_max_temp_file_size 0; proxy_pass http://127.0.0.1:{backend}; }
    location /no-chunks/ { chunked_transfer_encoding off; proxy_pass http://127.0.0.1:{backend}; }
    location /hide/ { proxy_hide_header X-Secret; proxy_hide_header ETag; proxy_pass_header Server; proxy_pass_header Date; proxy_pass_header X-Pad; proxy_pass http://127.0.0.1:{backend}; }
    location /interim/ { proxy_read_timeout 300ms; proxy_pass http://127.0.0.1:{backend}; }
    location /limit/ { limit_rate 500k; proxy_pass http://127.0.0.1:{backend}; }
    location /ignore/ { proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset; proxy_pass http://127.0.0.1:{backend}; }
  }`,
    cases: [
      ...of("/", WELL_FORMED),
      ...of("/off/", [
        "chunked",
        "until-close",
        "large",
        "large-chunked",
        "no-content",
        "chunked-trailers",
        "split-head",
      ]),
      ...of("/small/", ["large", "chunked", "big-head", "large-chunked"]),
      ...of("/no-chunks/", ["chunked", "until-close"]),
      ...of("/hide/", ["hidden-fields", "many-fields"]),
      ...of("/interim/", ["hundred-continue", "early-hints"]),
      ...of("/limit/", ["large"]),
      ...of("/ignore/", ["accel-redirect", "accel-expires", "accel-limit", "accel-charset"]),
      ...["/chunked", "/ranged", "/until-close", "/large", "/no-content"].map(oldOf),
      ...["/ranged", "/no-content"].map(headOf),
      {
        name: "many on one connection",
        send: get("/chunked") + get("/created") + get("/no-content") + get("/ranged"),
        responses: 4,
      },
      {
        name: "POST answered before its body",
        send: inPackets(1, request("POST", "/off/before-body", "Content-Length: 5"), "hello"),
      },
    ],
  },
  {
    subject: "broken responses",
    config: `
  server {
    listen {port};
    ${KEEP}
    location / { proxy_pass http://127.0.0.1:{backend}; }
    location /off/ { proxy_buffering off; proxy_pass http://127.0.0.1:{backend}; }
    location /dead { proxy_pass http://127.0.0.1:{dead}; }
    location /no-socket { proxy_pass http://unix:/nonexistent/x.sock; }
    location /time/ { proxy_read_timeout 150ms; proxy_pass http://127.0.0.1:{backend}; }
    location /time-off/ { proxy_buffering off; proxy_read_timeout 150ms; proxy_pass http://127.0.0.1:{backend}; }
    location /ignore-abort/ { proxy_ignore_client_abort on; proxy_pass http://127.0.0.1:{backend}; }
    location /pages/ { error_page 502 504 =200 @page; proxy_read_timeout 150ms; proxy_pass http://127.0.0.1:{backend}; }
    location @page { return 200 "page for $upstream_status\\n"; }
  }`,
    cases: [
      ...of("/", BROKEN),
      ...of("/off/", ["close-in-body", "close-in-chunk", "too-much-body", "bad-chunk"]),
      ...of("/time/", ["slow", "slow-body"]),
      ...of("/time-off/", ["slow-body"]),
      ...of("/pages/", ["close-at-once", "slow"]),
      ...gets("/dead", "/no-socket"),
      { name: "no HTTP at all", send: [get("/garbage"), { waitFor: "\r\n\r\n" }] },
      { name: "HTTP/0.9", send: [get("/http09"), { waitFor: "</html>" }] },
      headOf("/close-at-once"),
      {
        name: "client leaves while the backend is slow",
        send: [get("/slow"), { waitUpstream: "/slow" }, RESET],
        upstreamEnd: true,
      },
      {
        name: "client half-closes while the backend is slow",
        send: [get("/slow"), { waitUpstream: "/slow" }, HALF_CLOSE, WAIT_END],
        upstreamEnd: true,
      },
      {
        name: "client leaves and it is ignored",
        send: [get("/ignore-abort/slow"), { waitUpstream: "/slow" }, RESET],
      },
      {
        name: "client leaves in the body",
        send: [get("/off/slow-body"), { waitFor: "first" }, RESET],
        upstreamEnd: true,
      },
    ],
  },
  {
    subject: "next upstream",
    config: `
  upstream refused { server 127.0.0.1:{dead} max_fails=0; server 127.0.0.1:{backend} max_fails=0; }
  upstream both { server 127.0.0.1:{backend} max_fails=0; server 127.0.0.1:{backend2} backup max_fails=0; }
  upstream all-dead { server 127.0.0.1:{dead}; server 127.0.0.1:{dead}; }
  upstream down { server 127.0.0.1:{backend} down; }
  upstream failing { server 127.0.0.1:{dead} max_fails=1 fail_timeout=60s; server 127.0.0.1:{backend}; }
  server {
    listen {port};
    ${KEEP}
    location /refused/ { proxy_pass http://refused/; }
    location /both/ { proxy_pass http://both/; }
    location /all-dead/ { proxy_pass http://all-dead/; }
    location /down/ { proxy_pass http://down/; }
    location /failing/ { proxy_pass http://failing/; }
    location /off/ { proxy_next_upstream off; proxy_pass http://both/; }
    location /codes/ { proxy_next_upstream error timeout http_500 http_503 http_404 http_429 invalid_header; proxy_pass http://both/; }
    location /tries/ { proxy_next_upstream_tries 1; proxy_next_upstream error http_500; proxy_pass http://both/; }
    location /non/ { proxy_next_upstream error http_500 non_idempotent; proxy_pass http://both/; }
    location /time/ { proxy_read_timeout 120ms; proxy_pass http://both/; }
    location /stream/ { proxy_request_buffering off; proxy_next_upstream error http_500; proxy_pass http://both/; }
  }`,
    behaviours: {},
    cases: [
      ...gets(
        "/refused/a",
        "/refused/b",
        "/refused/c",
        "/both/close-at-once",
        "/both/close-in-head",
        "/both/status-500",
        "/both/close-in-body",
        "/all-dead/x",
        "/down/x",
        "/failing/1",
        "/failing/2",
        "/failing/3",
        "/off/close-at-once",
        "/codes/status-500",
        "/codes/status-503",
        "/codes/status-404",
        "/codes/status-429",
        "/codes/huge-head",
        "/tries/status-500",
        "/time/slow",
      ),
      { name: "no HTTP at all", send: [get("/both/garbage"), { waitFor: "\r\n\r\n" }] },
      { name: "POST is not sent again", send: post("/codes/status-500", "abc") },
      { name: "POST that was never sent goes to the next", send: post("/refused/x", "abc") },
      { name: "POST is sent again with non_idempotent", send: post("/non/status-500", "abc") },
      { name: "PUT is sent again", send: request("PUT", "/codes/status-500", "Content-Length: 3") + "abc" },
      {
        name: "streamed PUT is not sent again",
        send: request("PUT", "/stream/status-500", "Content-Length: 3") + "abc",
      },
    ],
  },
  {
    subject: "redirects, cookies, interception, X-Accel",
    files: { "file.txt": "protected file\n" },
    config: `
  server {
    listen {port};
    server_name test;
    ${KEEP}
    location /app/ { proxy_pass http://127.0.0.1:{backend}/app/; }
    location /default/ { proxy_pass http://127.0.0.1:{backend}/app/; }
    location /off/ { proxy_redirect off; proxy_pass http://127.0.0.1:{backend}/app/; }
    location /prefix/ { proxy_redirect http://127.0.0.1:{backend}/app/ /mine/; proxy_pass http://127.0.0.1:{backend}/app/; }
    location /full/ { proxy_redirect http://127.0.0.1:{backend}/ http://front.test:99/; proxy_pass http://127.0.0.1:{backend}/app/; }
    location /regex/ { proxy_redirect ~^http://([^:/]+):\\d+/app/(.*)$ http://re.test/$1/$2; proxy_pass http://127.0.0.1:{backend}/app/; }
    location /cire/ { proxy_redirect ~*^HTTP://OTHER\\.test/ /ci/; proxy_pass http://127.0.0.1:{backend}/app/; }
    location /var/ { proxy_redirect / $scheme://$host/v/; proxy_pass http://127.0.0.1:{backend}/app/; }
    location /many/ { proxy_pass http://127.0.0.1:{backend}/app/; proxy_redirect http://nope/ /1/; proxy_redirect default; proxy_redirect http://other.test/ /2/; }
    location /nouri/ { proxy_pass http://127.0.0.1:{backend}; }
    location /cookie/ { proxy_cookie_domain up.test front.test; proxy_cookie_path /app/ /; proxy_pass http://127.0.0.1:{backend}/app/; }
    location /cookie-re/ { proxy_cookie_domain ~^\\.?(?<d>\\w+)\\.test$ $d.example; proxy_cookie_path ~^/app/(.*)$ /x/$1; proxy_pass http://127.0.0.1:{backend}/app/; }
    location /cookie-off/ { proxy_cookie_domain off; proxy_cookie_path off; proxy_pass http://127.0.0.1:{backend}/app/; }
    location /cookie-flags/ { proxy_cookie_flags id secure samesite=strict nohttponly; proxy_cookie_flags ~^t httponly; proxy_pass http://127.0.0.1:{backend}/app/; }
    location /intercept/ { proxy_intercept_errors on; error_page 404 /caught; error_page 500 503 =200 @caught; proxy_pass http://127.0.0.1:{backend}/app/; }
    location /intercept-none/ { proxy_intercept_errors on; proxy_pass http://127.0.0.1:{backend}/app/; }
    location /no-intercept/ { error_page 404 /caught; proxy_pass http://127.0.0.1:{backend}/app/; }
    location /caught { return 200 "caught $uri $upstream_status\\n"; }
    location @caught { return 200 "caught by name $uri $upstream_status $upstream_http_retry_after\\n"; }
    location /protected/ { internal; alias {root}/; }
    location @named { return 200 "named $uri $args\\n"; }
  }`,
    cases: [
      ...["app", "default", "off", "prefix", "full", "regex", "var", "many", "nouri"].flatMap((where) =>
        gets(`/${where}/redirect-self`, `/${where}/redirect-path`, `/${where}/redirect-other`),
      ),
      ...gets(
        "/cire/redirect-other",
        "/default/refresh",
        "/prefix/refresh",
        "/off/refresh",
        "/cookie/cookies",
        "/cookie-re/cookies",
        "/cookie-off/cookies",
        "/cookie-flags/cookies",
        "/intercept/status-404",
        "/intercept/status-500",
        "/intercept/status-503",
        "/intercept/status-401",
        "/intercept/plain",
        "/intercept-none/status-404",
        "/intercept-none/status-401",
        "/no-intercept/status-404",
        "/app/accel-redirect",
        "/app/accel-named",
        "/app/created",
      ),
      { name: "X-Accel-Redirect to HEAD", send: request("HEAD", "/app/accel-redirect") },
      { name: "X-Accel-Redirect to POST", send: post("/app/accel-redirect", "x") },
      { name: "X-Accel-Redirect with a range", send: get("/app/accel-redirect", "Range: bytes=0-3") },
      { name: "intercepted HEAD", send: request("HEAD", "/intercept/status-404") },
    ],
  },
];

/** What uwsgi_pass and scgi_pass have in common: parameters, bodies, answers as CGI and as HTTP have them, failures, upgrades. */
import { HALF_CLOSE, NEXT_PACKET, RESET, WAIT_END } from "../../harness/exchange.ts";
import { type Behaviour, ECHO, FIN, QUIET, SINK } from "../../harness/recording-backend.ts";
import { type Case, type Group, get, gets, inPackets, post, request } from "../case.ts";

const lines = (...parts: readonly string[]): string => `${parts.join("\r\n")}\r\n\r\n`;
const answer = (...steps: Behaviour["steps"]): Behaviour => ({ steps });
const TYPE = "Content-Type: text/plain";

/** Answers without a status line, all ended by FIN unless they have a length. */
const CGI: Readonly<Record<string, Behaviour>> = {
  "cgi-status": answer(lines("Status: 404 Not Here", TYPE), "not here\n", FIN),
  "cgi-none": answer(lines(TYPE, "X-Up: yes"), "hello\n", FIN),
  "cgi-number": answer(lines("Status: 404", TYPE), "bare\n", FIN),
  "cgi-unknown": answer(lines("Status: 299", TYPE), "odd\n", FIN),
  "cgi-unknown-text": answer(lines("Status: 299 Odd One", TYPE), "odd\n", FIN),
  "cgi-case": answer(lines("sTATUS: 403 Low", TYPE), "low\n", FIN),
  "cgi-last": answer(lines(TYPE, "X-Up: yes", "Status: 201 Late"), "late\n", FIN),
  "cgi-204": answer(lines("Status: 204 Nothing", "X-Up: yes"), FIN),
  "cgi-204-bare": answer(lines("Status: 204", TYPE), FIN),
  "cgi-204-body": answer(lines("Status: 204 Nothing"), "unwanted", FIN),
  "cgi-304": answer(lines("Status: 304 Same", 'ETag: "x"'), FIN),
  "cgi-location": answer(lines("Location: http://other.test/x", TYPE), "moved\n", FIN),
  "cgi-location-path": answer(lines("Location: /app/x"), FIN),
  "cgi-location-status": answer(lines("Status: 201 Made", "Location: /app/x"), FIN),
  "cgi-location-empty": answer(lines("Location:"), "empty\n", FIN),
  "cgi-refresh": answer(lines("Refresh: 5; url=/x"), "r\n", FIN),
  "cgi-empty": answer("\r\n", "no fields at all\n", FIN),
  "cgi-empty-lf": answer("\nno fields at all\n", FIN),
  "cgi-lf": answer(`Status: 200 Fine\n${TYPE}\n\nlf\n`, FIN),
  "cgi-split": answer(
    "St",
    QUIET,
    "atus: 40",
    QUIET,
    "4 Spl",
    QUIET,
    "it\r\nX-A: b\r",
    QUIET,
    "\n\r\nbo",
    QUIET,
    "dy",
    FIN,
  ),
  "cgi-split-http": answer("HTT", QUIET, "P/1.", QUIET, "1 201 Ma", QUIET, "de\r\nContent-Length: 2\r\n\r\nok"),
  "cgi-http-status": answer(lines("HTTP/1.1 201 Made", "Status: 404 Not", "Content-Length: 2"), "ok"),
  "cgi-length": answer(lines(TYPE, "Content-Length: 5"), "hello"),
  "cgi-length-0": answer(lines(TYPE, "Content-Length: 0")),
  "cgi-length-parts": answer(lines(TYPE, "Content-Length: 10"), "hello", QUIET, "world"),
  "cgi-large": answer(lines(TYPE), "0123456789abcdef".repeat(20_000), FIN),
  "cgi-large-length": answer(lines(TYPE, "Content-Length: 320000"), "0123456789abcdef".repeat(20_000)),
  "cgi-parts": answer(lines(TYPE), "one;", QUIET, "two;", QUIET, "three", FIN),
  "cgi-fields": answer(
    lines(
      "Date: Thu, 01 Jan 2015 00:00:00 GMT",
      "Server: app/1",
      "X-Pad: p",
      "X-Powered-By: y",
      "Set-Cookie: a",
      "set-cookie: b",
    ),
    "fields\n",
    FIN,
  ),
  "cgi-connection": answer(
    lines("Connection: close", "Keep-Alive: 5", "Trailer: x", "Upgrade: h2c", TYPE),
    "hop\n",
    FIN,
  ),
  "cgi-accel": answer(
    lines("X-Accel-Redirect: /protected/file.txt", "Set-Cookie: kept=1", "Status: 403 No"),
    "unseen",
    FIN,
  ),
  "cgi-accel-limit": answer(
    lines("X-Accel-Limit-Rate: 100000", "X-Accel-Buffering: no", "X-Accel-Expires: 60"),
    "x\n",
    FIN,
  ),
  "cgi-401": answer(lines("Status: 401 Who", 'WWW-Authenticate: Basic realm="up"'), "who\n", FIN),
  "cgi-500": answer(lines("Status: 500 Oops", TYPE), "oops\n", FIN),
  "cgi-503": answer(lines("Status: 503 Busy", "Retry-After: 7"), "busy\n", FIN),
};

const BROKEN: Readonly<Record<string, Behaviour>> = {
  "cgi-status-word": answer(lines("Status: fine"), FIN),
  "cgi-status-short": answer(lines("Status: 40"), FIN),
  "cgi-status-none": answer(lines("Status:"), FIN),
  "cgi-status-mixed": answer(lines("Status: 4x4 Off road"), FIN),
  "cgi-garbage": answer("this is not a head\r\n\r\n", FIN),
  "cgi-nul": answer("X-A: a\0b\r\n\r\n", FIN),
  "cgi-in-head": answer("Status: 200 OK\r\nX-Half: ", FIN),
  "cgi-in-name": answer("Stat", FIN),
  "cgi-length-short": answer(lines("Content-Length: 50"), "only this", QUIET, FIN),
  "cgi-length-long": answer(lines("Content-Length: 5"), "hello and more", FIN),
  "cgi-length-word": answer(lines("Content-Length: many"), "x", FIN),
  "cgi-huge": answer(lines(`X-Huge: ${"h".repeat(20_000)}`), "x", FIN),
  "cgi-html": answer("<html><body>no head</body></html>\n", FIN),
};

const UPGRADES: Readonly<Record<string, Behaviour>> = {
  "cgi-upgrade": answer(lines("Status: 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"), ECHO),
  "cgi-upgrade-early": answer(`${lines("Status: 101 Go", "Upgrade: websocket")}early from backend;`, ECHO),
  "cgi-upgrade-bare": answer(lines("Status: 101", "Upgrade: websocket"), ECHO),
  "cgi-upgrade-refused": answer(lines("Status: 403 Forbidden", "Upgrade: websocket"), "no\n", FIN),
  "cgi-upgrade-sink": answer(lines("Status: 101 Switching Protocols"), SINK, { waitEnd: true }),
};

const UPGRADE_FIELDS = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
];
const upgrade = (target: string): string => get(target, ...UPGRADE_FIELDS);

const of = (prefix: string, names: readonly string[]): Case[] => gets(...names.map((name) => prefix + name));

/** The groups of one of the two modules; `more` are directives and cases that only it has. */
export function cgiGroups(
  p: "uwsgi" | "scgi",
  more: { readonly config: string; readonly cases: readonly Case[] },
): Group[] {
  const params = ["QUERY_STRING $query_string", "REQUEST_METHOD $request_method", "REQUEST_URI $request_uri"]
    .concat(p === "uwsgi" ? "CONTENT_LENGTH $content_length" : [])
    .map((param) => `${p}_param ${param};`)
    .join(" ");
  const behaviours = { ...CGI, ...BROKEN, ...UPGRADES };
  const common = { wire: p, behaviours } as const;
  return [
    {
      ...common,
      subject: `${p} requests`,
      files: { params: `${p}_param FROM_FILE yes;\n${p}_param REQUEST_URI $request_uri;\n` },
      config: `
  upstream named { server 127.0.0.1:{backend}; }
  server {
    listen {port};
    server_name test;
    client_body_buffer_size 1k;
    large_client_header_buffers 16 16k;
    client_max_body_size 1m;
    ${params}
    location / { ${p}_pass 127.0.0.1:{backend}; }
    location /named/ { ${p}_pass named; }
    location /unix/ { ${p}_pass unix:{socket}; }
    location /var/ { set $b 127.0.0.1:{backend}; ${p}_pass $b; }
    location /var-named/ { set $b named; ${p}_pass $b; }
    location /var-unix/ { set $b unix:{socket}; ${p}_pass $b; }
    location /var-portless/ { set $b 127.0.0.1; ${p}_pass $b; }
    location /var-path/ { set $b 127.0.0.1:{backend}/x; ${p}_pass $b; }
    location /var-empty/ { set $b ""; ${p}_pass $b; }
    location /if/ { if ($arg_x) { ${p}_pass 127.0.0.1:{backend2}; } ${p}_pass 127.0.0.1:{backend}; }
    location /if-in/ { if ($arg_x) { set $y 1; } ${p}_pass 127.0.0.1:{backend}; }
    location /both/ { proxy_pass http://127.0.0.1:{dead}; if ($arg_x) { ${p}_pass 127.0.0.1:{backend}; } return 204; }
    location /except/ { limit_except GET { deny all; } ${p}_pass 127.0.0.1:{backend}; }
    location /include/ { include {root}/params; ${p}_pass 127.0.0.1:{backend}; }
    location /own/ { ${p}_param REQUEST_URI $request_uri; ${p}_param A 1; ${p}_param A 2; ${p}_param EMPTY ""; ${p}_param SKIPPED "" if_not_empty; ${p}_param VAR $arg_v; ${p}_param SKIPPED_VAR $arg_v if_not_empty; ${p}_param "" nameless; ${p}_pass 127.0.0.1:{backend}; }
    location /http/ { ${p}_param REQUEST_URI $request_uri; ${p}_param HTTP_HOST $host; ${p}_param HTTP_X_GONE ""; ${p}_param HTTP_X_SKIPPED "" if_not_empty; ${p}_param HTTP_X_VAR $arg_v if_not_empty; ${p}_param HTTP_ bare; ${p}_param Http_X_Other no; ${p}_param HTTP_x_lower low; ${p}_pass 127.0.0.1:{backend}; }
    location /no-headers/ { ${p}_pass_request_headers off; ${p}_pass 127.0.0.1:{backend}; }
    location /no-body/ { ${p}_pass_request_body off; ${p}_pass 127.0.0.1:{backend}; }
    location /stream/ { ${p}_request_buffering off; ${p}_pass 127.0.0.1:{backend}; }
    location /underscores/ { ${p}_pass 127.0.0.1:{backend}; }
    location /rewritten/ { rewrite ^/rewritten/(.*)$ /rw/$1?a=b break; ${p}_param REQUEST_URI $request_uri; ${p}_param U $uri; ${p}_param Q $args; ${p}_pass 127.0.0.1:{backend}; }
    location /slash/ { ${p}_pass 127.0.0.1:{backend}; }
    location /slash-var/ { set $b 127.0.0.1:{backend}; ${p}_pass $b; }
    location = /exact/ { ${p}_pass 127.0.0.1:{backend}; }
    location ~ ^/regex/ { ${p}_pass 127.0.0.1:{backend}; }
    location /error/ { error_page 404 = @fallback; }
    location @fallback { ${p}_pass 127.0.0.1:{backend}; }
    ${more.config}
  }`,
      cases: [
        ...gets(
          "/a?b=c",
          "/a%20b//c/../d",
          "/named/x",
          "/unix/x",
          "/var/x",
          "/var-named/x",
          "/var-unix/x",
          "/var-portless/x",
          "/var-path/x",
          "/var-empty/x",
          "/if/x",
          "/if/x?x=1",
          "/if-in/x?x=1",
          "/both/x?x=1",
          "/both/x",
          "/except/x",
          "/include/x",
          "/own/x",
          "/own/x?v=w",
          "/no-headers/x",
          "/rewritten/x?y",
          "/slash",
          "/slash?a=b",
          "/slash-var",
          "/exact",
          "/exact/",
          "/regex/x",
          "/error/x",
        ),
        {
          name: "header lines",
          send: get(
            "/a",
            "User-Agent: t",
            "X-Empty:",
            "X-Odd.Name: o",
            "x-lower: l",
            "Connection: keep-alive",
            "TE: x",
            "X-Byte: \xe9",
          ),
        },
        {
          name: "parameters in the place of header lines",
          send: get("/http/a", "X-Gone: 1", "X-Skipped: 2", "X-Var: 3", "X-Other: 4", "X-Lower: 5", "X-Kept: 6"),
        },
        { name: "parameters with values in the place of header lines", send: get("/http/a?v=new", "X-Var: old") },
        {
          name: "several lines of one name",
          send: get("/a", "X-A: 1", "Cookie: a=b", "x-a: 2", "Cookie: c=d", "X-A: 3"),
        },
        { name: "HEAD", send: request("HEAD", "/a") },
        { name: "HTTP/1.0", send: "GET /a HTTP/1.0\r\n\r\n" },
        { name: "HTTP/1.0 until close", send: "GET /cgi-none HTTP/1.0\r\n\r\n" },
        { name: "POST", send: post("/a", "hello", "Content-Type: text/plain") },
        { name: "POST of nothing", send: post("/a", "") },
        { name: "POST to a file", send: post("/a", "0123456789abcdef".repeat(600)) },
        {
          name: "POST in chunks",
          send: `${request("POST", "/a", "Transfer-Encoding: chunked")}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
        },
        { name: "POST to be refused", send: post("/except/a", "x") },
        { name: "POST to a backend that is not sent it", send: post("/no-body/before-body", "hello") },
        {
          name: "chunks to a backend that is not sent them",
          send: `${request("POST", "/no-body/before-body", "Transfer-Encoding: chunked")}3\r\nabc\r\n0\r\n\r\n`,
        },
        { name: "PUT that came at once", send: `${request("PUT", "/stream/a", "Content-Length: 5")}hello` },
        {
          name: "chunks are not sent as they come",
          send: inPackets(1, request("PUT", "/stream/a", "Transfer-Encoding: chunked"), "3\r\nabc\r\n", "0\r\n\r\n"),
        },
        { name: "many on one connection", send: get("/a") + get("/cgi-none") + get("/cgi-length"), responses: 3 },
        ...more.cases,
      ],
    },
    {
      ...common,
      subject: `${p} responses`,
      files: { "file.txt": "protected file\n" },
      config: `
  server {
    listen {port};
    server_name test;
    ${params}
    location / { ${p}_pass 127.0.0.1:{backend}; }
    location /off/ { ${p}_buffering off; ${p}_pass 127.0.0.1:{backend}; }
    location /small/ { ${p}_buffer_size 1k; ${p}_buffers 2 1k; ${p}_busy_buffers_size 1k; ${p}_max_temp_file_size 0; ${p}_pass 127.0.0.1:{backend}; }
    location /hide/ { ${p}_hide_header X-Powered-By; ${p}_pass_header Status; ${p}_pass_header X-Accel-Expires; ${p}_pass 127.0.0.1:{backend}; }
    location /ignore/ { ${p}_ignore_headers X-Accel-Redirect X-Accel-Limit-Rate; ${p}_pass 127.0.0.1:{backend}; }
    location /limit/ { ${p}_limit_rate 1m; ${p}_pass 127.0.0.1:{backend}; }
    location /intercept/ { ${p}_intercept_errors on; error_page 404 /caught; error_page 401 500 =200 @caught; ${p}_pass 127.0.0.1:{backend}; }
    location /caught { return 200 "caught $uri $upstream_status\\n"; }
    location @caught { return 200 "caught by name $uri $upstream_status\\n"; }
    location /protected/ { internal; alias {root}/; }
    location /vars/ { add_header X-Seen "$upstream_status $upstream_http_status $upstream_http_content_type $upstream_response_length $upstream_addr $proxy_host"; ${p}_pass 127.0.0.1:{backend}; }
  }`,
      cases: [
        ...of("/", Object.keys(CGI)),
        ...of("/", [
          "plain",
          "until-close",
          "no-content",
          "not-modified",
          "created",
          "empty-reason",
          "odd-status",
          "many-fields",
          "ranged",
          "large",
          "charset-type",
          "split-head",
        ]),
        ...of("/off/", [
          "cgi-none",
          "cgi-parts",
          "cgi-large",
          "cgi-length",
          "cgi-length-parts",
          "cgi-204-body",
          "plain",
          "until-close",
        ]),
        ...of("/small/", ["cgi-large", "cgi-large-length", "cgi-parts"]),
        ...of("/hide/", ["cgi-fields", "cgi-status", "cgi-accel-limit"]),
        ...of("/ignore/", ["cgi-accel", "cgi-accel-limit"]),
        ...of("/limit/", ["cgi-large-length"]),
        ...of("/intercept/", ["cgi-status", "cgi-401", "cgi-500", "cgi-503", "cgi-none", "status-404"]),
        ...of("/vars/", ["cgi-status", "cgi-location", "cgi-none", "plain"]),
        ...["cgi-none", "cgi-length", "cgi-204", "cgi-status"].map((name) => ({
          name: `HEAD ${name}`,
          send: request("HEAD", `/${name}`),
        })),
        { name: "range of a body with a length", send: get("/cgi-length", "Range: bytes=1-2") },
      ],
    },
    {
      ...common,
      subject: `${p} broken responses`,
      config: `
  upstream both { server 127.0.0.1:{backend} max_fails=0; server 127.0.0.1:{backend2} backup max_fails=0; }
  upstream refused { server 127.0.0.1:{dead} max_fails=0; server 127.0.0.1:{backend} max_fails=0; }
  upstream down { server 127.0.0.1:{backend} down; }
  server {
    listen {port};
    server_name test;
    ${params}
    location / { ${p}_pass 127.0.0.1:{backend}; }
    location /off/ { ${p}_buffering off; ${p}_pass 127.0.0.1:{backend}; }
    location /dead { ${p}_pass 127.0.0.1:{dead}; }
    location /no-socket { ${p}_pass unix:/nonexistent/x.sock; }
    location /down { ${p}_pass down; }
    location /time/ { ${p}_read_timeout 150ms; ${p}_pass 127.0.0.1:{backend}; }
    location /ignore-abort/ { ${p}_ignore_client_abort on; ${p}_pass 127.0.0.1:{backend}; }
    location /refused/ { ${p}_pass refused; }
    location /both/ { ${p}_pass both; }
    location /next/ { ${p}_next_upstream error timeout http_500 http_503 http_404 invalid_header; ${p}_pass both; }
    location /tries/ { ${p}_next_upstream http_500; ${p}_next_upstream_tries 1; ${p}_pass both; }
    location /non/ { ${p}_next_upstream http_500 non_idempotent; ${p}_pass both; }
  }`,
      cases: [
        ...of("/", Object.keys(BROKEN)),
        ...of("/", [
          "close-at-once",
          "reset-at-once",
          "close-in-head",
          "close-in-body",
          "reset-in-body",
          "bad-length",
          "too-much-body",
          "huge-head",
          "folded-nul",
          "bad-field-name",
        ]),
        ...of("/off/", ["cgi-length-short", "cgi-length-long", "close-in-body", "reset-in-body"]),
        ...of("/time/", ["slow", "slow-body"]),
        ...gets("/dead", "/no-socket", "/down", "/refused/a", "/refused/b"),
        ...of("/both/", ["close-at-once", "cgi-in-head", "cgi-500", "cgi-garbage"]),
        ...of("/next/", ["cgi-500", "cgi-503", "cgi-status", "cgi-garbage", "cgi-status-word", "status-500"]),
        ...of("/tries/", ["cgi-500"]),
        { name: "POST is not sent again", send: post("/next/cgi-500", "abc") },
        { name: "POST is sent again with non_idempotent", send: post("/non/cgi-500", "abc") },
        { name: "client leaves", send: [get("/slow"), { waitUpstream: "/slow" }, RESET], upstreamEnd: true },
        {
          name: "client half-closes",
          send: [get("/slow"), { waitUpstream: "/slow" }, HALF_CLOSE, WAIT_END],
          upstreamEnd: true,
        },
        {
          name: "client leaves and it is ignored",
          send: [get("/ignore-abort/slow"), { waitUpstream: "/slow" }, RESET],
        },
      ],
    },
    {
      ...common,
      subject: `${p} upgrades`,
      config: `
  server {
    listen {port};
    server_name test;
    ${params}
    location / { ${p}_pass 127.0.0.1:{backend}; }
    location /cut/ { ${p}_read_timeout 300ms; ${p}_pass 127.0.0.1:{backend}; }
  }`,
      errorLog: "error",
      cases: [
        ...["/cgi-upgrade", "/upgrade", "/cgi-upgrade-bare"].map((target) => ({
          name: `echo of ${target}`,
          send: [
            upgrade(target),
            { waitFor: "\r\n\r\n" },
            "#1;",
            { waitFor: "#1;" },
            NEXT_PACKET,
            HALF_CLOSE,
            WAIT_END,
          ],
        })),
        {
          name: "early bytes on both sides",
          send: [
            `${upgrade("/cgi-upgrade-early")}client;`,
            { waitFor: "client;" },
            { waitFor: "backend;" },
            HALF_CLOSE,
            WAIT_END,
          ],
        },
        { name: "refused", send: upgrade("/cgi-upgrade-refused") },
        { name: "silent tunnel is cut", send: [upgrade("/cut/cgi-upgrade-sink"), { waitFor: "\r\n\r\n" }, WAIT_END] },
        { name: "ignored", send: upgrade("/cgi-none") },
      ],
    },
  ];
}

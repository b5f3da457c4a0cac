/** What the backend is sent: URI forms of proxy_pass, header fields, methods, bodies. */
import type { Group } from "../case.ts";
import { get, getFrom, gets, post, request } from "../case.ts";

const KEEP = 'proxy_http_version 1.1; proxy_set_header Connection "";';

export const PROXY_REQUESTS: readonly Group[] = [
  {
    subject: "proxy_pass URIs",
    config: `
  upstream named { server 127.0.0.1:{backend}; }
  upstream two.words { server 127.0.0.1:{backend2}; }
  server {
    listen {port};
    ${KEEP}
    location /none/ { proxy_pass http://127.0.0.1:{backend}; }
    location /slash/ { proxy_pass http://127.0.0.1:{backend}/; }
    location /path/ { proxy_pass http://127.0.0.1:{backend}/new/path/; }
    location /noslash { proxy_pass http://127.0.0.1:{backend}/new; }
    location = /exact { proxy_pass http://127.0.0.1:{backend}/for/exact; }
    location /query/ { proxy_pass http://127.0.0.1:{backend}/q?fixed=1; }
    location ~ ^/regex/(.*)$ { proxy_pass http://127.0.0.1:{backend}; }
    location ~ ^/regex-var/(.*)$ { proxy_pass http://127.0.0.1:{backend}/got/$1; }
    location ~ ^/regex-args/(.*)$ { proxy_pass http://127.0.0.1:{backend}/got/$1$is_args$args; }
    location /var-only/ { set $b 127.0.0.1:{backend}; proxy_pass http://$b; }
    location /var-uri/ { set $b 127.0.0.1:{backend}; proxy_pass http://$b/fixed; }
    location /var-request/ { proxy_pass http://127.0.0.1:{backend}$request_uri; }
    location /named/ { proxy_pass http://named; }
    location /named-uri/ { proxy_pass http://named/u/; }
    location /named-var/ { set $n named; proxy_pass http://$n; }
    location /words/ { proxy_pass http://two.words; }
    location /unix/ { proxy_pass http://unix:{socket}; }
    location /unix-uri/ { proxy_pass http://unix:{socket}:/base/; }
    location /rewritten/ { rewrite ^/rewritten/(.*)$ /rw/$1 break; proxy_pass http://127.0.0.1:{backend}; }
    location /rewritten-uri/ { rewrite ^/rewritten-uri/(.*)$ /rw/$1 break; proxy_pass http://127.0.0.1:{backend}/ignored/; }
    location /services/myservice { rewrite /services/myservice/(.*) /$1 break; proxy_redirect off; proxy_pass http://127.0.0.1:{backend}; }
    location /rewrite-args/ { rewrite ^/rewrite-args/(.*)$ /x/$1?added=1 break; proxy_pass http://127.0.0.1:{backend}; }
    location /if/ { if ($arg_x) { proxy_pass http://127.0.0.1:{backend2}; } proxy_pass http://127.0.0.1:{backend}; }
    location /capital/ { proxy_pass HTTP://127.0.0.1:{backend}; }
    location /sp/ { proxy_pass http://127.0.0.1:{backend}/with%20space/; }
    location /nouri-none { proxy_pass http://127.0.0.1:{backend}?only=query; }
    location /limit { limit_except GET { proxy_pass http://127.0.0.1:{backend2}; } proxy_pass http://127.0.0.1:{backend}; }
    location @never { proxy_pass http://127.0.0.1:{backend}; }
  }`,
    cases: [
      ...gets(
        "/none/a?b=c",
        "/none//a/../b%20c",
        "/none/%2e%2e/none/x",
        "/none/a%2Fb?x=%2F",
        "/none/a?",
        "/slash/a?b=c",
        "/slash/",
        "/slash/a%20b",
        "/slash/a%2Fb",
        "/slash//a//b",
        "/slash/a%3Fb%23c",
        "/slash/%C3%A9",
        "/slash/a+b%2Bc",
        '/slash/a"b<c>',
        "/path/x/y?z",
        "/path",
        "/noslash/x",
        "/noslashx",
        "/noslash",
        "/exact?a",
        "/query/x?y=z",
        "/query/x",
        "/regex/a%20b?c",
        "/regex-var/a%20b?c",
        "/regex-var/x",
        "/regex-args/a?b=c",
        "/var-only/a%20b?c=d",
        "/var-uri/a?b",
        "/var-request/a%20b?c",
        "/named/x",
        "/named-uri/x?y",
        "/named-var/x",
        "/words/x",
        "/unix/x?y",
        "/unix-uri/x",
        "/rewritten/a%20b?c=d",
        "/rewritten/a%3fb",
        "/rewritten-uri/a?b",
        "/services/myservice/a/b?c",
        "/services/myservice",
        "/rewrite-args/a?b=c",
        "/if/a",
        "/if/a?x=1",
        "/capital/x",
        "/sp/y",
        "/nouri-none",
        "/nouri-none?a=b",
        "/none/caf\xc3\xa9",
        "/slash/caf\xc3\xa9",
        "/slash/x#y",
      ),
      { name: "absolute URI", send: "GET http://abs.test/none/a?b HTTP/1.1\r\nHost: other\r\n\r\n" },
      {
        name: "absolute URI with a replaced path",
        send: "GET http://abs.test/slash/a?b HTTP/1.1\r\nHost: other\r\n\r\n",
      },
      { name: "HTTP/0.9", send: ["GET /none/nine\r\n", { waitEnd: true }] },
      { name: "limit_except with a proxy_pass of its own", send: post("/limit", "x") },
    ],
  },
  {
    subject: "proxied header fields",
    config: `
  upstream keep { server 127.0.0.1:{backend}; keepalive 4; }
  server {
    listen {port};
    server_name test;
    location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}; }
    location /v10 { proxy_http_version 1.0; proxy_set_header Connection close; proxy_pass http://127.0.0.1:{backend}; }
    location /usual {
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_pass http://127.0.0.1:{backend};
    }
    location /host-raw { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_pass http://127.0.0.1:{backend}; }
    location /remove { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Accept-Encoding ""; proxy_set_header X-A ""; proxy_set_header Host fixed.test:99; proxy_pass http://127.0.0.1:{backend}; }
    location /no-host { proxy_http_version 1.0; proxy_set_header Connection close; proxy_set_header Host ""; proxy_pass http://127.0.0.1:{backend}; }
    location /replace { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header x-a "replaced $http_x_a"; proxy_set_header X-New 1; proxy_set_header X-New 2; proxy_pass http://127.0.0.1:{backend}; }
    location /no-headers { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass_request_headers off; proxy_pass http://127.0.0.1:{backend}; }
    location /no-body { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://127.0.0.1:{backend}; }
    location /no-body-len { proxy_read_timeout 200ms; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass_request_body off; proxy_pass http://127.0.0.1:{backend}; }
    location /set-body { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_body "was [$request_body]"; proxy_pass http://127.0.0.1:{backend}; }
    location /method { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_method PUT; proxy_pass http://127.0.0.1:{backend}; }
    location /method-var { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_method $arg_m; proxy_pass http://127.0.0.1:{backend}; }
    location /upgrade-lines { proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://127.0.0.1:{backend}; }
    location /keep { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://keep; }
    location /te { proxy_read_timeout 200ms; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header TE trailers; proxy_set_header Transfer-Encoding x; proxy_pass http://127.0.0.1:{backend}; }
    location /stream { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off; proxy_pass http://127.0.0.1:{backend}; }
    location /length-mine { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Content-Length 3; proxy_pass http://127.0.0.1:{backend}; }
  }`,
    cases: [
      { name: "plain", send: get("/x") },
      {
        name: "order and case are kept",
        send: get("/x", "user-agent: ua", "ACCEPT: */*", "X-b: 1", "X-a: 2", "cookie: c=1", "X-b: 3"),
      },
      {
        name: "hop-by-hop fields",
        send: get(
          "/x",
          "Connection: keep-alive, X-Hop",
          "Keep-Alive: 300",
          "Proxy-Connection: x",
          "TE: trailers",
          "Trailer: X",
          "Upgrade: h2c",
          "X-Hop: kept",
          "Proxy-Authorization: p",
        ),
      },
      { name: "Expect", send: request("POST", "/x", "Expect: 100-continue", "Content-Length: 1") + "a" },
      {
        name: "WebSocket fields without the lines",
        send: get(
          "/x",
          "Connection: Upgrade",
          "Upgrade: websocket",
          "Sec-WebSocket-Key: k",
          "Sec-WebSocket-Version: 13",
        ),
      },
      {
        name: "WebSocket fields with HTTP/1.0 to the backend",
        send: get("/v10", "Connection: Upgrade", "Upgrade: websocket"),
      },
      { name: "the upgrade lines with a plain request", send: get("/upgrade-lines") },
      {
        name: "conditional and range fields",
        send: get("/x", "If-Modified-Since: x", 'If-None-Match: "x"', "If-Range: x", "Range: bytes=0-1"),
      },
      { name: "Authorization and cookies", send: get("/x", "Authorization: Basic eA==", "Cookie: a=1", "Cookie: b=2") },
      { name: "HTTP/1.0 upstream", send: get("/v10", "X-A: 1") },
      { name: "HTTP/1.0 client", send: "GET /x HTTP/1.0\r\nX-A: 1\r\n\r\n" },
      { name: "usual set", send: getFrom("Test:8080", "/usual", "X-Forwarded-For: 9.9.9.9", "X-Real-IP: fake") },
      { name: "usual set without Host", send: "GET /usual HTTP/1.0\r\n\r\n" },
      { name: "raw host", send: getFrom("TeSt:81", "/host-raw") },
      { name: "raw host is missing", send: "GET /host-raw HTTP/1.0\r\n\r\n" },
      { name: "removed fields", send: get("/remove", "Accept-Encoding: gzip", "X-A: a", "X-B: b") },
      { name: "no Host to the backend", send: get("/no-host") },
      { name: "replaced fields", send: get("/replace", "X-A: a", "X-New: mine") },
      { name: "fields not passed", send: get("/no-headers", "X-A: a", "Cookie: c=1") },
      { name: "fields not passed, with a body", send: post("/no-headers", "abc", "X-A: a") },
      { name: "body not passed", send: post("/no-body", "abc") },
      { name: "body not passed, length kept", send: post("/no-body-len", "abc") },
      { name: "body set", send: post("/set-body", "abc") },
      { name: "body set for a GET", send: get("/set-body") },
      { name: "method set", send: post("/method", "abc") },
      { name: "method set for HEAD", send: request("HEAD", "/method") },
      { name: "method from a variable", send: get("/method-var?m=PURGE") },
      { name: "method from an empty variable", send: get("/method-var") },
      { name: "HEAD", send: request("HEAD", "/x") },
      { name: "unknown method", send: request("PURGE", "/x") },
      { name: "OPTIONS", send: request("OPTIONS", "/x") },
      {
        name: "chunked body becomes a length",
        send: request("POST", "/x", "Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n",
      },
      {
        name: "chunked body stays chunked when streamed",
        send: request("POST", "/stream", "Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n",
      },
      { name: "TE and Transfer-Encoding set", send: get("/te") },
      { name: "length set by the configuration", send: post("/length-mine", "abc") },
      { name: "kept upstream connection", send: get("/keep") + get("/keep") + get("/keep"), responses: 3 },
      { name: "empty fields are passed", send: get("/x", "X-Empty:", "Accept:") },
      { name: "underscores and odd names", send: get("/x", "X_A: 1", "X.B: 2", "X-C: 3") },
    ],
  },
];

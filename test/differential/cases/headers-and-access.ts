/** add_header, expires, allow, deny, limit_except. */
import type { Group } from "../case.ts";
import { get, getFrom, gets, post, request } from "../case.ts";

export const HEADERS_AND_ACCESS: readonly Group[] = [
  {
    subject: "add_header and expires",
    files: { "a.html": "a\n", "dir/index.html": "d\n" },
    config: `
  server {
    listen {port};
    root {root};
    add_header X-Server server;
    location / { }
    location /own { add_header X-Own own; return 200 "own\\n"; }
    location /inherit { return 200 "inherit\\n"; }
    location /errors { return 404; }
    location /always { add_header X-Always yes always; add_header X-Plain yes; return 404; }
    location /codes { add_header X-C c; return 200 x; }
    location /201 { return 201 x; }
    location /204 { return 204; }
    location /301 { return 301 /x; }
    location /304 { return 304; }
    location /307 { return 307 /x; }
    location /308 { return 308 /x; }
    location /403 { return 403; }
    location /empty { add_header X-Empty ""; add_header X-Var $arg_v; return 200 x; }
    location /twice { add_header X-T 1; add_header X-T 2; return 200 x; }
    location /special { add_header Cache-Control no-cache; add_header Last-Modified "Thu, 01 Jan 2015 00:00:00 GMT"; add_header ETag '"mine"'; add_header Server mine; add_header Content-Type text/x; return 200 x; }
    location /if { if ($arg_a) { add_header X-If 1; } return 200 x; }
    location /nested { add_header X-Outer 1; location /nested/in { return 200 x; } location /nested/own { add_header X-In 1; return 200 x; } }
    location /expires/hour { expires 1h; return 200 x; }
    location /expires/past { expires -1; return 200 x; }
    location /expires/zero { expires 0; return 200 x; }
    location /expires/epoch { expires epoch; return 200 x; }
    location /expires/max { expires max; return 200 x; }
    location /expires/off { expires off; return 200 x; }
    location /expires/modified { alias {root}/a.html; expires modified +1d; }
    location /expires/daily { expires @23h59m; return 404; }
    location /expires/error { expires 1h; return 404; }
    location /expires/var { expires $arg_e; return 200 x; }
    location /expires/static { alias {root}/a.html; expires 30d; }
    location /expires/both { expires 1h; add_header Cache-Control public; return 200 x; }
    location /expires/up { expires 1h; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}/many-fields; }
    location /up { add_header X-Added 1; add_header Set-Cookie z=1; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}/many-fields; }
    location /trailer { add_trailer X-Tr "t"; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}/chunked; }
    location /trailer-len { add_trailer X-Tr "t"; return 200 "x"; }
    location /tokens { server_tokens off; return 404; }
  }`,
    cases: [
      ...gets(
        "/a.html",
        "/own",
        "/inherit",
        "/errors",
        "/always",
        "/codes",
        "/201",
        "/204",
        "/301",
        "/304",
        "/307",
        "/308",
        "/403",
        "/empty",
        "/empty?v=1",
        "/twice",
        "/special",
        "/if",
        "/if?a=1",
        "/nested",
        "/nested/in",
        "/nested/own",
        "/expires/hour",
        "/expires/past",
        "/expires/zero",
        "/expires/epoch",
        "/expires/max",
        "/expires/off",
        "/expires/error",
        "/expires/var?e=2h",
        "/expires/var?e=off",
        "/expires/var?e=junk",
        "/expires/static",
        "/expires/both",
        "/expires/up",
        "/up",
        "/trailer",
        "/trailer-len",
        "/tokens",
        "/dir",
      ),
      { name: "304 of a file", send: get("/a.html", "If-Modified-Since: Thu, 01 Jan 2015 00:00:00 GMT") },
      { name: "206 of a file", send: get("/a.html", "Range: bytes=0-0") },
      { name: "400 without a server", send: "GET / HTTP/1.1\r\n\r\n" },
    ],
  },
  {
    subject: "access",
    files: { htpasswd: "joe:{PLAIN}secret\nsha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n" },
    config: `
  server {
    listen {port};
    location /deny { deny all; }
    location /allow { allow 127.0.0.1; deny all; return 200 "never, return comes first\\n"; }
    location /proxy/deny { deny 127.0.0.1; allow all; proxy_pass http://127.0.0.1:{backend}; }
    location /proxy/allow { allow 127.0.0.0/8; deny all; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}; }
    location /proxy/other { allow 10.0.0.0/8; deny all; proxy_pass http://127.0.0.1:{backend}; }
    location /proxy/order { deny 127.0.0.2; allow 127.0.0.1/32; deny 127.0.0.1; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}; }
    location /proxy/v6 { allow ::1; allow fe80::/10; deny all; proxy_pass http://127.0.0.1:{backend}; }
    location /proxy/inherit { deny all; location /proxy/inherit/open { allow all; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}; } location /proxy/inherit/same { proxy_pass http://127.0.0.1:{backend}; } }
    location /proxy/except { limit_except GET POST { deny all; } proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}; }
    location /proxy/except-put { limit_except PUT { allow 127.0.0.1; deny all; } proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}; }
    location /proxy/page { error_page 403 =200 @said; deny all; proxy_pass http://127.0.0.1:{backend}; }
    location @said { return 200 "denied nicely\\n"; }
    location /internal { internal; proxy_pass http://127.0.0.1:{backend}; }
    location /proxy/unix { allow unix:; deny all; proxy_pass http://127.0.0.1:{backend}; }
  }
  server {
    listen unix:{prefix}/gate.sock;
    location / { allow unix:; deny all; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}; }
    location /ip { return 200 "$remote_addr $server_addr $server_port $remote_port\\n"; }
    location /redirect { return 301 /x; }
  }`,
    cases: [
      ...gets(
        "/deny",
        "/allow",
        "/proxy/deny",
        "/proxy/allow",
        "/proxy/other",
        "/proxy/order",
        "/proxy/v6",
        "/proxy/inherit",
        "/proxy/inherit/open",
        "/proxy/inherit/same",
        "/proxy/except",
        "/proxy/except-put",
        "/proxy/page",
        "/internal",
        "/proxy/unix",
      ),
      { name: "limit_except: HEAD goes with GET", send: request("HEAD", "/proxy/except") },
      { name: "limit_except: POST", send: post("/proxy/except", "x") },
      { name: "limit_except: DELETE", send: request("DELETE", "/proxy/except") },
      { name: "limit_except: unknown method", send: request("FOO", "/proxy/except") },
      { name: "denied POST with a body", send: post("/proxy/deny", "body") + get("/proxy/allow"), responses: 2 },
      { name: "through a unix socket", to: { unix: "gate.sock" }, send: getFrom("u", "/") },
      { name: "addresses on a unix socket", to: { unix: "gate.sock" }, send: getFrom("u", "/ip") },
      { name: "redirect on a unix socket", to: { unix: "gate.sock" }, send: getFrom("u", "/redirect") },
    ],
  },
];

/** error_page in all its forms, internal, named locations. */
import type { Group } from "../case.ts";
import { get, gets, post, request } from "../case.ts";

export const ERROR_PAGES: readonly Group[] = [
  {
    subject: "error_page",
    files: { "404.html": "custom 404\n", "50x.html": "custom 50x\n", "plain.html": "plain\n" },
    config: `
  server {
    listen {port};
    root {root};
    error_page 404 /404.html;
    error_page 500 502 503 504 /50x.html;
    location / { }
    location /code200/ { error_page 404 =200 /404.html; }
    location /code-any/ { error_page 404 = /echo; }
    location /code410/ { error_page 404 =410 /404.html; }
    location /url/ { error_page 404 http://other.test/$uri; }
    location /url301/ { error_page 404 =301 http://other.test/; }
    location /url-307/ { error_page 404 =307 http://other.test/a; }
    location /named/ { error_page 404 @named; }
    location /named200/ { error_page 404 =200 @named; }
    location /named-any/ { error_page 404 = @named; }
    location /args/ { error_page 404 = /echo?from=$uri; }
    location /missing-page/ { error_page 404 /no-such-page.html; }
    location /loop/ { error_page 404 /loop/again; }
    location /recursive/ { recursive_error_pages on; error_page 404 = @second; }
    location @second { recursive_error_pages on; error_page 403 = @third; return 403; }
    location @third { return 200 "third $uri\\n"; }
    location /not-recursive/ { error_page 404 = @second2; }
    location @second2 { error_page 403 = @third; return 403; }
    location @named { return 200 "named $uri $request_method\\n"; }
    location /named-proxy/ { error_page 404 = @up; }
    location @up { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}; }
    location /named-nothing/ { error_page 404 = @nothing; }
    location /echo { return 200 "echo $uri $args $request_uri $status\\n"; }
    location /500 { return 500; }
    location /403 { error_page 403 /secret.html; deny all; }
    location = /secret.html { internal; return 200 "secret\\n"; }
    location = /500.html { internal; return 200 "x"; }
    location /internal-direct { internal; }
    location /off { error_page 404 /404.html; return 404 "has a body\\n"; }
    location /return-404 { return 404; }
    location /inherit/ { error_page 403 /50x.html; }
    location /server/ { error_page 405 =200 @named; }
    location /dead { proxy_pass http://127.0.0.1:{dead}; }
    location /dead-custom { error_page 502 =200 /plain.html; proxy_pass http://127.0.0.1:{dead}; }
    location /redirect302 { error_page 302 =200 /plain.html; return 302 /x; }
    location /code204 { error_page 404 =204 /plain.html; return 404; }
    location /hdr/ { add_header X-Always 1 always; add_header X-Ok 2; error_page 404 @hdr; }
    location @hdr { add_header X-Inner 3 always; return 404 "hdr\\n"; }
    location /multi/ { error_page 401 402 403 404 =418 @named; }
    location /vars/ { error_page 404 /$arg_page; }
    location /empty/ { error_page 404 =200 ""; }
    location /post-page { error_page 405 /echo; }
    location /497 { return 497; }
    location /494 { error_page 494 =200 @named; return 494; }
  }
  server {
    listen {port2};
    root {root};
    error_page 400 413 414 @bad;
    client_max_body_size 10;
    large_client_header_buffers 2 512;
    location / { return 200 "ok\\n"; }
    location /up { proxy_pass http://127.0.0.1:{backend}; }
    location @bad { return 200 "bad $status $request_method\\n"; }
  }`,
    cases: [
      ...gets(
        "/none",
        "/code200/x",
        "/code-any/x",
        "/code410/x",
        "/url/x",
        "/url301/x",
        "/url-307/x",
        "/named/x?y=z",
        "/named200/x",
        "/named-any/x",
        "/args/x",
        "/missing-page/x",
        "/loop/x",
        "/recursive/x",
        "/not-recursive/x",
        "/named-proxy/x?q=1",
        "/named-nothing/x",
        "/500",
        "/403",
        "/secret.html",
        "/internal-direct",
        "/off",
        "/return-404",
        "/inherit/x",
        "/dead",
        "/dead-custom",
        "/redirect302",
        "/code204",
        "/hdr/x",
        "/multi/x",
        "/vars/x?page=plain.html",
        "/vars/x?page=nope",
        "/vars/x",
        "/empty/x",
        "/497",
        "/494",
      ),
      { name: "HEAD of a missing file", send: request("HEAD", "/none") },
      { name: "POST becomes GET in an error page", send: post("/code-any/x", "body") },
      { name: "POST to a named location stays POST", send: post("/named-any/x", "body") },
      { name: "POST to a file", send: post("/plain.html", "x") },
      { name: "POST to a file with a page for 405", send: post("/post-page", "x") },
      { name: "POST to a proxied named location", send: post("/named-proxy/x", "body") },
      { name: "page for 400", to: "port2", send: "GET / HTTP/1.1\r\n\r\n" },
      { name: "page for 413", to: "port2", send: post("/up", "more than ten bytes") },
      { name: "page for 414", to: "port2", send: get(`/${"a".repeat(600)}`) },
      { name: "page for 494", to: "port2", send: get("/", `X: ${"a".repeat(600)}`) },
    ],
  },
];

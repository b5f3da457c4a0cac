/** Corners of files, added fields, access rules and logs: aliases that try_files works with, errors that get fields, what is not a file. */
import { NEXT_PACKET } from "../../harness/exchange.ts";
import type { Group } from "../case.ts";
import { get, gets, post, request } from "../case.ts";

const SAME_DATE = "Thu, 01 Jan 2015 00:00:00 GMT";

const paths: Group = {
  subject: "corners of paths",
  errorLog: "error",
  files: {
    "index.html": "root\n",
    "a/index.html": "a index\n",
    "a/file.txt": "a file\n",
    "a/name with space.txt": "space\n",
    "a/in%65.txt": "percent\n",
    "b/deep/er/file.txt": "deep\n",
    "fold.txt/index.html": "folder with a dot\n",
    plain: "plain\n",
    "dirindex/index.html/x": "x",
    "q?.txt": "question\n",
  },
  config: `
  default_type text/plain;
  server {
    listen {port};
    root {root};
    location / { }
    location /re/ { location ~ ^/re/(\\w+)/(.*)$ { alias {root}/$1; try_files /$2 $uri $2 /none =404; } }
    location ~ ^/re-dir/(.*)$ { alias {root}/a; try_files /$1 /$1/ =404; }
    location ~ ^/re-plain/ { alias {root}/plain; }
    location ~ ^/re-index/(.*)$ { alias {root}/$1; }
    location /al { alias {root}/a; try_files $uri /al/file.txt =404; }
    location /al-back/ { alias {root}/a/; try_files nothing /al-back/file.txt; }
    location /al-var/ { alias {root}/a/; try_files nothing $uri/file.txt /al-echo$uri?x=$uri; }
    location /al-nested/ { alias {root}/b/; location /al-nested/deep/ { } location /al-nested/own/ { root {root}/a; } }
    location /al-rewrite/ { alias {root}/a/; rewrite ^/al-rewrite/x$ /elsewhere break; }
    location /al-if/ { alias {root}/a/; if ($arg_x) { add_header X-If yes; } }
    location /al-noslash/ { alias {root}/a; }
    location = /exact { alias {root}/plain; }
    location = /exact-root { root {root}/a; try_files /file.txt =404; }
    location /codes { try_files /none =200; }
    location /codes/204 { try_files /none =204; }
    location /codes/444 { try_files /none =444; }
    location /self { try_files /none /self; }
    location /named-missing { try_files /none @missing; }
    location /tree { try_files /none /plain; }
    location /empty-name { try_files "" =404; }
    location /slash/ { try_files $uri/ $uri =404; }
    location /only-dir/ { try_files /a/ =404; }
    location /idx-dir/ { alias {root}/dirindex/; }
    location /idx-var/ { alias {root}/a/; index $arg_i; }
    location /idx-abs/ { alias {root}/a/; index none.html /plain; }
    location /idx-abs-var/ { alias {root}/a/; index $arg_i none.html; }
    location /not-logged/ { log_not_found off; }
    location /al-echo { return 200 "echo $uri $args\\n"; }
    location /post405 { root {root}; error_page 405 =200 /plain; }
    location /page404 { error_page 404 /plain; }
    location /page404-200 { error_page 404 =200 /plain; }
    location /page-missing { error_page 404 /nowhere; }
    location /types/ { alias {root}/; types { "text/Mine" TXT html; } }
    location /no-type/ { alias {root}/; types { } default_type ""; }
  }`,
  cases: [
    ...gets(
      "/re/a/file.txt",
      "/re/a/",
      "/re/none/x",
      "/re/plain/x",
      "/re-dir/file.txt",
      "/re-dir/",
      "/re-dir/none",
      "/re-plain/x",
      "/re-plain/",
      "/re-index/a/",
      "/re-index/a",
      "/re-index/plain",
      "/al/file.txt",
      "/al/none",
      "/al",
      "/al/",
      "/al-back/x",
      "/al-var/x?y=z",
      "/al-nested/deep/er/file.txt",
      "/al-nested/deep/none",
      "/al-nested/own/x",
      "/al-rewrite/file.txt",
      "/al-rewrite/x",
      "/al-if/file.txt",
      "/al-if/file.txt?x=1",
      "/al-noslash/file.txt",
      "/al-noslash/",
      "/exact",
      "/exact/",
      "/exact-root",
      "/codes/204",
      "/self",
      "/named-missing",
      "/tree",
      "/empty-name",
      "/empty-name/",
      "/slash/a",
      "/only-dir/x",
      "/idx-dir/",
      "/idx-var/?i=file.txt",
      "/idx-var/?i=",
      "/idx-var/?i=/plain",
      "/idx-var/",
      "/idx-abs/?k=v",
      "/idx-abs-var/?i=/plain",
      "/plain/",
      "/plain/x/y/",
      "/plain/x",
      "/not-logged/x",
      "/not-logged/x/",
      "/page404/none",
      "/page404-200/none",
      "/page-missing/x",
      "/fold.txt",
      "/fold.txt/",
      "/a%20b",
      "/a/name%20with%20space.txt",
      "/a/in%2565.txt",
      "/q%3f.txt",
      "/b/deep?q",
      "/types/a/file.txt",
      "/types/index.html",
      "/types/plain",
      "/no-type/plain",
      `/${"x".repeat(300)}`,
      `/${"x".repeat(300)}/`,
      "/b/deep/",
    ),
    // nginx sends nothing and keeps the connection.
    { name: "200 of try_files", send: [get("/codes"), NEXT_PACKET] },
    { name: "444 of try_files", send: [get("/codes/444"), { waitEnd: true }] },
    { name: "POST to a folder", send: post("/a/", "x") },
    { name: "POST to a folder without slash", send: post("/a", "x") },
    { name: "POST to nothing", send: post("/none", "x") },
    { name: "POST that an error page answers", send: post("/post405", "x") },
    { name: "PUT to a folder", send: request("PUT", "/b/deep/", "Content-Length: 0") },
    { name: "HEAD of a folder without slash", send: request("HEAD", "/a") },
    { name: "conditional request for an error page", send: get("/page404/none", `If-Modified-Since: ${SAME_DATE}`) },
    { name: "range of an error page", send: get("/page404/none", "Range: bytes=0-1") },
    { name: "range of an error page as 200", send: get("/page404-200/none", "Range: bytes=0-1") },
    { name: "HTTP/1.0", send: "GET /plain HTTP/1.0\r\n\r\n" },
    { name: "HTTP/1.0 with a range", send: "GET /plain HTTP/1.0\r\nRange: bytes=0-1\r\n\r\n" },
  ],
};

const fields: Group = {
  subject: "corners of added fields",
  errorLog: "error",
  files: { "a.txt": "0123456789", "a.html": "<p>\n" },
  config: `
  default_type text/plain;
  types { text/html html; }
  map $uri $life { default off; /expires/map/a.html epoch; /expires/map/a.txt 1h; }
  add_header X-Http http;
  expires 1m;
  server {
    listen {port};
    root {root};
    location / { expires off; }
    location /always/ { alias {root}/; add_header X-Always a always; add_header X-Not n; expires off; }
    location /lm/ { alias {root}/; add_header Last-Modified "Fri, 02 Jan 2015 00:00:00 GMT"; expires modified 1d; }
    location /lm-gone/ { alias {root}/; add_header Last-Modified ""; expires modified 1d; }
    location /lm-bad/ { alias {root}/; add_header Last-Modified "soon"; }
    location /etag/ { alias {root}/; add_header ETag '"mine"'; }
    location /etag-gone/ { alias {root}/; add_header ETag ""; }
    location /cc/ { alias {root}/; expires 1h; add_header Cache-Control public; add_header Cache-Control private; }
    location /case/ { alias {root}/; add_header last-modified "x"; add_header ETAG "y"; add_header cache-CONTROL z; add_header link l; }
    location /expires/map/ { alias {root}/; expires $life; }
    location /expires/mod-var/ { alias {root}/; expires modified $arg_e; }
    location /expires/neg-mod { alias {root}/a.txt; expires modified -1d; }
    location /expires/sum { expires "1d 12h"; return 200 x; }
    location /expires/inherit { return 200 x; location /expires/inherit/off { expires off; return 200 x; } }
    location /return { expires off; return 200 "return\\n"; }
    location /return-html { expires off; default_type text/html; return 200 "return\\n"; }
    location /return-long { expires off; return 200 "$arg_x$arg_x$arg_x$arg_x$arg_x$arg_x"; }
    location /trailer/ { alias {root}/; add_trailer X-T $uri; add_trailer X-Empty ""; add_trailer X-All a always; }
    location /trailer-404 { add_trailer X-T t; add_trailer X-All a always; return 404; }
    location /trailer-204 { add_trailer X-T t; return 204; }
    location /trailer-in { add_trailer X-T t; location /trailer-in/own { add_trailer X-O o; return 200 o; } location /trailer-in/same { return 200 s; } }
    location /charset { charset utf-8; expires off; location /charset/html { default_type text/html; return 200 x; } location /charset/css { default_type text/css; return 200 x; } location /charset/301 { return 301 /; } location /charset/404 { return 404; } location /charset/off { charset off; return 200 x; } location /charset/var { charset $arg_c; return 200 x; } location /charset/types { charset_types text/css; default_type text/css; return 200 x; } location /charset/up { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}/many-fields; } }
    location /charset-files/ { alias {root}/; charset koi8-r; }
  }`,
  cases: [
    ...gets(
      "/a.txt",
      "/always/a.txt",
      "/always/none",
      "/lm/a.txt",
      "/lm-gone/a.txt",
      "/lm-bad/a.txt",
      "/etag/a.txt",
      "/etag-gone/a.txt",
      "/cc/a.txt",
      "/case/a.txt",
      "/expires/map/a.html",
      "/expires/map/a.txt",
      "/expires/map/none",
      "/expires/mod-var/a.txt?e=epoch",
      "/expires/mod-var/a.txt?e=0",
      "/expires/mod-var/a.txt?e=1d",
      "/expires/mod-var/a.txt",
      "/expires/neg-mod",
      "/expires/sum",
      "/expires/inherit",
      "/expires/inherit/off",
      "/trailer/a.txt",
      "/trailer/none",
      "/trailer-404",
      "/trailer-204",
      "/trailer-in/own",
      "/trailer-in/same",
      "/charset/html",
      "/charset/css",
      "/charset/301",
      "/charset/404",
      "/charset/off",
      "/charset/var?c=abc",
      "/charset/types",
      "/charset/up",
      "/charset-files/a.html",
      "/charset-files/a.txt",
      "/return",
      "/return-html",
      "/return-long?x=0123456789",
    ),
    { name: "HEAD with trailers", send: request("HEAD", "/trailer/a.txt") },
    { name: "trailers to HTTP/1.0", send: "GET /trailer/a.txt HTTP/1.0\r\n\r\n" },
    { name: "range with trailers", send: get("/trailer/a.txt", "Range: bytes=2-3") },
    { name: "304 with trailers", send: get("/trailer/a.txt", `If-Modified-Since: ${SAME_DATE}`) },
    { name: "416 with fields", send: get("/always/a.txt", "Range: bytes=50-") },
    { name: "206 with fields", send: get("/always/a.txt", "Range: bytes=4-") },
    { name: "206 in parts with fields", send: get("/always/a.txt", "Range: bytes=0-1,5-6") },
    { name: "206 in parts with a charset", send: get("/charset-files/a.html", "Range: bytes=0-0,2-2") },
    { name: "304 with fields", send: get("/always/a.txt", `If-Modified-Since: ${SAME_DATE}`) },
    { name: "304 with a charset", send: get("/charset-files/a.txt", `If-Modified-Since: ${SAME_DATE}`) },
    {
      name: "changed Last-Modified is not what is compared",
      send: get("/lm/a.txt", `If-Modified-Since: ${SAME_DATE}`),
    },
    {
      name: "If-Range with a changed Last-Modified",
      send: get("/lm/a.txt", "If-Range: Fri, 02 Jan 2015 00:00:00 GMT", "Range: bytes=0-1"),
    },
    { name: "If-Range with a changed ETag", send: get("/etag/a.txt", 'If-Range: "mine"', "Range: bytes=0-1") },
    { name: "If-None-Match * of a return", send: get("/return", "If-None-Match: *") },
    { name: "If-None-Match of a return", send: get("/return", 'If-None-Match: "x"') },
    { name: "If-Modified-Since of a return", send: get("/return", `If-Modified-Since: ${SAME_DATE}`) },
    { name: "If-Match * of a return", send: get("/return", "If-Match: *") },
    { name: "Range of a return", send: get("/return", "Range: bytes=0-1") },
    { name: "HEAD of a return", send: request("HEAD", "/return-html") },
  ],
};

const rules: Group = {
  subject: "corners of access rules",
  errorLog: "error",
  files: { "a.txt": "a\n", "403.html": "sorry\n" },
  config: `
  default_type text/plain;
  deny 10.0.0.0/8;
  server {
    listen {port};
    listen {port2};
    listen [::1]:{port3};
    root {root};
    error_page 403 /403.html;
    location = /403.html { allow all; }
    location / { }
    location /net/ { alias {root}/; deny 127.0.0.0/30; }
    location /net-not/ { alias {root}/; deny 127.0.0.4/30; }
    location /all-bits/ { alias {root}/; allow 0.0.0.0/0; deny all; }
    location /one/ { alias {root}/; deny 127.0.0.1; }
    location /v6/ { alias {root}/; allow ::1; deny all; }
    location /v6-net/ { alias {root}/; deny ::/0; }
    location /any-none/ { alias {root}/; satisfy any; deny all; }
    location /any/ { alias {root}/; satisfy any; allow 127.0.0.1; deny all; }
    location /nested/ { deny all; location /nested/in/ { alias {root}/; allow all; } location /nested/same/ { alias {root}/; } }
    location /except/ { alias {root}/; limit_except GET { deny all; } }
    location /except-post/ { limit_except POST { allow 10.0.0.1; deny all; } alias {root}/; }
    location /if/ { alias {root}/; deny all; if ($arg_x) { set $y 1; } }
  }`,
  cases: [
    ...[
      "/a.txt",
      "/net/a.txt",
      "/net-not/a.txt",
      "/all-bits/a.txt",
      "/one/a.txt",
      "/v6/a.txt",
      "/v6-net/a.txt",
      "/any-none/a.txt",
      "/any/a.txt",
      "/nested/in/a.txt",
      "/nested/same/a.txt",
      "/except/a.txt",
      "/except-post/a.txt",
      "/if/a.txt",
      "/if/a.txt?x=1",
    ].map((target) => ({ name: `GET ${target}`, send: get(target) })),
    { name: "HEAD under limit_except GET", send: request("HEAD", "/except/a.txt") },
    { name: "POST under limit_except GET", send: post("/except/a.txt", "x") },
    { name: "POST under limit_except POST", send: post("/except-post/a.txt", "x") },
    { name: "DELETE under limit_except GET", send: request("DELETE", "/except/a.txt") },
  ],
};

const logs: Group = {
  subject: "corners of logs",
  errorLog: "error",
  logFields: '$status "$request" $bytes_sent "$sent_http_x_none" $arg_a',
  files: { "there/a.txt": "a\n" },
  config: `
  default_type text/plain;
  log_format Plain '$status $body_bytes_sent';
  log_format odd escape=none '"$arg_a" \${arg_b}c$arg_a$arg_b-$' 'x';
  log_format js escape=json '{"a":"$arg_a","u":"$request_uri","s":$status,"h":"$http_x"}';
  access_log {prefix}/http.log plain;
  map $arg_a $wanted { default 1; no 0; off ""; }
  server {
    listen {port};
    root {root};
    access_log {prefix}/access.log case;
    location / { return 200 "$arg_a\\n"; }
    location /js { access_log {prefix}/js.log js; return 200 x; }
    location /if { access_log {prefix}/if.log PLAIN if=$wanted; return 200 x; }
    location /two-if { access_log {prefix}/two.log plain if=$arg_a; access_log {prefix}/two.log js if=$arg_b; return 404; }
    location /inner-if { if ($arg_a) { access_log {prefix}/inner.log plain; } return 200 x; }
    location /except { limit_except GET { access_log {prefix}/except.log plain; } return 200 x; }
    location /named/ { access_log {prefix}/named-$arg_a.log plain; return 200 x; }
    location /named-gone/ { root {root}/gone; access_log {prefix}/gone-$arg_a.log plain; return 200 x; }
    location /named-dir/ { access_log {prefix}/no/such/$arg_a.log plain; return 200 x; }
    location /cached/ { open_log_file_cache max=2 min_uses=1 inactive=10s valid=1m; access_log {prefix}/cached-$arg_a.log plain; return 200 x; }
    location /off { access_log off; location /off/on { access_log {prefix}/on.log plain; return 200 x; } return 200 x; }
    location /page { error_page 404 /after; access_log {prefix}/page.log plain; return 404; }
    location /after { access_log {prefix}/after.log js; return 200 x; }
    location /read/ { access_log off; etag off; add_header Last-Modified ""; alias {prefix}/; }
  }`.replace("-$' 'x'", "' 'x'"),
  cases: [
    ...gets(
      "/?a=1",
      "/js?a=%22x&b=2",
      "/if?a=yes",
      "/if?a=no",
      "/if?a=off",
      "/two-if?a=1",
      "/two-if?b=1",
      "/two-if?a=0&b=1",
      "/inner-if?a=1",
      "/inner-if",
      "/except",
      "/named/?a=x",
      "/named/?a=y",
      "/named-gone/?a=x",
      "/named-dir/?a=x",
      "/cached/?a=1",
      "/cached/?a=2",
      "/cached/?a=3",
      "/cached/?a=1",
      "/off",
      "/off/on",
      "/page",
    ).filter((one, i, all) => all.findIndex((other) => other.name === one.name) === i),
    { name: "escapes of JSON", send: get("/js?a=\x80", 'X: a"b\\c\td\xff') },
    { name: "POST under limit_except", send: post("/except", "x") },
    ...[
      "http",
      "js",
      "if",
      "two",
      "inner",
      "except",
      "named-x",
      "named-y",
      "gone-x",
      "cached-1",
      "cached-2",
      "cached-3",
      "on",
      "page",
      "after",
    ].map((file) => ({
      name: `what ${file}.log holds`,
      send: [get(`/read/${file}.log`), { waitResponses: 1 }],
    })),
  ],
};

export const FILE_CORNERS: readonly Group[] = [paths, fields, rules, logs];

/** Static files: root, alias, index, try_files, types, ranges, conditions, directory redirects. */
import type { Group } from "../case.ts";
import { get, getFrom, gets, post, request } from "../case.ts";

const LAST_MODIFIED = "Thu, 01 Jan 2015 00:00:00 GMT";
const digits = "0123456789".repeat(100);

const files: Group = {
  subject: "static files",
  errorLog: "error",
  files: {
    "index.html": "<p>root</p>\n",
    "page.html": "<p>page</p>\n",
    "style.css": "a{}",
    "data.JSON": "{}",
    noext: "no extension",
    "unknown.zzz": "zzz",
    "digits.txt": digits,
    "empty.txt": "",
    "big.bin": "0123456789abcdef".repeat(40_000),
    "dir/index.html": "dir index\n",
    "dir/file.txt": "in dir\n",
    "dir/index.txt": "text index\n",
    "noindex/file.txt": "x",
    "with space/a b.txt": "spaces\n",
    "caf\xc3\xa9.txt": "accent\n",
    ".hidden": "hidden\n",
    "a.tar.gz": "gz",
    "fallback.html": "fallback\n",
    "empty/": "",
  },
  config: `
  types { text/html html htm; text/css css; application/json json; text/plain txt; application/gzip gz; }
  default_type application/octet-stream;
  server {
    listen {port};
    server_name test;
    root {root};
    location / { }
    location /alias/ { alias {root}/dir/; }
    location /alias-file { alias {root}/page.html; }
    location ~ ^/alias-re/(.*)$ { alias {root}/dir/$1; }
    location /root2/ { root {root}/..; }
    location /rootvar/ { root $place; set $place {root}; }
    location /try/ { try_files $uri $uri/ /fallback.html; }
    location /try-code/ { try_files $uri =410; }
    location /try-named/ { try_files $uri @fall; }
    location /try-args/ { try_files $uri /echo?q=$uri&$args; }
    location /try-dir/ { root {root}; try_files /dir/ =404; }
    location /try-alias/ { alias {root}/dir/; try_files $uri $uri/ =404; }
    location /try-first { try_files /nope /page.html =404; }
    location /echo { return 200 "echo $uri $args\\n"; }
    location @fall { return 200 "named $uri\\n"; }
    location /idx/ { alias {root}/dir/; index nope.html index.txt index.html; }
    location /idx-abs/ { alias {root}/noindex/; index nope.html /page.html; }
    location /idx-var/ { alias {root}/dir/; index $arg_i index.html; }
    location /no-etag/ { alias {root}/; etag off; }
    location /no-since/ { alias {root}/; if_modified_since off; }
    location /before/ { alias {root}/; if_modified_since before; }
    location /one-range/ { alias {root}/; max_ranges 1; }
    location /no-range/ { alias {root}/; max_ranges 0; }
    location /notypes/ { alias {root}/; types { } default_type text/x-all; }
    location /mytypes/ { alias {root}/; types { text/mine txt; } }
    location /logged/ { alias {root}/; log_not_found off; }
    location /relative/ { absolute_redirect off; alias {root}/; }
    location /portless/ { port_in_redirect off; alias {root}/; }
    location /slow/ { alias {root}/; sendfile on; output_buffers 1 4k; }
    location /direct/ { alias {root}/; sendfile off; }
    location /limit/ { alias {root}/; limit_rate 1m; }
    location /empty_gif { root {root}; error_page 405 =200 /page.html; }
  }`,
  cases: [
    ...gets(
      "/",
      "/index.html",
      "/page.html?x=y",
      "/style.css",
      "/data.JSON",
      "/noext",
      "/unknown.zzz",
      "/empty.txt",
      "/a.tar.gz",
      "/dir",
      "/dir?a=b",
      "/dir/",
      "/dir/file.txt",
      "/noindex/",
      "/noindex",
      "/missing",
      "/missing/",
      "/missing/deep/er",
      "/page.html/",
      "/page.html/x",
      "/with%20space/a%20b.txt",
      "/with%20space",
      "/caf%C3%A9.txt",
      "/.hidden",
      "/dir/../page.html",
      "/dir%2ffile.txt",
      "/alias/file.txt",
      "/alias/",
      "/alias",
      "/alias/none",
      "/alias-file",
      "/alias-re/file.txt",
      "/alias-re/none",
      "/root2/x",
      "/try/page.html",
      "/try/none",
      "/try/",
      "/try-code/none",
      "/try-code/",
      "/try-named/none",
      "/try-args/none?b=c",
      "/try-dir/",
      "/try-alias/file.txt",
      "/try-alias/none",
      "/try-alias/",
      "/try-first",
      "/idx/",
      "/idx-abs/",
      "/idx-var/?i=index.txt",
      "/idx-var/?i=x",
      "/no-etag/page.html",
      "/notypes/page.html",
      "/mytypes/digits.txt",
      "/mytypes/page.html",
      "/logged/none",
      "/relative/dir",
      "/portless/dir",
      "/slow/big.bin",
      "/direct/big.bin",
      "/limit/digits.txt",
      "/empty",
      "/empty/",
      "/rootvar/x",
      "/big.bin",
    ),
    { name: "directory redirect for another Host", send: getFrom("Other:1234", "/dir") },
    { name: "HEAD", send: request("HEAD", "/page.html") },
    { name: "HEAD of a directory", send: request("HEAD", "/dir/") },
    { name: "HEAD of nothing", send: request("HEAD", "/none") },
    { name: "POST", send: post("/page.html", "x") },
    { name: "PUT", send: request("PUT", "/page.html", "Content-Length: 0") },
    { name: "DELETE", send: request("DELETE", "/page.html") },
    { name: "OPTIONS", send: request("OPTIONS", "/page.html") },
    { name: "POST to a directory", send: post("/dir/", "x") },
    { name: "error_page for 405", send: post("/empty_gif", "x") },
    { name: "HTTP/1.0", send: "GET /page.html HTTP/1.0\r\n\r\n" },
    { name: "many on one connection", send: get("/page.html") + get("/big.bin") + get("/style.css"), responses: 3 },
  ],
};

const conditional: Group = {
  subject: "conditional requests and ranges",
  files: { "digits.txt": digits, "empty.txt": "" },
  config: `
  server {
    listen {port};
    root {root};
    default_type text/plain;
    location / { }
    location /off/ { alias {root}/; if_modified_since off; }
    location /before/ { alias {root}/; if_modified_since before; }
    location /one/ { alias {root}/; max_ranges 1; }
    location /none/ { alias {root}/; max_ranges 0; }
    location /noetag/ { alias {root}/; etag off; }
    location /up/ { proxy_pass http://127.0.0.1:{backend}/; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }`,
  cases: [
    ...[
      "bytes=0-9",
      "bytes=5-5",
      "bytes=990-",
      "bytes=-10",
      "bytes=-5000",
      "bytes=0-",
      "bytes=1000-",
      "bytes=999-999",
      "bytes=5-2",
      "bytes=a-b",
      "bytes=",
      "bytes=-",
      "bytes=-0",
      "bytes 0-9",
      "octets=0-9",
      "bytes=0-9,20-29",
      "bytes=0-9, 20-29 ,-6",
      "bytes=0-9,5000-",
      "bytes=5000-,6000-",
      "bytes=0-600,400-999",
      "bytes=0-9999999999999999999999",
      "bytes= 0 - 9",
      "BYTES=0-9",
      "bytes=0-0,0-0,0-0",
      "bytes=0-9;x",
    ].map((range) => ({ name: `Range: ${range}`, send: get("/digits.txt", `Range: ${range}`) })),
    { name: "range of an empty file", send: get("/empty.txt", "Range: bytes=0-1") },
    { name: "HEAD with a range", send: request("HEAD", "/digits.txt", "Range: bytes=0-9") },
    { name: "HEAD with ranges", send: request("HEAD", "/digits.txt", "Range: bytes=0-9,20-29") },
    { name: "range with max_ranges 1", send: get("/one/digits.txt", "Range: bytes=0-9") },
    { name: "ranges with max_ranges 1", send: get("/one/digits.txt", "Range: bytes=0-9,20-29") },
    { name: "range with max_ranges 0", send: get("/none/digits.txt", "Range: bytes=0-9") },
    { name: "If-Range with the date", send: get("/digits.txt", "Range: bytes=0-9", `If-Range: ${LAST_MODIFIED}`) },
    {
      name: "If-Range with another date",
      send: get("/digits.txt", "Range: bytes=0-9", "If-Range: Thu, 01 Jan 2016 00:00:00 GMT"),
    },
    { name: "If-Range with the ETag", send: get("/digits.txt", "Range: bytes=0-9", 'If-Range: "54a48e00-3e8"') },
    { name: "If-Range with another ETag", send: get("/digits.txt", "Range: bytes=0-9", 'If-Range: "no"') },
    { name: "If-Range with a weak ETag", send: get("/digits.txt", "Range: bytes=0-9", 'If-Range: W/"54a48e00-3e8"') },
    { name: "If-Modified-Since the same", send: get("/digits.txt", `If-Modified-Since: ${LAST_MODIFIED}`) },
    { name: "If-Modified-Since later", send: get("/digits.txt", "If-Modified-Since: Thu, 01 Jan 2016 00:00:00 GMT") },
    {
      name: "If-Modified-Since later, before",
      send: get("/before/digits.txt", "If-Modified-Since: Thu, 01 Jan 2016 00:00:00 GMT"),
    },
    { name: "If-Modified-Since the same, off", send: get("/off/digits.txt", `If-Modified-Since: ${LAST_MODIFIED}`) },
    {
      name: "If-Modified-Since RFC 850",
      send: get("/digits.txt", "If-Modified-Since: Thursday, 01-Jan-15 00:00:00 GMT"),
    },
    { name: "If-Modified-Since asctime", send: get("/digits.txt", "If-Modified-Since: Thu Jan  1 00:00:00 2015") },
    { name: "If-Modified-Since nonsense", send: get("/digits.txt", "If-Modified-Since: yesterday") },
    { name: "If-None-Match the same", send: get("/digits.txt", 'If-None-Match: "54a48e00-3e8"') },
    { name: "If-None-Match weak", send: get("/digits.txt", 'If-None-Match: W/"54a48e00-3e8"') },
    { name: "If-None-Match in a list", send: get("/digits.txt", 'If-None-Match: "a", "54a48e00-3e8" , "b"') },
    { name: "If-None-Match *", send: get("/digits.txt", "If-None-Match: *") },
    { name: "If-None-Match another", send: get("/digits.txt", 'If-None-Match: "x"') },
    {
      name: "If-None-Match another, date the same",
      send: get("/digits.txt", 'If-None-Match: "x"', `If-Modified-Since: ${LAST_MODIFIED}`),
    },
    { name: "If-None-Match without an ETag", send: get("/noetag/digits.txt", 'If-None-Match: "54a48e00-3e8"') },
    { name: "If-Match the same", send: get("/digits.txt", 'If-Match: "54a48e00-3e8"') },
    { name: "If-Match *", send: get("/digits.txt", "If-Match: *") },
    { name: "If-Match another", send: get("/digits.txt", 'If-Match: "x"') },
    { name: "If-Match weak", send: get("/digits.txt", 'If-Match: W/"54a48e00-3e8"') },
    { name: "If-Unmodified-Since the same", send: get("/digits.txt", `If-Unmodified-Since: ${LAST_MODIFIED}`) },
    {
      name: "If-Unmodified-Since earlier",
      send: get("/digits.txt", "If-Unmodified-Since: Wed, 01 Jan 2014 00:00:00 GMT"),
    },
    { name: "304 to HEAD", send: request("HEAD", "/digits.txt", 'If-None-Match: "54a48e00-3e8"') },
    { name: "proxied: range is the backend's business", send: get("/up/ranged", "Range: bytes=0-3") },
    { name: "proxied: If-None-Match the same", send: get("/up/ranged", 'If-None-Match: "r1"') },
  ],
};

export const STATIC_FILES: readonly Group[] = [files, conditional];

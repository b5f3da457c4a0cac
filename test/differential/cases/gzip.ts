/** Compression: what is compressed, for whom, and what that does to the head. Bodies are compared decoded. */
import { gzipSync } from "node:zlib";
import { plainAnswer } from "../../harness/recording-backend.ts";
import { type Case, type Group, get, request } from "../case.ts";

const GZ = "Accept-Encoding: gzip";
const text = "all work and no play\n".repeat(50);
const compressed = gzipSync(Buffer.from(text)).latin1Slice();
const LAST_MODIFIED = "Thu, 01 Jan 2015 00:00:00 GMT";

/** GET of one file with each value of Accept-Encoding. */
function accepting(...values: readonly string[]): Case[] {
  return values.map((value) => ({
    name: `Accept-Encoding: ${value === "" ? "(empty)" : value}`,
    send: get("/a.txt", `Accept-Encoding: ${value}`),
  }));
}

const accept: Group = {
  subject: "gzip: Accept-Encoding",
  files: { "a.txt": text },
  logFields: '$status "$sent_http_content_encoding"',
  config: `
  types { text/plain txt; }
  gzip on;
  gzip_types text/plain;
  server { listen {port}; root {root}; }`,
  cases: [
    { name: "none", send: get("/a.txt") },
    { name: "two lines, gzip second", send: get("/a.txt", "Accept-Encoding: br", GZ) },
    { name: "two lines, gzip first", send: get("/a.txt", GZ, "Accept-Encoding: br") },
    ...accepting(
      "",
      "gzip",
      "GZIP",
      "gzip, deflate, br",
      "deflate, gzip",
      "deflate,gzip",
      "deflate;gzip",
      "x-gzip",
      "xgzip",
      "gzipx",
      "xgzipgzip",
      "gzip gzip",
      "gzi",
      "*",
      "identity",
      "gzip;q=1",
      "gzip;q=0",
      "gzip;q=0.",
      "gzip;q=0.0",
      "gzip;q=0.001",
      "gzip;q=0.000",
      "gzip;q=0.0000",
      "gzip;q=0.1234",
      "gzip;q=1.000",
      "gzip;q=1.001",
      "gzip;q=1.",
      "gzip;q=2",
      "gzip; q=0.5",
      "gzip ; q=0.5",
      "gzip;Q=0.5",
      "gzip;q =0.5",
      "gzip;q= 0.5",
      "gzip;q=0.5;x",
      "gzip;q=0.5, deflate",
      "gzip;q=0, gzip",
      "gzip;q",
      "gzip;q=",
      "gzip;",
      "gzip;x=1",
      "gzip;level=9;q=1",
      "gzip,;q=0",
      "deflate, gzip;q=0",
      "br;q=1.0, gzip;q=0.8, *;q=0.1",
    ),
  ],
};

const NO_STORE = "Cache-Control: no-store";

const heads: Group = {
  subject: "gzip: heads and bodies",
  files: {
    "a.txt": text,
    "page.html": `<p>${text}</p>`,
    "short.txt": "nineteen bytes long",
    "twenty.txt": "exactly twenty bytes",
    "empty.txt": "",
    "big.txt": "0123456789abcdef".repeat(40_000),
    "data.json": JSON.stringify({ text }),
    noext: text,
  },
  behaviours: {
    tagged: {
      steps: [
        plainAnswer(text, 'ETag: "abc"', "Accept-Ranges: bytes", `Last-Modified: ${LAST_MODIFIED}`, "Vary: Cookie"),
      ],
    },
    "weak-tag": { steps: [plainAnswer(text, 'ETag: W/"abc"')] },
    "bare-tag": { steps: [plainAnswer(text, "ETag: abc")] },
    "empty-tag": { steps: [plainAnswer(text, "ETag:")] },
    "small-tag": { steps: [plainAnswer(text, 'eTag: "x"')] },
    encoded: { steps: [plainAnswer(compressed, "Content-Encoding: gzip")] },
    "encoded-br": { steps: [plainAnswer("not really brotli, but said so", "Content-Encoding: br")] },
    "encoded-empty": { steps: [plainAnswer(text, "Content-Encoding:")] },
    typed: { steps: [plainAnswer(text).replace("text/plain", "text/plain; charset=utf-8")] },
    "typed-blank": { steps: [plainAnswer(text).replace("text/plain", "text/plain ; charset=utf-8")] },
    "typed-other": { steps: [plainAnswer(text).replace("text/plain", "text/plain; format=flowed")] },
    "typed-capitals": { steps: [plainAnswer(text).replace("text/plain", "Text/Plain")] },
    chunked: {
      steps: [
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n",
        `5\r\nhello\r\n400\r\n${"x".repeat(1024)}\r\n`,
        "0\r\n\r\n",
      ],
    },
    "chunked-empty": {
      steps: ["HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    },
    "until-close": { steps: ["HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", text, { fin: true }] },
    large: { steps: [plainAnswer("0123456789abcdef".repeat(40_000))] },
    "other-status": { steps: [plainAnswer(text).replace("200 OK", "201 Created")] },
    "status-403": { steps: [plainAnswer(text).replace("200 OK", "403 No")] },
    "status-500": { steps: [plainAnswer(text).replace("200 OK", "500 Oops")] },
    accel: { steps: [plainAnswer("unseen", "X-Accel-Redirect: /a.txt")] },
  },
  config: `
  types { text/plain txt; text/html html; application/json json; }
  default_type application/octet-stream;
  gzip on;
  gzip_types text/plain;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  server {
    listen {port};
    root {root};
    location / { }
    location /vary/ { alias {root}/; gzip_vary on; }
    location /off/ { alias {root}/; gzip off; gzip_vary on; }
    location /all/ { alias {root}/; gzip_types *; gzip_vary on; }
    location /json/ { alias {root}/; gzip_types application/json; }
    location /none/ { alias {root}/; default_type ""; gzip_types *; }
    location /min0/ { alias {root}/; gzip_min_length 0; }
    location /min1k/ { alias {root}/; gzip_min_length 1k; }
    location /level9/ { alias {root}/; gzip_comp_level 9; gzip_window 512; gzip_hash 512; gzip_buffers 4 8k; }
    location /level5/ { alias {root}/; gzip_comp_level 5; }
    location /charset/ { alias {root}/; charset utf-8; charset_types text/plain; }
    location /http10/ { alias {root}/; gzip_http_version 1.0; gzip_vary on; }
    location /unchunked/ { alias {root}/; chunked_transfer_encoding off; }
    location /added/ { alias {root}/; add_header X-Added yes; add_header Vary Cookie; gzip_vary on; expires 1h; }
    location /etag-off/ { alias {root}/; etag off; }
    location /if/ { alias {root}/; gzip off; if ($arg_z) { gzip on; } }
    location = /hello { return 200 "${"hello ".repeat(20)}"; default_type text/plain; }
    location = /nothing { return 200 ""; default_type text/plain; gzip_min_length 0; }
    location = /go { return 301 /hello; }
    location = /denied { deny all; gzip_vary on; }
    location = /gone { return 410; }
    location = /page { error_page 404 /a.txt; return 404; }
    location = /page-ok { error_page 404 =200 /a.txt; return 404; }
    location = /page-502 { error_page 502 /a.txt; return 502; }
    location = /trailer { alias {root}/a.txt; default_type text/plain; add_trailer X-Trail end; }
    location /up/ { proxy_pass http://127.0.0.1:{backend}; gzip_vary on; }
    location /ranged/ { proxy_pass http://127.0.0.1:{backend}; }
    location /unbuffered/ { proxy_pass http://127.0.0.1:{backend}; proxy_buffering off; }
    location /plain/ { proxy_pass http://127.0.0.1:{backend}; gzip off; }
    location /off-then-on/ { gzip off; location /off-then-on/x/ { alias {root}/; gzip on; } }
    location /limited/ { alias {root}/; limit_rate 500k; }
  }`,
  cases: [],
};

/** GET with and without `Accept-Encoding: gzip`. */
function bothWays(...targets: readonly string[]): Case[] {
  return targets.flatMap((target) => [
    { name: `GET ${target}, gzip`, send: get(target, GZ) },
    { name: `GET ${target}, plain`, send: get(target) },
  ]);
}

/** GET that names what the backend does. */
function asking(location: string, ...names: readonly string[]): Case[] {
  return names.map((name) => ({
    name: `${location}${name}`,
    send: get(`${location}${name}`, GZ, `X-Behave: ${name}`),
  }));
}

const headCases: readonly Case[] = [
  ...bothWays("/a.txt", "/page.html", "/short.txt", "/twenty.txt", "/empty.txt", "/big.txt", "/data.json", "/noext"),
  ...bothWays("/vary/a.txt", "/vary/short.txt", "/vary/data.json", "/off/a.txt", "/all/data.json", "/all/noext"),
  ...bothWays("/json/data.json", "/json/a.txt", "/json/page.html", "/none/noext", "/min0/empty.txt", "/min0/short.txt"),
  ...bothWays("/min1k/a.txt", "/min1k/twenty.txt", "/level9/a.txt", "/level9/big.txt", "/level5/big.txt"),
  ...bothWays("/charset/a.txt", "/added/a.txt", "/etag-off/a.txt", "/if/a.txt", "/if/a.txt?z=1", "/unchunked/a.txt"),
  ...bothWays("/hello", "/nothing", "/go", "/denied", "/gone", "/missing", "/vary/missing", "/page", "/page-ok"),
  ...bothWays("/page-502", "/trailer", "/off-then-on/x/a.txt", "/limited/big.txt"),
  { name: "HEAD", send: request("HEAD", "/a.txt", GZ) },
  { name: "HEAD of a short file", send: request("HEAD", "/vary/short.txt", GZ) },
  { name: "HEAD of a page", send: request("HEAD", "/missing", GZ) },
  { name: "HEAD of a return", send: request("HEAD", "/hello", GZ) },
  { name: "HEAD of an upstream", send: request("HEAD", "/up/", GZ) },
  { name: "HTTP/1.0", send: `GET /vary/a.txt HTTP/1.0\r\n${GZ}\r\n\r\n` },
  { name: "HTTP/1.0 with gzip_http_version 1.0", send: `GET /http10/a.txt HTTP/1.0\r\n${GZ}\r\n\r\n` },
  {
    name: "HTTP/1.0 keep-alive with gzip_http_version 1.0",
    send: `GET /http10/a.txt HTTP/1.0\r\nConnection: keep-alive\r\n${GZ}\r\n\r\n`,
  },
  { name: "a large file in HTTP/1.0", send: `GET /http10/big.txt HTTP/1.0\r\n${GZ}\r\n\r\n` },
  { name: "a range", send: get("/a.txt", GZ, "Range: bytes=0-9") },
  { name: "a range without gzip", send: get("/a.txt", "Range: bytes=0-9") },
  { name: "a range of a short file", send: get("/short.txt", GZ, "Range: bytes=0-9") },
  { name: "a bad range", send: get("/a.txt", GZ, "Range: bytes=99999-") },
  { name: "a range of an upstream's response", send: get("/ranged/x", GZ, "X-Behave: tagged", "Range: bytes=0-9") },
  { name: "not modified since", send: get("/vary/a.txt", GZ, `If-Modified-Since: ${LAST_MODIFIED}`) },
  { name: "another tag", send: get("/a.txt", GZ, 'If-None-Match: "x"') },
  { name: "the strong tag", send: get("/a.txt", GZ, 'If-None-Match: "54a48e00-41a"') },
  { name: "the weak tag", send: get("/a.txt", GZ, 'If-None-Match: W/"54a48e00-41a"') },
  { name: "If-Match with the strong tag", send: get("/a.txt", GZ, 'If-Match: "54a48e00-41a"') },
  { name: "pipelined", send: get("/a.txt", GZ) + get("/short.txt", GZ) + get("/hello", GZ), responses: 3 },
  {
    name: "two on one connection",
    send: [get("/a.txt", GZ), { waitResponses: 1 }, get("/a.txt"), { waitResponses: 2 }],
  },
  ...asking("/up/", "tagged", "weak-tag", "bare-tag", "empty-tag", "small-tag", "encoded", "encoded-br"),
  ...asking("/up/", "encoded-empty", "typed", "typed-blank", "typed-other", "typed-capitals", "chunked"),
  ...asking("/up/", "chunked-empty", "until-close", "large", "other-status", "status-403", "status-500", "accel"),
  ...asking("/unbuffered/", "tagged", "chunked", "chunked-empty", "until-close", "large"),
  ...asking("/plain/", "encoded", "chunked"),
];

/** Responses to requests that a proxy passed on. */
function viaProxy(...names: readonly string[]): Case[] {
  return names.flatMap((name) =>
    ["off", "any", "expired", "no-cache", "no-store", "private", "no-lm", "no-etag", "auth", "several"].map(
      (place) => ({
        name: `${name} through a proxy, ${place}`,
        send: get(`/${place}/`, GZ, "Via: 1.1 cache", `X-Behave: ${name}`),
      }),
    ),
  );
}

const proxied: Group = {
  subject: "gzip: proxies and browsers",
  files: { "a.txt": text },
  logFields: '$status "$sent_http_content_encoding" "$http_user_agent"',
  behaviours: {
    bare: { steps: [plainAnswer(text)] },
    "expired-long-ago": { steps: [plainAnswer(text, `Expires: ${LAST_MODIFIED}`)] },
    "expires-in-2100": { steps: [plainAnswer(text, "Expires: Fri, 01 Jan 2100 00:00:00 GMT")] },
    "expired-by-its-date": {
      steps: [plainAnswer(text, "Date: Sat, 01 Jan 2101 00:00:00 GMT", "Expires: Fri, 01 Jan 2100 00:00:00 GMT")],
    },
    "expires-after-its-date": {
      steps: [plainAnswer(text, "Date: Wed, 01 Jan 2014 00:00:00 GMT", `Expires: ${LAST_MODIFIED}`)],
    },
    "bad-expires": { steps: [plainAnswer(text, "Expires: 0")] },
    "no-cache": { steps: [plainAnswer(text, "Cache-Control: no-cache")] },
    "no-store": { steps: [plainAnswer(text, NO_STORE)] },
    "no-store-second": { steps: [plainAnswer(text, "Cache-Control: max-age=5 , No-Store")] },
    "no-store-valued": { steps: [plainAnswer(text, "Cache-Control: no-store=1")] },
    "private-field": { steps: [plainAnswer(text, 'Cache-Control: private="x"')] },
    private: { steps: [plainAnswer(text, "Cache-Control: max-age=1", "Cache-Control: private")] },
    "max-age": { steps: [plainAnswer(text, "Cache-Control: max-age=100")] },
    dated: { steps: [plainAnswer(text, `Last-Modified: ${LAST_MODIFIED}`)] },
    tagged: { steps: [plainAnswer(text, 'ETag: "x"')] },
  },
  config: `
  types { text/plain txt; }
  gzip on;
  gzip_types text/plain;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  server {
    listen {port};
    root {root};
    location /off/ { proxy_pass http://127.0.0.1:{backend}; gzip_proxied off; }
    location /any/ { proxy_pass http://127.0.0.1:{backend}; gzip_proxied any; }
    location /expired/ { proxy_pass http://127.0.0.1:{backend}; gzip_proxied expired; }
    location /no-cache/ { proxy_pass http://127.0.0.1:{backend}; gzip_proxied no-cache; }
    location /no-store/ { proxy_pass http://127.0.0.1:{backend}; gzip_proxied no-store; }
    location /private/ { proxy_pass http://127.0.0.1:{backend}; gzip_proxied private; }
    location /no-lm/ { proxy_pass http://127.0.0.1:{backend}; gzip_proxied no_last_modified; }
    location /no-etag/ { proxy_pass http://127.0.0.1:{backend}; gzip_proxied no_etag; }
    location /auth/ { proxy_pass http://127.0.0.1:{backend}; gzip_proxied auth; }
    location /several/ {
      proxy_pass http://127.0.0.1:{backend};
      gzip_proxied expired no-cache;
      gzip_proxied no-store private no_last_modified no_etag auth;
    }
    location /dated/ { proxy_pass http://127.0.0.1:{backend}; gzip_proxied expired; proxy_pass_header Date; }
    location /file/ { alias {root}/; gzip_proxied no_last_modified no_etag; }
    location /file-any/ { alias {root}/; gzip_proxied any; }
    location /file-expires/ { alias {root}/; gzip_proxied expired; expires -1; }
    location /file-later/ { alias {root}/; gzip_proxied expired; expires 1d; }
    location /file-epoch/ { alias {root}/; gzip_proxied no-cache; expires epoch; }
    location /agents/ { alias {root}/; gzip_disable msie6 "Bad(Bot|Crawler)" ^curl; }
    location /msie/ { alias {root}/; gzip_disable "msie6"; }
    location /degraded/ { alias {root}/; gzip_disable degradation; }
  }`,
  cases: [
    ...viaProxy(
      "bare",
      "expired-long-ago",
      "expires-in-2100",
      "bad-expires",
      "no-cache",
      "no-store",
      "no-store-second",
    ),
    ...viaProxy("no-store-valued", "private-field", "private", "max-age", "dated", "tagged"),
    { name: "authorized through a proxy", send: get("/auth/", GZ, "Via: 1.0 x", "Authorization: Basic x") },
    { name: "an empty Via", send: get("/off/", GZ, "Via:") },
    ...["expired-long-ago", "expired-by-its-date", "expires-after-its-date"].map((name) => ({
      name: `a Date of the upstream's own, ${name}`,
      send: get("/dated/", GZ, "Via: x", `X-Behave: ${name}`),
    })),
    ...["/file/a.txt", "/file-any/a.txt", "/file-expires/a.txt", "/file-later/a.txt", "/file-epoch/a.txt"].map(
      (target) => ({ name: `${target} through a proxy`, send: get(target, GZ, "Via: 1.1 x") }),
    ),
    ...[
      "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)",
      "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)",
      "Mozilla/4.0 (compatible; MSIE 5.5; Windows NT 5.0)",
      "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 5.1)",
      "Mozilla/4.0 (compatible; MSIE 6.0; Windows) Opera 9",
      "MSIE 6.",
      "BadBot/1.0",
      "badcrawler",
      "curl/8",
      "not curl",
    ].flatMap((agent) =>
      ["/agents/", "/msie/", "/degraded/"].map((place) => ({
        name: `${place} for ${agent}`,
        send: get(`${place}a.txt`, GZ, `User-Agent: ${agent}`),
      })),
    ),
  ],
};

const staticFiles: Group = {
  subject: "gzip: files that are compressed already",
  errorLog: "error",
  files: {
    "a.txt": text,
    "a.txt.gz": gzipSync(Buffer.from("from the compressed file\n")).latin1Slice(),
    "plain.txt": text,
    "only.txt.gz": gzipSync(Buffer.from("only compressed\n")).latin1Slice(),
    "folder.txt": text,
    "folder.txt.gz/": "",
    "page.html": `<p>${text}</p>`,
    "page.html.gz": gzipSync(Buffer.from("<p>compressed</p>")).latin1Slice(),
    "index.html": "<p>index</p>",
    "index.html.gz": gzipSync(Buffer.from("<p>compressed index</p>")).latin1Slice(),
  },
  config: `
  types { text/plain txt; text/html html; }
  server {
    listen {port};
    root {root};
    location / { gzip_static on; max_ranges 0; }
    location /vary/ { alias {root}/; gzip_static on; gzip_vary on; max_ranges 0; }
    location /always/ { alias {root}/; gzip_static always; max_ranges 0; }
    location /off/ { alias {root}/; gzip_static off; max_ranges 0; }
    location /both/ { alias {root}/; gzip_static on; gzip on; gzip_types *; gzip_vary on; max_ranges 0; }
    location /proxied/ { alias {root}/; gzip_static on; gzip_proxied any; max_ranges 0; }
    location /http10/ { alias {root}/; gzip_static on; gzip_http_version 1.0; max_ranges 0; }
  }`,
  cases: [
    ...bothWays("/a.txt", "/plain.txt", "/only.txt", "/folder.txt", "/page.html", "/", "/a.txt.gz", "/none.txt"),
    ...bothWays("/vary/a.txt", "/vary/plain.txt", "/vary/only.txt", "/vary/folder.txt", "/vary/none.txt"),
    ...bothWays("/always/a.txt", "/always/plain.txt", "/always/only.txt", "/always/", "/off/a.txt"),
    ...bothWays("/both/a.txt", "/both/plain.txt", "/both/page.html", "/both/none.txt"),
    { name: "HEAD", send: request("HEAD", "/a.txt", GZ) },
    { name: "POST", send: request("POST", "/a.txt", GZ, "Content-Length: 0") },
    { name: "not modified since", send: get("/vary/a.txt", GZ, `If-Modified-Since: ${LAST_MODIFIED}`) },
    { name: "through a proxy", send: get("/a.txt", GZ, "Via: x") },
    { name: "through a proxy that may", send: get("/proxied/a.txt", GZ, "Via: x") },
    { name: "HTTP/1.0", send: `GET /a.txt HTTP/1.0\r\n${GZ}\r\n\r\n` },
    { name: "HTTP/1.0 that may", send: `GET /http10/a.txt HTTP/1.0\r\n${GZ}\r\n\r\n` },
  ],
};

const ratio: Group = {
  subject: "gzip: $gzip_ratio",
  files: { "a.txt": text },
  logFields: '$status "$known"',
  config: `
  types { text/plain txt; }
  gzip on;
  gzip_types text/plain;
  map $gzip_ratio $known { "" none; "~^\\d+\\.\\d\\d$" number; default other; }
  server {
    listen {port};
    root {root};
    location /off/ { alias {root}/; gzip off; }
  }`,
  cases: [...bothWays("/a.txt", "/off/a.txt", "/missing"), { name: "HEAD", send: request("HEAD", "/a.txt", GZ) }],
};

export const GZIP: readonly Group[] = [accept, { ...heads, cases: headCases }, proxied, staticFiles, ratio];

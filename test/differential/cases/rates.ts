/** limit_rate from every side, proxy_limit_rate, keepalive_disable: what arrives in the end, and what is logged. */
import { WAIT_END } from "../../harness/exchange.ts";
import type { Case, Group } from "../case.ts";
import { get, gets, post, request } from "../case.ts";

const bytes = (count: number): string => "0123456789".repeat(count / 10);
/** At 2k a second this takes a second or two. */
const BODY = bytes(4000);

const answer = (...fields: readonly string[]): string =>
  ["HTTP/1.1 200 OK", ...fields, "Content-Type: text/plain", `Content-Length: ${BODY.length}`, "", BODY].join("\r\n");
const chunked = (...fields: readonly string[]): string =>
  ["HTTP/1.1 200 OK", ...fields, "Transfer-Encoding: chunked", "", BODY.length.toString(16), BODY, "0", "", ""].join(
    "\r\n",
  );

const rates: Group = {
  subject: "rates",
  errorLog: "info",
  logFields: '$status "$request" $request_completion [$limit_rate] [$sent_http_content_length]',
  files: { "file.txt": BODY, "small.txt": "small\n" },
  behaviours: {
    body: { steps: [answer()] },
    chunks: { steps: [chunked()] },
    "rate-2k": { steps: [answer("X-Accel-Limit-Rate: 2000")] },
    "rate-0": { steps: [answer("X-Accel-Limit-Rate: 0")] },
    "rate-bad": { steps: [answer("X-Accel-Limit-Rate: 2k")] },
    "rate-negative": { steps: [answer("X-Accel-Limit-Rate: -1")] },
    "rate-unbuffered": { steps: [answer("X-Accel-Limit-Rate: 2000", "X-Accel-Buffering: no")] },
    "to-file": { steps: [answer("X-Accel-Redirect: /files/file.txt", "X-Accel-Limit-Rate: 2000")] },
    "to-limited": { steps: [answer("X-Accel-Redirect: /limited/file.txt", "X-Accel-Limit-Rate: 0")] },
  },
  config: `
  server {
    listen {port};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location / { proxy_pass http://127.0.0.1:{backend}; }
    location /files/ { alias {root}/; }
    location /limited/ { limit_rate 2k; alias {root}/; }
    location /plenty/ { limit_rate 100m; alias {root}/; }
    location /after/ { limit_rate 1; limit_rate_after 10k; alias {root}/; }
    location /after-some/ { limit_rate 1k; limit_rate_after 2k; alias {root}/; }
    location /variable/ { limit_rate $arg_rate; limit_rate_after $arg_after; alias {root}/; }
    location /set/ { set $limit_rate 2k; alias {root}/; }
    location /set-0/ { limit_rate 1; set $limit_rate 0; alias {root}/; }
    location /set-bad/ { set $limit_rate nonsense; alias {root}/; }
    location /if/ { if ($arg_slow) { limit_rate 2k; } alias {root}/; }
    location /returned { limit_rate 2k; return 200 "${bytes(3000)}"; }
    location /proxied/ { limit_rate 2k; proxy_pass http://127.0.0.1:{backend}; }
    location /unbuffered/ { limit_rate 2k; proxy_buffering off; proxy_pass http://127.0.0.1:{backend}; }
    location /wins/ { limit_rate 1; proxy_pass http://127.0.0.1:{backend}; }
    location /ignored/ { proxy_ignore_headers X-Accel-Limit-Rate; proxy_pass http://127.0.0.1:{backend}; }
    location /read/ { proxy_limit_rate 2k; proxy_pass http://127.0.0.1:{backend}; }
    location /read-unbuffered/ { proxy_limit_rate 1; proxy_buffering off; proxy_pass http://127.0.0.1:{backend}; }
    location /read-plenty/ { proxy_limit_rate 100m; proxy_pass http://127.0.0.1:{backend}; }
    location /read-after/ { proxy_limit_rate 1000; limit_rate 100k; proxy_pass http://127.0.0.1:{backend}; }
    location /read-0/ { proxy_limit_rate 0; proxy_pass http://127.0.0.1:{backend}; }
  }`,
  cases: [
    ...gets(
      "/limited/small.txt",
      "/limited/file.txt",
      "/plenty/file.txt",
      "/after/file.txt",
      "/after-some/file.txt",
      "/variable/file.txt?rate=100k",
      "/variable/file.txt?rate=0",
      "/variable/file.txt",
      "/variable/file.txt?rate=bad",
      "/variable/file.txt?rate=1&after=10k",
      "/variable/file.txt?rate=100k&after=bad",
      "/set/file.txt",
      "/set-0/file.txt",
      "/set-bad/file.txt",
      "/if/file.txt",
      "/if/file.txt?slow=1",
      "/returned",
      "/proxied/body",
      "/proxied/chunks",
      "/unbuffered/body",
      "/unbuffered/chunks",
      "/rate-2k",
      "/rate-0",
      "/rate-bad",
      "/rate-negative",
      "/rate-unbuffered",
      "/wins/rate-0",
      "/ignored/rate-2k",
      "/to-file",
      "/to-limited",
      "/read-plenty/body",
      "/read-0/body",
    ),
    // nginx may rest once more when all has been read, before it logs the request.
    ...["/read/body", "/read/chunks", "/read-unbuffered/body", "/read-after/body"].map(
      (target): Case => ({ name: `GET ${target}`, send: [get(target, "Connection: close"), WAIT_END] }),
    ),
    { name: "HEAD of a limited file", send: request("HEAD", "/limited/file.txt") },
    { name: "range of a limited file", send: get("/limited/file.txt", "Range: bytes=0-9") },
    { name: "small ones on one connection", send: get("/limited/small.txt").repeat(3), responses: 3 },
    { name: "limited, then not", send: get("/limited/file.txt") + get("/files/file.txt"), responses: 2 },
    { name: "HTTP/1.0 and limited", send: "GET /limited/file.txt HTTP/1.0\r\n\r\n" },
    { name: "404 and limited", send: get("/limited/none") },
  ],
};

const BROWSERS: readonly (readonly [name: string, agent: string])[] = [
  ["MSIE 4", "Mozilla/4.0 (compatible; MSIE 4.01; Windows 98)"],
  ["MSIE 5", "Mozilla/4.0 (compatible; MSIE 5.5; Windows NT 5.0)"],
  ["MSIE 6", "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)"],
  ["MSIE 6 SV1", "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)"],
  ["MSIE 7", "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.0)"],
  ["Opera as MSIE 6", "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1) Opera 8.5"],
  ["Safari", "Mozilla/5.0 (Macintosh; U; Intel Mac OS X; en) AppleWebKit/419 (KHTML, like Gecko) Safari/419.3"],
  ["Safari elsewhere", "Mozilla/5.0 (Windows; U; Windows NT 5.1; en) AppleWebKit/419 (KHTML, like Gecko) Safari/419.3"],
  [
    "Chrome on a Mac",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
  ],
  ["Gecko", "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"],
  ["Konqueror", "Mozilla/5.0 (compatible; Konqueror/4.5; Linux) KHTML/4.5 (like Gecko)"],
  ["MSIE alone", "MSIE 6."],
  ["MSIE at the end", "xMSIE 6"],
  ["lower case", "mozilla/4.0 (compatible; msie 6.0)"],
];

const browsers: Group = {
  subject: "keepalive_disable",
  errorLog: "info",
  config: `
  server {
    listen {port};
    location /default { return 200 "x"; }
    location /none { keepalive_disable none; return 200 "x"; }
    location /msie6 { keepalive_disable msie6; return 200 "x"; }
    location /safari { keepalive_disable safari; return 200 "x"; }
    location /both { keepalive_disable msie6 safari; return 200 "x"; }
  }`,
  cases: BROWSERS.flatMap(([name, agent]): Case[] =>
    ["default", "none", "msie6", "safari", "both"].flatMap((where) => [
      { name: `GET by ${name} to ${where}`, send: get(`/${where}`, `User-Agent: ${agent}`) },
      { name: `POST by ${name} to ${where}`, send: post(`/${where}`, "x", `User-Agent: ${agent}`) },
    ]),
  ),
};

export const RATES: readonly Group[] = [rates, browsers];

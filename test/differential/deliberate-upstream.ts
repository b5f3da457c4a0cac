/** Deliberate differences in what is made of an upstream's answer: refused where nginx 1.22 passed nonsense on. */
import type { Deliberate } from "./deliberate.ts";

export const PAGE_502 = `HTTP/1.1 502 Bad Gateway
Server: {server/version}
Date: {now}
Content-Type: text/html
Content-Length: 145 + {server}
Connection: keep-alive

<html>\r
<head><title>502 Bad Gateway</title></head>\r
<body>\r
<center><h1>502 Bad Gateway</h1></center>\r
<hr><center>{server/version}</center>\r
</body>\r
</html>\r

`;
const HEAD = "HTTP/1.1 200 OK\nServer: {server/version}\nDate: {now}\n";
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\nConnection: keep-alive\n\nhello\n--- body: chunked\n`;

/** One answer that nginx passes on and hopway refuses: what the client gets, what is logged; `error` undefined: as nginx. */
function refused(
  name: string,
  target: string,
  passed: string,
  logged: string,
  requestLength: number,
  reason: string,
  error?: string,
): Deliberate[] {
  const rest = `"GET ${target} HTTP/1.1" ${requestLength} OK 127.0.0.1:{backend}`;
  const entries: Deliberate[] = [
    { case: name, part: "client", nginx: passed, hopway: PAGE_502, reason },
    { case: name, part: "log", nginx: `${logged} ${rest} 200`, hopway: `145+{server} 502 ${rest} 502`, reason },
  ];
  if (error === undefined) return entries;
  const line = `[error] ${error} while reading response header from upstream, ${errorContext(target)}`;
  return [...entries, { case: name, part: "errors", nginx: "", hopway: line, reason }];
}

/** The end of a line of the error log about a GET of that target. */
function errorContext(target: string): string {
  const upstream = `http://127.0.0.1:{backend}${target}`;
  return `client: 127.0.0.1, server: , request: "GET ${target} HTTP/1.1", upstream: "${upstream}", host: "test"\n`;
}

export const FRAMING = "a length or coding that cannot be right is refused, as in nginx since 1.23";
const NOT_HTTP =
  "an answer that is not HTTP/1.x is a bad gateway, not HTTP/0.9: the client would get bytes without a head";
const INTERIM = "1xx answers of the upstream are skipped until the final one, as in current nginx; 1.22 hangs on them";
const JOINED = "lines of one name are joined in variables, as in nginx since 1.23";

/** An interim answer that nginx takes for the final one. */
function skipped(
  name: string,
  target: string,
  nginxHead: string,
  body: string,
  logged: string,
  status: number,
): Deliberate[] {
  const lines = `Content-Type: text/plain\nContent-Length: ${body.length}\nConnection: keep-alive`;
  return [
    {
      case: name,
      part: "client",
      nginx: `${nginxHead}\n\n\n--- body: none\n--- end: fin\n`,
      hopway: `${HEAD}${lines}\n\n${body}\n--- end: open\n`,
      reason: INTERIM,
    },
    {
      case: name,
      part: "log",
      nginx: `0 ${status} ${logged} ${status}`,
      hopway: `${body.length} 200 ${logged} 200`,
      reason: INTERIM,
    },
    {
      case: name,
      part: "errors",
      nginx: `[error] upstream timed out (110: Connection timed out) while reading upstream, ${errorContext(target)}`,
      hopway: "",
      reason: INTERIM,
    },
  ];
}

function interim(name: string, status: string, more: string, bodyText: string, requestLength: number): Deliberate[] {
  return skipped(
    `proxied responses: GET /interim/${name}`,
    `/interim/${name}`,
    `HTTP/1.1 ${status}\nServer: {server/version}\nDate: {now}\nConnection: keep-alive${more}`,
    bodyText,
    `"GET /interim/${name} HTTP/1.1" ${requestLength} OK 127.0.0.1:{backend}`,
    Number(status.slice(0, 3)),
  );
}

const broken = (name: string): string => `broken responses: ${name}`;

const framing: readonly Deliberate[] = [
  ...refused(
    broken("GET /bad-length"),
    "/bad-length",
    CHUNKED,
    "{chunks} 200",
    40,
    FRAMING,
    'upstream sent invalid "Content-Length" header: "Content-Length: abc"',
  ),
  ...refused(
    broken("GET /length-and-chunked"),
    "/length-and-chunked",
    CHUNKED,
    "{chunks} 200",
    48,
    FRAMING,
    'upstream sent "Content-Length" and "Transfer-Encoding" headers at the same time',
  ),
  ...refused(
    broken("GET /gzip-coding"),
    "/gzip-coding",
    CHUNKED,
    "{chunks} 200",
    41,
    FRAMING,
    'upstream sent unknown "Transfer-Encoding": "gzip, chunked"',
  ),
  ...refused(
    broken("GET /two-lengths"),
    "/two-lengths",
    `${HEAD}Content-Length: 6\nConnection: keep-alive\n\nhello!\n`,
    "6 200",
    41,
    FRAMING,
    'upstream sent duplicate header line: "Content-Length: 6", previous value: "Content-Length: 5"',
  ),
];

const RAW = "this is not HTTP\r\n\r\n\n--- body: raw\n--- incomplete\n";

const notHttp: readonly Deliberate[] = [
  ...refused(
    broken("GET /bad-status"),
    "/bad-status",
    "HTTP/1.1 20x OK\nContent-Length: 2\n\nhi\n",
    "40 009",
    40,
    NOT_HTTP,
  ),
  ...refused(broken("no HTTP at all"), "/garbage", RAW, "20 009", 37, NOT_HTTP),
  ...refused("next upstream: no HTTP at all", "/both/garbage", RAW, "20 009", 42, NOT_HTTP),
  ...refused(
    broken("HTTP/0.9"),
    "/http09",
    "<html>old</html>\n--- body: raw\n--- incomplete\n",
    "16 009",
    36,
    NOT_HTTP,
  ),
];

export const KEPT_BYTES =
  "what the upstream sent before it broke off is passed on; nginx drops what it had not yet written";

/** Answers that end too soon, with what nginx has still in its buffers then. */
const cutShort: readonly Deliberate[] = [
  ["/reset-in-body", "only this"] as const,
  ["/time/slow-body", "first"] as const,
].flatMap(([target, bytes]): Deliberate[] => [
  {
    case: broken(`GET ${target}`),
    part: "client",
    nginx: "Connection: keep-alive\n\n\n",
    hopway: `Connection: keep-alive\n\n${bytes}\n`,
    reason: KEPT_BYTES,
  },
  {
    case: broken(`GET ${target}`),
    part: "log",
    nginx: "0 200",
    hopway: `${bytes.length} 200`,
    reason: KEPT_BYTES,
  },
]);

export const NOT_COMPLETE =
  "$request_completion is empty when the upstream broke off in the body: the client did not get it all";

/** Answers that break off in the body, which nginx logs as complete. */
const notComplete: readonly Deliberate[] = [
  ...["/close-in-body", "/reset-in-body", "/close-in-chunk", "/off/close-in-body", "/off/close-in-chunk"].map(broken),
  ...["/time/slow-body", "/time-off/slow-body"].map(broken),
  "next upstream: /both/close-in-body",
].map((name) => ({
  case: name.replace(": /", ": GET /"),
  part: "log",
  nginx: " OK 127.0.0.1:{backend} 200",
  hopway: "  127.0.0.1:{backend} 200",
  reason: NOT_COMPLETE,
}));

const joined: readonly Deliberate[] = [
  ...["GET /fields", "GET /two/fields", "GET /two/fields?2", "GET /unix/fields", "two X-Forwarded-For"].map(
    (name): Deliberate => ({
      case: `upstream variables: ${name}`,
      part: "log",
      nginx: "|1|Sid = abc ; path=/|",
      hopway: "|1, 2, 3|Sid = abc ; path=/, sid=second|",
      reason: JOINED,
    }),
  ),
  ...["GET /fields", "two X-Forwarded-For"].map(
    (name): Deliberate => ({
      case: `upstream variables: ${name}`,
      part: "client",
      nginx: "X-Seen: 127.0.0.1:{backend} 200 127.0.0.1:{backend} 1\n",
      hopway: "X-Seen: 127.0.0.1:{backend} 200 127.0.0.1:{backend} 1, 2, 3\n",
      reason: JOINED,
    }),
  ),
  {
    case: "variables: upstream variables",
    part: "client",
    nginx: "X-Up: 127.0.0.1:{backend}|200|1|",
    hopway: "X-Up: 127.0.0.1:{backend}|200|1, 2|",
    reason: JOINED,
  },
  {
    case: "variables: upstream variables",
    part: "log",
    nginx: "bytes_sent=[432]",
    hopway: "bytes_sent=[435]",
    reason: JOINED,
  },
];

export const DELIBERATE_UPSTREAM: readonly Deliberate[] = [
  ...framing,
  ...notHttp,
  ...cutShort,
  ...notComplete,
  ...interim("hundred-continue", "100 Continue", "", "after 100\n", 54),
  ...interim("early-hints", "103 Early Hints", "\nLink: </s.css>; rel=preload", "after 103\n", 49),
  ...joined,
];

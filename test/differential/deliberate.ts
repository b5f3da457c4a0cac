/**
 * Where hopway does not do what the nginx that the tests run against does, and why. Each entry is checked: the text must
 * be in nginx's transcript, and with it replaced the two must be the same, so the list can neither rot nor hide more.
 */
import { DELIBERATE_AUTH } from "./deliberate-auth.ts";
import { DELIBERATE_CGI } from "./deliberate-cgi.ts";
import { DELIBERATE_CONTROL_CHARACTERS } from "./deliberate-control-characters.ts";
import { DELIBERATE_PROXY_PROTOCOL } from "./deliberate-proxy-protocol.ts";
import { DELIBERATE_TLS } from "./deliberate-tls.ts";
import { DELIBERATE_TUNNELS } from "./deliberate-tunnels.ts";
import { DELIBERATE_UPSTREAM } from "./deliberate-upstream.ts";

/** What is compared: what the client got, what the backends got, the access log lines, the error log lines. */
export type Part = "client" | "upstream" | "log" | "errors";

export interface Deliberate {
  /** `subject: name` of the case; `subject: start and stop` for the error log outside all cases. */
  readonly case: string;
  readonly part: Part;
  /** Text of nginx's transcript, as normalised. */
  readonly nginx: string;
  /** What stands in hopway's in its place. */
  readonly hopway: string;
  readonly reason: string;
}

const CONNECTION_KEPT =
  "nginx announces keep-alive with a 412 of its own and then closes, as a side effect of how its filters end a request";

/** Cases in which hopway keeps a connection that nginx closes against its own word. */
const kept412: readonly Deliberate[] = ["another", "weak"]
  .map((match) => `If-Match ${match}`)
  .concat("If-Unmodified-Since earlier")
  .map((name) => `conditional requests and ranges: ${name}`)
  .flatMap((name) => [
    { case: name, part: "client", nginx: "--- end: fin", hopway: "--- end: open", reason: CONNECTION_KEPT },
    { case: name, part: "log", nginx: "  - - .", hopway: " OK - - .", reason: CONNECTION_KEPT },
  ]);

const PAGE_400 = `HTTP/1.1 400 Bad Request
Server: {server/version}
Date: {now}
Content-Type: text/html
Content-Length: 145 + {server}
Connection: close

<html>\r
<head><title>400 Bad Request</title></head>\r
<body>\r
<center><h1>400 Bad Request</h1></center>\r
<hr><center>{server/version}</center>\r
</body>\r
</html>\r

--- end: fin
`;

/** A Host that nginx 1.22 takes. */
function refusedHost(name: string, host: string): Deliberate[] {
  const reason = "a Host outside the grammar of RFC 3986 is refused, as in current nginx";
  const taken = `HTTP/1.1 200 OK
Server: {server/version}
Date: {now}
Content-Type: text/plain
Content-Length: 20
Connection: keep-alive

GET|/|/||${host}|test|

--- end: open
`;
  return [
    { case: `request hosts: ${name}`, part: "client", nginx: taken, hopway: PAGE_400, reason },
    { case: `request hosts: ${name}`, part: "log", nginx: "20 200 ", hopway: "145+{server} 400 ", reason },
    // What follows the line that is refused is not read any more.
    { case: `request hosts: ${name}`, part: "log", nginx: '" 30 OK', hopway: '" 28 OK', reason },
    {
      case: `request hosts: ${name}`,
      part: "errors",
      nginx: "client 127.0.0.1 closed keepalive connection",
      hopway:
        "client sent invalid host header while reading client request headers, " +
        `client: 127.0.0.1, server: test, request: "GET / HTTP/1.1", host: "${host}"`,
      reason,
    },
  ];
}

const JOINED = "lines of one name are joined in variables, as in nginx since 1.23";
const CONNECT = "CONNECT is a method that is not allowed, as in current nginx, not a line that cannot be read";

const currentRequests: readonly Deliberate[] = [
  ...refusedHost("Host is half an IPv6 address", "[::1"),
  ...refusedHost("Host with high bytes", "t\xe9st"),
  { case: "request fields: two of a field", part: "client", nginx: "Length: 21", hopway: "Length: 24", reason: JOINED },
  { case: "request fields: two of a field", part: "client", nginx: "|1\n", hopway: "|1, 2\n", reason: JOINED },
  { case: "request fields: two of a field", part: "log", nginx: "21 200", hopway: "24 200", reason: JOINED },
  ...["<title>", "<h1>", "HTTP/1.1 "].map(
    (before): Deliberate => ({
      case: 'request lines: "CONNECT test:80 HTTP/1.1"',
      part: "client",
      nginx: `${before}400 Bad Request`,
      hopway: `${before}405 Not Allowed`,
      reason: CONNECT,
    }),
  ),
  {
    case: 'request lines: "CONNECT test:80 HTTP/1.1"',
    part: "log",
    nginx: '400 "CONNECT test:80 HTTP/1.1" 0',
    hopway: '405 "CONNECT test:80 HTTP/1.1" 40',
    reason: CONNECT,
  },
  {
    case: 'request lines: "CONNECT test:80 HTTP/1.1"',
    part: "errors",
    nginx:
      "client sent invalid request while reading client request line, " +
      'client: 127.0.0.1, server: test, request: "CONNECT test:80 HTTP/1.1"',
    hopway:
      "client sent CONNECT method while reading client request headers, " +
      'client: 127.0.0.1, server: test, request: "CONNECT test:80 HTTP/1.1", host: "test"',
    reason: CONNECT,
  },
];

export const DELIBERATE: readonly Deliberate[] = [
  ...kept412,
  ...currentRequests,
  ...DELIBERATE_UPSTREAM,
  ...DELIBERATE_TUNNELS,
  ...DELIBERATE_TLS,
  ...DELIBERATE_AUTH,
  ...DELIBERATE_CGI,
  ...DELIBERATE_PROXY_PROTOCOL,
  ...DELIBERATE_CONTROL_CHARACTERS,
];

/** nginx's transcript as hopway's should be: undefined when a listed difference is not there. */
export function withDeliberate(name: string, part: Part, nginx: string): string | undefined {
  let text = nginx;
  for (const entry of DELIBERATE) {
    if (entry.case !== name || entry.part !== part) continue;
    if (!text.includes(entry.nginx)) return undefined;
    text = text.replace(entry.nginx, () => entry.hopway);
  }
  return text;
}

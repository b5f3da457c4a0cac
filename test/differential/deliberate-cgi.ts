/**
 * Deliberate differences of uwsgi_pass and scgi_pass: mostly those of proxy_pass. One that is not compared: where an SCGI
 * request's body is sent as it comes, CONTENT_LENGTH is the whole body's; nginx counts what came with the head only, and
 * the server stops there (test/seeds/scgi.test.ts).
 */
import type { Deliberate } from "./deliberate.ts";
import { FRAMING, KEPT_BYTES, NOT_COMPLETE, PAGE_502 } from "./deliberate-upstream.ts";

const JOINED = "lines of one name are one parameter, as in nginx since 1.23";
const CHUNKED = `HTTP/1.1 200 OK
Server: {server/version}
Date: {now}
Transfer-Encoding: chunked
Connection: keep-alive

`;

/** Of one of the two modules. */
function of(wire: "uwsgi" | "scgi"): Deliberate[] {
  const broken = (name: string): string => `${wire} broken responses: ${name}`;
  const badLength = (target: string, body: string, value: string, requestLength: number): Deliberate[] => {
    const name = broken(`GET ${target}`);
    const rest = `"GET ${target} HTTP/1.1" ${requestLength} OK 127.0.0.1:{backend}`;
    const line =
      `[error] upstream sent invalid "Content-Length" header: "Content-Length: ${value}" while reading response header ` +
      `from upstream, client: 127.0.0.1, server: test, request: "GET ${target} HTTP/1.1", ` +
      `upstream: "${wire}://127.0.0.1:{backend}", host: "test"\n`;
    return [
      {
        case: name,
        part: "client",
        nginx: `${CHUNKED}${body}\n--- body: chunked\n`,
        hopway: PAGE_502,
        reason: FRAMING,
      },
      {
        case: name,
        part: "log",
        nginx: `{chunks} 200 ${rest} 200`,
        hopway: `145+{server} 502 ${rest} 502`,
        reason: FRAMING,
      },
      { case: name, part: "errors", nginx: "", hopway: line, reason: FRAMING },
    ];
  };
  const cut = (target: string, bytes: string): Deliberate[] => [
    {
      case: broken(`GET ${target}`),
      part: "client",
      nginx: "Connection: keep-alive\n\n\n",
      hopway: `Connection: keep-alive\n\n${bytes}\n`,
      reason: KEPT_BYTES,
    },
    { case: broken(`GET ${target}`), part: "log", nginx: "0 200", hopway: `${bytes.length} 200`, reason: KEPT_BYTES },
  ];
  return [
    {
      case: `${wire} requests: several lines of one name`,
      part: "upstream",
      nginx: "HTTP_X_A: 1\nHTTP_COOKIE: a=b\nHTTP_X_A: 2\nHTTP_COOKIE: c=d\nHTTP_X_A: 3\n",
      hopway: "HTTP_X_A: 1, 2, 3\nHTTP_COOKIE: a=b; c=d\n",
      reason: JOINED,
    },
    ...badLength("/bad-length", "hello", "abc", 40),
    ...badLength("/cgi-length-word", "x", "many", 45),
    ...cut("/reset-in-body", "only this"),
    ...cut("/time/slow-body", "first"),
    ...[
      "/cgi-length-short",
      "/off/cgi-length-short",
      "/close-in-body",
      "/off/close-in-body",
      "/reset-in-body",
      "/off/reset-in-body",
      "/time/slow-body",
    ].map(
      (target): Deliberate => ({
        case: broken(`GET ${target}`),
        part: "log",
        nginx: " OK 127.0.0.1:{backend} 200",
        hopway: "  127.0.0.1:{backend} 200",
        reason: NOT_COMPLETE,
      }),
    ),
  ];
}

export const DELIBERATE_CGI: readonly Deliberate[] = [...of("uwsgi"), ...of("scgi")];

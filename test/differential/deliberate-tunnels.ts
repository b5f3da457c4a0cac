/** Deliberate differences in tunnels: each end of one is told what the other end did. */
import type { Deliberate } from "./deliberate.ts";
import { PAGE_502 } from "./deliberate-upstream.ts";

const HALF_CLOSE = "a FIN closes one way of the tunnel, and the other goes on; nginx closes both ways at the first";
const ABORT = "a reset is passed on as a reset, so that it does not look like an orderly end";
const LENGTH = "a 101 has no body, so a Content-Length in it is dropped (RFC 9110, 8.6)";
const UNASKED =
  "the upstream may switch protocols only when the client asked for it; nginx passes the 101 on and hangs";

export const DELIBERATE_TUNNELS: readonly Deliberate[] = [
  {
    case: "upgrades: client half-closes, backend answers after",
    part: "client",
    nginx: "X-Up: yes\n\n\n",
    hopway: "X-Up: yes\n\nafter your FIN\n",
    reason: HALF_CLOSE,
  },
  {
    case: "upgrades: client half-closes, backend answers after",
    part: "log",
    nginx: "0 101 ",
    hopway: "14 101 ",
    reason: HALF_CLOSE,
  },
  {
    case: "upgrades: backend half-closes, client sends after",
    part: "upstream",
    nginx: "--- end: fin",
    hopway: "--- tunnel: still here\n--- end: fin",
    reason: HALF_CLOSE,
  },
  { case: "upgrades: backend resets", part: "client", nginx: "--- end: fin", hopway: "--- end: reset", reason: ABORT },
  { case: "upgrades: client resets", part: "upstream", nginx: "--- end: fin", hopway: "--- end: reset", reason: ABORT },
  {
    case: "upgrades: 101 with a Content-Length",
    part: "client",
    nginx: "Content-Length: 5\n",
    hopway: "",
    reason: LENGTH,
  },
  {
    case: "upgrades: 101 to a client that did not ask",
    part: "client",
    nginx: `HTTP/1.1 101 Switching Protocols
Server: {server/version}
Date: {now}
Connection: upgrade
Upgrade: websocket
X-Up: yes


--- body: tunnel
--- end: fin
`,
    hopway: `${PAGE_502}--- end: open
`,
    reason: UNASKED,
  },
  {
    case: "upgrades: 101 to a client that did not ask",
    part: "log",
    nginx: `0 101 "GET /cut/upgrade HTTP/1.1" 41 OK 127.0.0.1:{backend} 101`,
    hopway: `145+{server} 502 "GET /cut/upgrade HTTP/1.1" 41 OK 127.0.0.1:{backend} 502`,
    reason: UNASKED,
  },
  {
    case: "upgrades: 101 to a client that did not ask",
    part: "errors",
    nginx: "upstream timed out (110: Connection timed out) while reading upstream",
    hopway: "upstream sent 101 to a request without Upgrade while reading response header from upstream",
    reason: UNASKED,
  },
];

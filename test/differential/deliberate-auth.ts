/** Deliberate differences where others are asked who may come in. */
import type { Deliberate } from "./deliberate.ts";

const ALL_CHALLENGES = "all challenges of a 401 reach the client, as in current nginx";
const UNASKED = "nobody asks for an upgrade in a subrequest: a 101 is no answer to it";
const NO_HTTP = "what is not HTTP/1.x is refused with a 502";
const NO_BODY =
  "a subrequest has no body, and announces none: nginx names the length of the client's, and the upstream waits for it";

export const DELIBERATE_AUTH: readonly Deliberate[] = [
  {
    case: "auth_request: asked: 401-twice",
    part: "client",
    nginx: 'WWW-Authenticate: Basic realm="a"\n',
    hopway: 'WWW-Authenticate: Basic realm="a"\nWWW-Authenticate: Bearer\n',
    reason: ALL_CHALLENGES,
  },
  {
    case: "auth_request: asked: switches",
    part: "errors",
    nginx: "[error] auth request unexpected status: 101",
    hopway:
      "[error] upstream sent 101 to a request without Upgrade while reading response header from upstream, " +
      'client: 127.0.0.1, server: , request: "GET /switches/plain HTTP/1.1", subrequest: "/auth/switches", ' +
      'upstream: "http://127.0.0.1:{backend2}/upgrade", host: "test"\n[error] auth request unexpected status: 502',
    reason: UNASKED,
  },
  {
    case: "auth_request: asked: garbage",
    part: "errors",
    nginx: "unexpected status: 0",
    hopway: "unexpected status: 502",
    reason: NO_HTTP,
  },
  {
    case: "auth_request: POST with a body whose length the question has, too",
    part: "upstream",
    nginx: "GET /auth-at-head HTTP/1.1\nHost: 127.0.0.1:{backend2}\nContent-Length: 6\n",
    hopway: "GET /auth-at-head HTTP/1.1\nHost: 127.0.0.1:{backend2}\n",
    reason: NO_BODY,
  },
];

/** Deliberate differences of TLS. */
import type { Deliberate } from "./deliberate.ts";

const PEEKED =
  "nginx looks at the first bytes without taking them, and bytes that were not taken turn its close into a reset";
const SENT_ALONG =
  "Bun's TLS sends the authority of ssl_client_certificate along when a server's chain is only one long";

export const DELIBERATE_TLS: readonly Deliberate[] = [
  {
    case: "TLS behind the PROXY protocol: no header",
    part: "client",
    nginx: "--- end: reset",
    hopway: "--- end: fin",
    reason: PEEKED,
  },
  {
    case: "TLS to upstreams: GET /untrusted",
    part: "errors",
    nginx: "(21:unable to verify the first certificate)",
    hopway: "(19:self-signed certificate in certificate chain)",
    reason: SENT_ALONG,
  },
];

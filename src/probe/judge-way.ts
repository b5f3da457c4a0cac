/** Verdicts about the way to the server: names, connections, TLS, and answers that are no HTTP. */
import { BACKEND, HTTP1 } from "./cause-lines.ts";
import { isFailure, type StepFailure, type Way } from "./connect.ts";
import type { Attempt } from "./handshake.ts";
import { type Verdict, verdict } from "./verdict.ts";

/** A record that begins with these is TLS's alert or handshake. */
const TLS_RECORD = /^[\x15\x16]\x03/;
/** A SETTINGS frame: what an HTTP/2 server says first. */
export const HTTP2_SETTINGS = /^\0\0[\0-\xff]\x04/;

/** The verdict about a way that led nowhere, or to a certificate that browsers refuse. */
export function judgeWay({ dns, tcp, tls }: Way, host: string, port: number): Verdict | undefined {
  if (isFailure(dns)) return verdict("name-unknown", "the name server", `${host} has no address: ${dns.error}.`);
  if (isFailure(tcp)) return judgeTcp(tcp, port);
  if (tls === undefined) return undefined;
  if (isFailure(tls)) return judgeTls(tls);
  if (tls.fault === "") return undefined;
  return verdict(
    "certificate",
    "what ends TLS",
    `Browsers refuse the certificate: ${tls.fault}. They report 1006 (1015).`,
    ["Look on all the same with --insecure."],
  );
}

function judgeTcp({ code, error }: StepFailure, port: number): Verdict {
  if (code === "ECONNREFUSED") {
    return verdict(
      "connection-refused",
      "the host itself",
      `Nothing listens on port ${port} there.`,
      [
        `${error}.`,
        "The server does not run, listens on another port or on 127.0.0.1 alone, or the container's port is not published.",
      ],
      {
        nginx: ["listen 80;   # and nginx must run: nginx -t, systemctl status nginx"],
        Caddy: [":80"],
        HAProxy: ["bind :80"],
      },
    );
  }
  return verdict("no-connection", "a firewall, or the network", `No connection to port ${port}: ${error}.`, [
    "Where not even a refusal comes back, something on the way drops the packets: a security group, a firewall, a wrong address.",
  ]);
}

function judgeTls({ code, error }: StepFailure): Verdict {
  if (/NO_APPLICATION_PROTOCOL/.test(code)) {
    return verdict(
      "http2-only",
      "what ends TLS",
      "It speaks HTTP/2 alone: browsers open WebSockets over HTTP/1.1, which is not offered.",
      [`${error}.`],
      HTTP1,
    );
  }
  if (/WRONG_VERSION_NUMBER|UNEXPECTED_MESSAGE|HTTP_REQUEST|PACKET_LENGTH/i.test(code)) {
    return verdict(
      "no-tls",
      "what listens there",
      "That port speaks no TLS: connect with ws://, or to the port with TLS.",
      [`${error}.`],
      {
        nginx: ["listen 443 ssl;   # not: listen 443;"],
        HAProxy: ["bind :443 ssl crt site.pem"],
        Apache: ["SSLEngine on"],
      },
    );
  }
  return verdict("tls", "what ends TLS", `No TLS connection: ${error}.`, [], {
    nginx: ["ssl_protocols TLSv1.2 TLSv1.3;", "server_name example.com;   # the name that clients ask for"],
    Apache: ["SSLProtocol -all +TLSv1.2 +TLSv1.3"],
    HAProxy: ["ssl-default-bind-options ssl-min-ver TLSv1.2"],
  });
}

/** Engine.IO's `destroyUpgradeTimeout` is a second; clocks are not that exact. */
const ENGINE_IO_PATIENCE_MS = 950;

/** The verdict about an answer that did not come, or is no HTTP. */
export function judgeNoAnswer(
  { answer, answerMs, way, target, endAfterAnswer }: Attempt,
  timeoutMs: number,
): Verdict | undefined {
  if (answer === "timeout") {
    return verdict(
      "no-answer",
      "the application, or a proxy that waits for it",
      `Nothing came back in ${timeoutMs / 1000} s.`,
      [
        "The connection stands, and the handshake was sent: whoever took it does not answer, or passes it to somebody who does not.",
      ],
      BACKEND,
    );
  }
  if (answer === "closed") {
    const how = endAfterAnswer === "reset" ? "reset" : "closed";
    const protocol = way.tls !== undefined && "protocol" in way.tls ? way.tls.protocol : "";
    return verdict(
      protocol === "h2" ? "http2-only" : "closed-without-answer",
      "what listens there",
      `The connection was ${how} in answer to the handshake.`,
      [
        ...(answerMs < ENGINE_IO_PATIENCE_MS
          ? []
          : [
              "Only after a second: so Socket.IO's server does with handshakes for another path than its own. Try --engine-io.",
            ]),
        target.tls
          ? "Perhaps the port speaks another protocol, or an access rule closes without a word (nginx: return 444)."
          : "Perhaps the port speaks TLS (connect with wss://) or HTTP/2 alone, or an access rule closes without a word (nginx: return 444).",
      ],
      { ...HTTP1, nginx: ["listen 80;   # not: listen 80 http2;", "return 444;   # closes without an answer"] },
    );
  }
  if (answer === undefined || !("bytes" in answer)) return undefined;
  const { bytes } = answer;
  if (TLS_RECORD.test(bytes))
    return verdict("tls-expected", "what listens there", "That port speaks TLS: connect with wss://.");
  if (HTTP2_SETTINGS.test(bytes)) {
    return verdict(
      "http2-only",
      "what listens there",
      "It speaks HTTP/2 alone on this port: browsers open WebSockets over HTTP/1.1.",
      [],
      HTTP1,
    );
  }
  return verdict("not-http", "what listens there", "What answers is no HTTP server.", [
    `It says ${JSON.stringify(bytes.slice(0, 40))}.`,
  ]);
}

/** WebSockets over TLS with the ws package, and what openssl sees of the server. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { makeCertificate, openssl } from "../harness/certificates.ts";
import { curl } from "../harness/curl.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { askPeer, type NodeBackend, startBackend } from "../harness/node-process.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";

let backend: NodeBackend;
let gateway: Gateway;
const folder = makeTempDir();
const port = freePort();
const authority = makeCertificate(folder, "authority", { authority: true });
const names = ["localhost", "127.0.0.1"];
const ecdsa = makeCertificate(folder, "ecdsa", { issuer: authority, names });
const rsa = makeCertificate(folder, "rsa", { issuer: authority, names, rsa: true });

beforeAll(async () => {
  backend = await startBackend("echo-server.mjs", "backend");
  gateway = await startHopway(`{main}
error_log {prefix}/error.log info;
events { }
http {
  {temp_paths}
  access_log off;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${ecdsa.certificate};
    ssl_certificate_key ${ecdsa.key};
    ssl_certificate ${rsa.certificate};
    ssl_certificate_key ${rsa.key};
    location / { return 200 "$ssl_protocol $ssl_session_reused $scheme"; }
    location /ws {
      proxy_pass http://127.0.0.1:${backend.port};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }
  }
}
`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  await backend.stop();
  removeTempDir(folder);
});

test("a wss session of the ws package", async () => {
  const sizes = [1, 125, 65_536, 3_000_000];
  const events = (await askPeer("ws-session.mjs", `wss://localhost:${port}/ws`, {
    ca: authority.certificate,
    steps: [{ send: "hello" }, ...sizes.map((sendBytes) => ({ sendBytes })), { ping: "there?" }, { close: 4001 }],
  })) as readonly { readonly [field: string]: unknown }[];
  const sent = { sent: expect.any(Number), sha1: expect.any(String) };
  expect(events.slice(1)).toEqual([
    { open: "", extensions: "" },
    { text: "hello" },
    ...sizes.flatMap((bytes) => [sent, { bytes, sha1: expect.any(String) }]),
    { pong: "there?" },
    { closed: 4001, reason: "" },
  ]);
  const sums = events.flatMap(({ sha1 }) => (typeof sha1 === "string" ? [sha1] : []));
  for (let i = 0; i < sums.length; i += 2) expect(sums[i]).toBe(sums[i + 1] ?? "");
});

test("curl verifies the certificate", async () => {
  const { status, body } = await curl("--cacert", authority.certificate, `https://localhost:${port}/`);
  expect({ status, body }).toEqual({ status: 200, body: "TLSv1.3 . https" });
});

test("each kind of certificate for those who know it", () => {
  for (const [algorithms, kind] of [
    ["ecdsa_secp256r1_sha256", "ECDSA"],
    ["rsa_pss_rsae_sha256", "RSA-PSS"],
  ] as const) {
    const seen = openssl("s_client", "-connect", `127.0.0.1:${port}`, "-sigalgs", algorithms);
    expect(seen).toContain(`Peer signature type: ${kind}`);
  }
});

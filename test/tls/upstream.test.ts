/** proxy_pass to https://: what is verified, what is shown, what is resumed; wss in and out. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCertificate, makeRevocationList, openssl } from "../harness/certificates.ts";
import { curl } from "../harness/curl.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { askPeer, type NodeBackend, startBackend } from "../harness/node-process.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";

let backend: NodeBackend;
let gateway: Gateway;
const folder = makeTempDir();
const port = freePort();
const upstreamPort = freePort();
const silentPort = freePort();
const authority = makeCertificate(folder, "authority", { authority: true });
const middle = makeCertificate(folder, "middle", { issuer: authority, authority: true });
const lower = makeCertificate(folder, "lower", { issuer: middle, authority: true });
const other = makeCertificate(folder, "other", { authority: true });
const names = ["backend.test", "*.wild.test"];
const server = makeCertificate(folder, "server", { issuer: authority, names });
const deep = makeCertificate(folder, "deep", { issuer: lower, names });
const client = makeCertificate(folder, "client", { issuer: authority });
makeCertificate(folder, "stranger", { issuer: other });
makeCertificate(folder, "moving", { issuer: authority });
makeRevocationList(folder, "revoked", authority, [server]);
const encrypted = join(folder, "encrypted.key");
openssl("pkey", "-in", client.key, "-out", encrypted, "-aes128", "-passout", "pass:secret");
writeFileSync(join(folder, "passwords"), "wrong\nsecret\n");
const deepChain = join(folder, "deep-chain.crt");
writeFileSync(deepChain, [deep, lower, middle].map(({ certificate }) => openssl("x509", "-in", certificate)).join(""));

const upgrade = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';
const trust = `proxy_ssl_verify on; proxy_ssl_trusted_certificate ${authority.certificate};`;
let silent: Bun.TCPSocketListener<undefined>;

/** What the server behind says of the connection that it is asked on. */
const REPORT =
  "$ssl_protocol|$ssl_session_reused|$ssl_server_name|$ssl_client_verify|$ssl_client_s_dn|$connection_requests";

beforeAll(async () => {
  backend = await startBackend("echo-server.mjs", "backend");
  silent = Bun.listen({ hostname: "127.0.0.1", port: silentPort, socket: { data() {} }, data: undefined });
  gateway = await startHopway(`{main}
error_log {prefix}/error.log info;
events { }
http {
  {temp_paths}
  access_log off;
  upstream pooled { server 127.0.0.1:${upstreamPort}; keepalive 8; }
  server {
    listen 127.0.0.1:${upstreamPort} ssl;
    ssl_certificate ${server.certificate};
    ssl_certificate_key ${server.key};
    ssl_client_certificate ${authority.certificate};
    ssl_verify_client optional;
    location / { return 200 "${REPORT}"; }
    location /ws { proxy_pass http://127.0.0.1:${backend.port}; ${upgrade} }
  }
  server {
    listen 127.0.0.1:${upstreamPort} ssl;
    server_name deep.wild.test;
    ssl_certificate ${deepChain};
    ssl_certificate_key ${deep.key};
    location / { return 200 "deep"; }
  }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${server.certificate};
    ssl_certificate_key ${server.key};
    location = /plain { proxy_pass https://127.0.0.1:${upstreamPort}; }
    location = /fresh { proxy_ssl_session_reuse off; proxy_pass https://127.0.0.1:${upstreamPort}; }
    location = /named { proxy_ssl_server_name on; proxy_ssl_name a.b.wild.test:443; proxy_pass https://pooled; }
    location = /address { proxy_ssl_server_name on; proxy_ssl_name 127.0.0.1; proxy_pass https://pooled; }
    location = /good { ${trust} proxy_ssl_name backend.test; proxy_pass https://pooled; }
    location = /wildcard { ${trust} proxy_ssl_name $arg_name; proxy_pass https://pooled; }
    location = /name { ${trust} proxy_pass https://pooled; }
    location = /untrusted { proxy_ssl_verify on; proxy_ssl_trusted_certificate ${other.certificate}; proxy_pass https://pooled; }
    location = /deep { ${trust} proxy_ssl_server_name on; proxy_ssl_name deep.wild.test; proxy_set_header Host deep.wild.test; proxy_pass https://pooled; }
    location = /deep2 { ${trust} proxy_ssl_verify_depth 2; proxy_ssl_server_name on; proxy_ssl_name deep.wild.test; proxy_set_header Host deep.wild.test; proxy_pass https://pooled; }
    location = /client { proxy_ssl_certificate ${client.certificate}; proxy_ssl_certificate_key ${encrypted}; proxy_ssl_password_file ${folder}/passwords; proxy_pass https://pooled; }
    location = /whose { proxy_ssl_certificate ${folder}/$arg_who.crt; proxy_ssl_certificate_key ${folder}/$arg_who.key; proxy_pass https://pooled; }
    location = /old { proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384; proxy_pass https://127.0.0.1:${upstreamPort}; }
    location = /revoked { ${trust} proxy_ssl_crl ${folder}/revoked.crl; proxy_ssl_name backend.test; proxy_pass https://pooled; }
    location = /cached { proxy_ssl_certificate ${folder}/$arg_who.crt; proxy_ssl_certificate_key ${folder}/$arg_who.key; proxy_ssl_certificate_cache max=10 valid=1h inactive=1h; proxy_pass https://127.0.0.1:${upstreamPort}; }
    location = /http { proxy_pass https://127.0.0.1:${backend.port}; }
    location = /silent { proxy_connect_timeout 200ms; proxy_pass https://127.0.0.1:${silentPort}; }
    location = /variable { proxy_pass https://$arg_to; }
    location /ws { proxy_pass https://127.0.0.1:${upstreamPort}; ${upgrade} }
  }
}
`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  await backend.stop();
  silent.stop(true);
  removeTempDir(folder);
});

async function get(path: string): Promise<string> {
  const { status, body } = await curl("--insecure", `https://127.0.0.1:${port}${path}`);
  return status === 200 ? body : String(status);
}

const answers: readonly (readonly [name: string, path: string, answer: string])[] = [
  ["nothing is sent or looked at unless said", "/plain", "TLSv1.3|.||NONE||1"],
  ["the session is resumed", "/plain", "TLSv1.3|r||NONE||1"],
  ["unless that is off", "/fresh", "TLSv1.3|.||NONE||1"],
  ["the name is sent, without port", "/named", "TLSv1.3|.|a.b.wild.test|NONE||1"],
  ["a connection is kept", "/named", "TLSv1.3|.|a.b.wild.test|NONE||2"],
  ["but not for another name; addresses are not sent", "/address", "TLSv1.3|.||NONE||1"],
  ["nor for whom it is not verified", "/good", "TLSv1.3|.||NONE||1"],
  ["what was verified is kept apart too", "/good", "TLSv1.3|.||NONE||2"],
  ["a wildcard name", "/wildcard?name=x.wild.test", "TLSv1.3|.||NONE||1"],
  ["holds for one label only", "/wildcard?name=x.y.wild.test", "502"],
  ["a name that the certificate does not have", "/name", "502"],
  ["an authority that is not trusted", "/untrusted", "502"],
  ["a chain that is too long", "/deep", "502"],
  ["and allowed", "/deep2", "deep"],
  ["a certificate of its own, its key encrypted", "/client", "TLSv1.3|.||SUCCESS|CN=client|1"],
  ["a certificate named by a variable", "/whose?who=client", "TLSv1.3|.||SUCCESS|CN=client|1"],
  ["kept for that one", "/whose?who=client", "TLSv1.3|.||SUCCESS|CN=client|2"],
  ["and not for another", "/whose?who=stranger", "400"],
  ["that is not there", "/whose?who=nobody", "500"],
  ["a server whose certificate was revoked", "/revoked", "502"],
  ["older TLS where that is said", "/old", "TLSv1.2|.||NONE||1"],
  ["a server without TLS", "/http", "502"],
  ["a server that says nothing", "/silent", "504"],
  ["a URL of variables", `/variable?to=127.0.0.1:${upstreamPort}/x`, "TLSv1.3|.||NONE||1"],
];

describe("requests in turn", () => {
  for (const [name, path, answer] of answers) {
    test(name, async () => {
      expect(await get(path)).toBe(answer);
    });
  }

  test("why, in the log", async () => {
    await gateway.quiet();
    const log = gateway.errorLog();
    for (const line of [
      'upstream SSL certificate does not match "pooled" while SSL handshaking to upstream',
      "upstream SSL certificate verify error: (19:self-signed certificate in certificate chain) while SSL",
      "upstream SSL certificate verify error: (23:certificate revoked) while SSL handshaking to upstream",
      "upstream SSL certificate verify error: (20:unable to get local issuer certificate) while SSL handshaking to upstream",
      `cannot load certificate "${folder}/nobody.crt": BIO_new_file() failed (SSL: error:80000002:system library::No such file or directory:`,
      "SSL_do_handshake() failed (SSL: error:",
      "upstream timed out (110: Connection timed out) while SSL handshaking to upstream",
    ]) {
      expect(log).toContain(line);
    }
  });
});

test("certificates that are kept are not looked for again", async () => {
  const shown = (): Promise<string> => get("/cached?who=moving");
  expect(await shown()).toContain("|SUCCESS|CN=moving|");
  copyFileSync(client.certificate, join(folder, "moving.crt"));
  copyFileSync(client.key, join(folder, "moving.key"));
  expect(await shown()).toContain("|SUCCESS|CN=moving|");
  expect(await get("/whose?who=moving")).toContain("|SUCCESS|CN=client|");
});

test("wss in and out", async () => {
  const events = (await askPeer("ws-session.mjs", `wss://backend.test:${port}/ws`, {
    ca: authority.certificate,
    address: "127.0.0.1",
    steps: [{ send: "hello" }, { sendBytes: 2_000_000 }, { close: 4001 }],
  })) as readonly { readonly [field: string]: unknown }[];
  expect(events.at(-1)).toEqual({ closed: 4001, reason: "" });
  const sums = events.flatMap(({ sha1 }) => (typeof sha1 === "string" ? [sha1] : []));
  expect(sums).toHaveLength(2);
  expect(sums[0]).toBe(sums[1] ?? "");
});

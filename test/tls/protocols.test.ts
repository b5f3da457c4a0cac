/** What a scanner looks for: old versions, weak suites, renegotiation, chains, names. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cipherName } from "../../src/modules/ssl-names.ts";
import { makeCertificate, openssl } from "../harness/certificates.ts";
import { extension, groups, message, record } from "../harness/client-hello.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { LAST_REQUEST, renegotiate, sClient } from "../harness/s-client.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { tlsAnswer } from "../harness/tls-answer.ts";

const folder = makeTempDir();
const port = freePort();
const bothPort = freePort();
const authority = makeCertificate(folder, "authority", { authority: true });
const middle = makeCertificate(folder, "middle", { issuer: authority, authority: true });
const server = makeCertificate(folder, "server", { issuer: middle, names: ["chain.test"] });
const ecdsa = makeCertificate(folder, "ecdsa", { names: ["a.test"] });
const rsa = makeCertificate(folder, "rsa", { names: ["a.test"], rsa: true });
const client = makeCertificate(folder, "client", { issuer: middle });
const chain = join(folder, "chain.crt");
writeFileSync(chain, [server, middle].map(({ certificate }) => openssl("x509", "-in", certificate)).join(""));
let gateway: Gateway;

beforeAll(async () => {
  gateway = await startHopway(`{main}
error_log {prefix}/error.log info;
events { }
http {
  {temp_paths}
  access_log off;
  server {
    listen 127.0.0.1:${port} ssl default_server;
    ssl_certificate ${ecdsa.certificate};
    ssl_certificate_key ${ecdsa.key};
    ssl_certificate ${rsa.certificate};
    ssl_certificate_key ${rsa.key};
    location / { return 200 "default <$ssl_server_name>"; }
  }
  server {
    listen 127.0.0.1:${port} ssl;
    server_name chain.test;
    ssl_certificate ${chain};
    ssl_certificate_key ${server.key};
    ssl_client_certificate ${authority.certificate};
    ssl_verify_client on;
    ssl_verify_depth 2;
    location / { return 200 "chain $ssl_client_verify"; }
  }
  server {
    listen 127.0.0.1:${bothPort} ssl;
    ssl_certificate ${ecdsa.certificate};
    ssl_certificate_key ${ecdsa.key};
    ssl_certificate ${rsa.certificate};
    ssl_certificate_key ${rsa.key};
    ssl_protocols SSLv2 SSLv3 TLSv1 TLSv1.1 TLSv1.2;
    ssl_ciphers ALL:COMPLEMENTOFALL:NULL:aNULL:EXPORT:RC4:MD5:DES:DES-CBC3-SHA:3DES:@SECLEVEL=0;
    location / { return 200; }
  }
}
`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  removeTempDir(folder);
});

const PROTOCOL_VERSION = 70;
const HANDSHAKE_FAILURE = 40;
const supportedVersions = (...versions: number[]): Buffer =>
  extension(43, Buffer.from([versions.length * 2, ...versions.flatMap((version) => [version >> 8, version & 0xff])]));
const signatures = extension(13, Buffer.from([0, 8, 4, 3, 8, 4, 4, 1, 2, 1]));
const EVERYTHING = Array.from({ length: 0x200 }, (_, i) => (i < 0x100 ? i : 0xc000 + i - 0x100));

describe.each([
  ["as it is", port],
  ["asked for all that is old", bothPort],
] as const)("%s", (_name, to) => {
  test.each([
    ["SSL 3.0", 0x0300],
    ["TLS 1.0", 0x0301],
    ["TLS 1.1", 0x0302],
  ])("%s is refused", async (_version, version) => {
    const hello = record(message([groups(23, 29)], EVERYTHING, version));
    expect(await tlsAnswer(to, hello)).toEqual({ alert: PROTOCOL_VERSION });
    const listed = record(message([groups(23, 29), supportedVersions(version)], EVERYTHING));
    expect(await tlsAnswer(to, listed)).toEqual({ alert: PROTOCOL_VERSION });
  });

  test("SSL 2.0 is refused", async () => {
    const suites = [0x07, 0x00, 0xc0, 0x02, 0x00, 0x80];
    const body = [1, 0, 2, 0, suites.length, 0, 0, 0, 16, ...suites, ...Array(16).fill(7)];
    const answer = await tlsAnswer(to, Buffer.from([0x80, body.length, ...body]));
    expect(answer).not.toHaveProperty("suite");
  });

  test("of the suites of TLS 1.2 only those without known weakness", async () => {
    const taken: string[] = [];
    for (const suite of EVERYTHING) {
      const answer = await tlsAnswer(to, record(message([groups(23, 29), signatures], [suite])));
      if (typeof answer === "object" && "suite" in answer) taken.push(cipherName(answer.suite));
      else expect(answer).toEqual({ alert: HANDSHAKE_FAILURE });
    }
    for (const name of taken) expect(name).not.toMatch(/NULL|EXP|ADH|AECDH|RC4|RC2|DES|MD5|IDEA|SEED|CAMELLIA|PSK|DSS/);
    expect(taken).toContain("ECDHE-ECDSA-AES256-GCM-SHA384");
    expect(taken.length).toBeLessThan(20);
  });
});

test("a client that begins a handshake anew is refused, however often", async () => {
  const reports = await Promise.all(Array.from({ length: 8 }, () => renegotiate(port)));
  for (const { text } of reports) {
    expect(text).toContain("Secure Renegotiation IS supported");
    expect(text).toMatch(/RENEGOTIATING\n.*tlsv1 alert no renegotiation/);
  }
  expect((await sClient(port, ["-tls1_2"], LAST_REQUEST)).text).toContain("default <>");
});

describe("certificates", () => {
  test("the whole chain is sent, for the name that is asked for", async () => {
    const args = ["-servername", "chain.test", "-verify_hostname", "chain.test", "-CAfile", authority.certificate];
    const { text } = await sClient(port, [...args, "-verify_return_error"]);
    expect(text).toContain("Verify return code: 0 (ok)");
    expect(text.match(/^ \d s:.*$/gm)).toEqual([" 0 s:CN = server", " 1 s:CN = middle"]);
  });

  test("a client's chain, with what it sends along itself", async () => {
    const key = ["-cert", client.certificate, "-key", client.key];
    const name = ["-servername", "chain.test"];
    const request = LAST_REQUEST.replace("Host: x", "Host: chain.test");
    const along = await sClient(port, [...name, ...key, "-cert_chain", middle.certificate], request);
    expect(along.text).toContain("chain SUCCESS");
    const alone = await sClient(port, [...name, ...key], request);
    expect(alone.text).toContain("400 The SSL certificate error");
  });

  test.each([
    ["ECDSA", "ecdsa_secp256r1_sha256", "ecdsa"],
    ["RSA", "rsa_pss_rsae_sha256", "rsa"],
  ])("%s for those who know it", async (_kind, algorithm, subject) => {
    for (const version of ["-tls1_2", "-tls1_3"]) {
      const { text } = await sClient(port, [version, "-sigalgs", algorithm]);
      expect(text).toContain(`subject=CN = ${subject}\n`);
    }
  });

  test("no OCSP response is stapled", async () => {
    expect((await sClient(port, ["-status"])).text).toContain("OCSP response: no response sent");
  });
});

/** The protocol that ALPN chooses, as nginx without HTTP/2 does (ngx_http_ssl_alpn_select). */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { makeCertificate } from "../harness/certificates.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { LAST_REQUEST, sClient } from "../harness/s-client.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";

let gateway: Gateway;
const folder = makeTempDir();
const port = freePort();
const { certificate, key } = makeCertificate(folder, "server");

beforeAll(async () => {
  gateway = await startHopway(`{main}
error_log {prefix}/error.log info;
events { }
http {
  {temp_paths}
  access_log off;
  http2 on;
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    location / { return 200 "got <$ssl_alpn_protocol> over $server_protocol"; }
  }
}
`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  removeTempDir(folder);
});

const rows: readonly (readonly [offered: string, answer: string])[] = [
  ["h2,http/1.1", "got <http/1.1> over HTTP/1.1"],
  ["http/1.1", "got <http/1.1> over HTTP/1.1"],
  ["http/1.0,http/1.1", "got <http/1.1> over HTTP/1.1"],
  ["http/1.0", "got <http/1.0> over HTTP/1.1"],
  ["http/0.9,h2", "got <http/0.9> over HTTP/1.1"],
  ["h2", "alert no application protocol"],
  ["HTTP/1.1", "alert no application protocol"],
];

for (const version of ["-tls1_2", "-tls1_3"]) {
  for (const [offered, answer] of rows) {
    test(`${offered} ${version}`, async () => {
      expect((await sClient(port, [version, "-alpn", offered], LAST_REQUEST)).text).toContain(answer);
    });
  }

  test(`nothing ${version}`, async () => {
    expect((await sClient(port, [version], LAST_REQUEST)).text).toContain("got <> over HTTP/1.1");
  });
}

test("a client that begins with HTTP/2 all the same gets what nginx without it says", async () => {
  const { text } = await sClient(port, [], "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  expect(text).toContain("HTTP/1.1 400 Bad Request\r\n");
});

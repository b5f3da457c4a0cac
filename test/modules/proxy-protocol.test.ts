/** What nginx 1.22, which the other tests compare with, does not have of the PROXY protocol: types of version 2; reload. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ClientStep, exchange } from "../harness/exchange.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { parseResponses } from "../harness/response-stream.ts";

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const INET = "\x01\x02\x03\x04\x05\x06\x07\x08\x10\x92\x00\x50";
const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const NAMES = ["alpn", "authority", "unique_id", "ssl_version", "ssl_cn", "ssl_verify", "netns", "0xEA", "0xee", "foo"];

function tlv(type: number, value: string): string {
  return String.fromCharCode(type, value.length >> 8, value.length & 255) + value;
}

function withTypes(tlvs: string): string {
  const payload = INET + tlvs;
  return `${SIGNATURE}\x21\x11${String.fromCharCode(payload.length >> 8, payload.length & 255)}${payload}`;
}

const port = freePort();
const plain = freePort();
let gateway: Gateway;

beforeAll(async () => {
  gateway = await startHopway(`{main}
error_log {prefix}/error.log;
events { }
http {
  {temp_paths}
  access_log off;
  server {
    listen 127.0.0.1:${port} proxy_protocol;
    listen 127.0.0.1:${plain};
    location / { return 200 "${NAMES.map((name) => `$proxy_protocol_tlv_${name}`).join(" ")} $proxy_protocol_addr"; }
  }
}
`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
});

async function bodies(to: number, ...steps: readonly ClientStep[]): Promise<string[]> {
  const { received } = await exchange(to, steps);
  return parseResponses(received, [], true).map(({ body }) => body);
}

describe("types of version 2", () => {
  const SSL = `\x07\0\0\0\x02${tlv(0x21, "TLSv1.3")}${tlv(0x22, "user")}`;
  const ALL = [
    [0x01, "h2"],
    [0x02, "a.test"],
    [0x05, "id"],
    [0x20, SSL],
    [0x30, "net"],
    [0xea, "vpc"],
  ] as const;
  const rows: readonly (readonly [name: string, tlvs: string, body: string])[] = [
    ["all", ALL.map(([type, value]) => tlv(type, value)).join(""), "h2 a.test id TLSv1.3 user 2 net vpc   1.2.3.4"],
    ["none", "", "          1.2.3.4"],
    ["one", tlv(0x02, "a.test"), " a.test         1.2.3.4"],
    ["large", tlv(0x05, "x".repeat(3500)), `  ${"x".repeat(3500)}        1.2.3.4`],
    ["broken after the first", `${tlv(0x01, "h2")}\x02\xff`, "h2          1.2.3.4"],
  ];
  for (const [name, tlvs, body] of rows) {
    test(name, async () => expect(await bodies(port, withTypes(tlvs) + GET, { waitResponses: 1 })).toEqual([body]));
  }
  test("they hold for the connection", async () => {
    expect(await bodies(port, withTypes(tlv(0x30, "n")) + GET + GET, { waitResponses: 2 })).toEqual([
      "      n    1.2.3.4",
      "      n    1.2.3.4",
    ]);
  });
  test("there are none without the protocol", async () => {
    expect(await bodies(plain, GET, { waitResponses: 1 })).toEqual([" ".repeat(10)]);
  });
  test("what cannot be read is logged", async () => {
    await gateway.quiet();
    expect(gateway.errorLog()).toMatch(
      /\[error\] [^\n]*unknown PROXY protocol TLV "foo", client: 127.0.0.1, server: , /,
    );
    expect(gateway.errorLog()).toMatch(/\[error\] [^\n]*broken PROXY protocol TLV, client: 127.0.0.1, server: , /);
  });
});

test("a reload turns it on and off", async () => {
  const path = join(gateway.prefix, "nginx.conf");
  const text = readFileSync(path, "latin1");
  writeFileSync(
    path,
    text.replace(" proxy_protocol;", ";").replace(`:${plain};`, `:${plain} proxy_protocol;`),
    "latin1",
  );
  process.kill(gateway.pid, "SIGHUP");
  for (let i = 0; ; i++) {
    const [body] = await bodies(port, GET, { waitResponses: 1 });
    if (body !== undefined) break;
    expect(i).toBeLessThan(1000);
  }
  expect(await bodies(plain, withTypes("") + GET, { waitResponses: 1 })).toEqual(["          1.2.3.4"]);
});

/** `access_log ... json`: every line is JSON, and UTF-8, whatever clients send. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { RawClient } from "../drills/raw-client.ts";
import { startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/until.ts";

const LIMIT_MS = 15_000;

test("lines of hostile and of unanswered requests", async () => {
  const silent = Bun.listen({ hostname: "127.0.0.1", port: freePort(), socket: { data() {} } });
  const port = freePort();
  const gateway = await startHopway(`{main}
error_log {prefix}/error.log info;
events {}
http {
  {temp_paths}
  access_log {prefix}/access.json json;
  server {
    listen 127.0.0.1:${port};
    location / { return 200; }
    location /waits { proxy_pass http://127.0.0.1:${silent.port}; }
  }
}`);
  const ask = async (path: string, fields: string): Promise<void> => {
    const client = await RawClient.connect(port);
    await client.ask(path, `${fields}\r\nConnection: close\r\n`);
    client.close();
  };
  await ask("/a\xff\xc0", 'User-Agent: \xff\xfe"\\\x01');
  await ask("/b", "Origin: http://\xfc\r\nAuthorization: Basic /3U6eA==");
  await ask("/gr\xc3\xbc", "Referer: caf\xc3\xa9");
  // One that goes before there is an answer.
  const waiting = await RawClient.connect(port);
  waiting.send("GET /waits HTTP/1.1\r\nHost: x\r\n\r\n");
  const path = join(gateway.prefix, "access.json");
  const lines = async (): Promise<Uint8Array[]> => {
    const bytes = Buffer.from(await Bun.file(path).arrayBuffer());
    return bytes
      .latin1Slice()
      .split("\n")
      .slice(0, -1)
      .map((line) => Buffer.from(line, "latin1"));
  };
  await until("the first lines", LIMIT_MS, async () => (await lines()).length === 3);
  expect(await gateway.stop()).toBe(0);
  const strict = new TextDecoder("utf-8", { fatal: true });
  const seen = (await lines()).map((line) => JSON.parse(strict.decode(line)) as Record<string, unknown>);
  expect(seen).toMatchObject([
    { status: 200, uri: "/a\ufffd\ufffd", user_agent: '\ufffd\ufffd"\\\u0001' },
    { status: 200, origin: "http://\ufffd", remote_user: "\ufffdu" },
    { status: 200, uri: "/gr\u00fc", referer: "caf\u00e9" },
    { status: 0, uri: "/waits" },
  ]);
  waiting.close();
  silent.stop(true);
  gateway.remove();
});

/** scgi_pass in front of an SCGI server: pages, bodies, errors, WebSocket. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { curl } from "../harness/curl.ts";
import { exchange } from "../harness/exchange.ts";
import { askPeer } from "../harness/node-process.ts";
import { findPython, type PythonServer, startScgi } from "../harness/python-servers.ts";
import { fieldValue } from "../harness/response-stream.ts";
import { type Seed, startSeed } from "../harness/seed.ts";

const installed = findPython() !== undefined;

test("Python is there to be an SCGI server", () => {
  if (!installed) console.warn("python3 is not installed: the tests of scgi_pass with a server are skipped");
  if (process.env["HOPWAY_REQUIRE_NGINX"]) expect(installed).toBe(true);
});

/** What the server says it was asked. */
interface Asked {
  readonly params: Readonly<Record<string, string>>;
  readonly order: readonly string[];
  readonly body: string;
}

describe.skipIf(!installed)("scgi.conf", () => {
  let app: PythonServer;
  let seed: Seed;
  const url = (path: string): string => `http://127.0.0.1:${seed.port}${path}`;
  const asked = async (...args: readonly string[]): Promise<Asked> => JSON.parse((await curl(...args)).body) as Asked;

  beforeAll(async () => {
    app = await startScgi();
    seed = await startSeed("scgi", { 4000: app.port });
  });

  afterAll(async () => {
    await seed.gateway.stop();
    seed.gateway.remove();
    await app.stop();
  });

  test("the server is told what scgi_params and the header lines say, the length first", async () => {
    const { params, order, body } = await asked(url("/page?q=1"), "-H", "X-Custom: yes");
    expect(order.slice(0, 3)).toEqual(["CONTENT_LENGTH", "REQUEST_METHOD", "REQUEST_URI"]);
    expect(params).toMatchObject({
      CONTENT_LENGTH: "0",
      SCGI: "1",
      REQUEST_METHOD: "GET",
      REQUEST_URI: "/page?q=1",
      QUERY_STRING: "q=1",
      DOCUMENT_URI: "/page",
      SERVER_PROTOCOL: "HTTP/1.1",
      REMOTE_ADDR: "127.0.0.1",
      HTTP_X_CUSTOM: "yes",
    });
    expect(body).toBe("");
  });

  test("bodies arrive, with a length and in chunks", async () => {
    for (const more of [[], ["-H", "Transfer-Encoding: chunked"]]) {
      const { params, body } = await asked(url("/form"), "--data", "name=value", ...more);
      expect([params["CONTENT_LENGTH"], body]).toEqual(["10", "name=value"]);
    }
  });

  test("a body that is sent as it comes is announced with its whole length", async () => {
    const head = "POST /stream HTTP/1.1\r\nHost: app.test\r\nContent-Length: 11\r\n\r\n";
    const { received } = await exchange(seed.port, [`${head}hello`, { pauseMs: 30 }, " world", { waitResponses: 1 }]);
    const { params, body } = JSON.parse(received.slice(received.indexOf("{"), received.lastIndexOf("}") + 1)) as Asked;
    expect([params["CONTENT_LENGTH"], body]).toEqual(["11", "hello world"]);
  });

  test("statuses, redirects, long answers", async () => {
    const missing = await curl(url("/missing"));
    expect([missing.statusLine, missing.body]).toEqual(["HTTP/1.1 404 Not Here", "no such page\n"]);
    expect(fieldValue(missing.fields, "status")).toBeUndefined();
    const moved = await curl(url("/moved"));
    expect([moved.statusLine, fieldValue(moved.fields, "location")]).toEqual([
      "HTTP/1.1 302 Moved Temporarily",
      "/elsewhere",
    ]);
    expect((await curl(url("/large"))).body.length).toBe(3_000_000);
  });

  test("WebSocket: echoes of all sizes, and an orderly end", async () => {
    const long = "x".repeat(100_000);
    const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${seed.port}/ws`, {
      steps: [{ send: "hello" }, { send: long }, { close: 1000, reason: "done" }],
    });
    const [upgraded, ...rest] = events as { readonly upgraded?: number }[];
    expect(upgraded?.upgraded).toBe(101);
    expect(rest).toMatchObject([
      { open: "", extensions: "" },
      { text: "hello" },
      { text: long },
      { closed: 1000, reason: "done" },
    ] as object[]);
  });

  test("the error log has nothing to say", async () => {
    await seed.gateway.quiet();
    expect(seed.gateway.errorLog()).not.toMatch(/\[(?:error|crit|alert|emerg)\]/);
  });
});

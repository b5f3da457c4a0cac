/** uwsgi_pass in front of a real uWSGI: pages, bodies, errors, and WebSocket by uwsgi.websocket_handshake. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { curl } from "../harness/curl.ts";
import { startHopway } from "../harness/gateway.ts";
import { askPeer } from "../harness/node-process.ts";
import { findUwsgi, type PythonServer, startUwsgi } from "../harness/python-servers.ts";
import { fieldValue } from "../harness/response-stream.ts";
import { type Seed, startSeed } from "../harness/seed.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";

const installed = findUwsgi() !== undefined;

test("uWSGI is there to be asked", () => {
  if (!installed) console.warn("uwsgi with its plugin python3 is not installed: its tests are skipped");
  if (process.env["HOPWAY_REQUIRE_NGINX"]) expect(installed).toBe(true);
});

/** What the application says it was asked. */
interface Asked {
  readonly environ: Readonly<Record<string, string>>;
  readonly body: string;
}

describe.skipIf(!installed)("uwsgi.conf", () => {
  let app: PythonServer;
  let seed: Seed;
  let folder = "";
  const url = (path: string): string => `http://127.0.0.1:${seed.port}${path}`;
  const asked = async (...args: readonly string[]): Promise<Asked> => JSON.parse((await curl(...args)).body) as Asked;

  beforeAll(async () => {
    folder = makeTempDir();
    app = await startUwsgi(join(folder, "app.sock"));
    const withSocket = (text: string) => startHopway(text.replace("unix:{prefix}/app.sock", `unix:${folder}/app.sock`));
    seed = await startSeed("uwsgi", { 3031: app.port }, undefined, withSocket);
  });

  afterAll(async () => {
    await seed.gateway.stop();
    seed.gateway.remove();
    await app.stop();
    removeTempDir(folder);
  });

  test("the application is told what uwsgi_params and the header lines say", async () => {
    const { environ } = await asked(url("/some/page%20x?q=1&r=2"), "-H", "X-Custom: yes", "-H", "Cookie: a=b");
    expect(environ).toMatchObject({
      REQUEST_METHOD: "GET",
      PATH_INFO: "/some/page x",
      QUERY_STRING: "q=1&r=2",
      REQUEST_URI: "/some/page%20x?q=1&r=2",
      SERVER_PROTOCOL: "HTTP/1.1",
      SERVER_NAME: "app.test",
      SERVER_PORT: String(seed.port),
      REMOTE_ADDR: "127.0.0.1",
      HTTP_HOST: `127.0.0.1:${seed.port}`,
      HTTP_X_CUSTOM: "yes",
      HTTP_COOKIE: "a=b",
    });
    expect(environ).not.toHaveProperty("HTTPS");
  });

  test("a form arrives, with a length and in chunks", async () => {
    for (const more of [[], ["-H", "Transfer-Encoding: chunked"]]) {
      const { environ, body } = await asked(url("/form"), "--data", "name=value&other=1", ...more);
      expect([environ["REQUEST_METHOD"], environ["CONTENT_LENGTH"], body]).toEqual([
        "POST",
        "18",
        "name=value&other=1",
      ]);
      expect(environ["CONTENT_TYPE"]).toBe("application/x-www-form-urlencoded");
    }
  });

  test("an upload larger than the body buffer arrives whole", async () => {
    const path = join(folder, "upload");
    await Bun.write(path, "0123456789abcdef".repeat(100_000));
    const { environ, body } = await asked(url("/upload"), "--data-binary", `@${path}`, "-H", "Expect:");
    expect([environ["CONTENT_LENGTH"], body.length]).toEqual(["1600000", 1_600_000]);
    expect(body).toBe("0123456789abcdef".repeat(100_000));
  });

  test("a unix socket", async () => {
    const { environ } = await asked(url("/socket/x"));
    expect(environ["PATH_INFO"]).toBe("/by-socket");
  });

  test("statuses, redirects, long answers", async () => {
    const missing = await curl(url("/missing"));
    expect([missing.statusLine, missing.body]).toEqual(["HTTP/1.1 404 Not Found", "a page of the proxy\n"]);
    const moved = await curl(url("/moved"));
    expect([moved.statusLine, fieldValue(moved.fields, "location")]).toEqual(["HTTP/1.1 302 Found", "/elsewhere"]);
    const stream = await curl(url("/stream"));
    expect(stream.body).toBe(Array.from({ length: 1000 }, (_, i) => `${i}\n`).join(""));
    const large = await curl(url("/large"));
    expect([fieldValue(large.fields, "content-length"), large.body.length]).toEqual(["3000000", 3_000_000]);
    const head = await curl("--head", url("/large"));
    expect([fieldValue(head.fields, "content-length"), head.body]).toEqual(["3000000", ""]);
  });

  test("an application that crashes answers 500, or nothing at all and the proxy 502", async () => {
    expect([500, 502]).toContain((await curl(url("/crash"))).status);
    expect((await curl(url("/after"))).status).toBe(200);
  });

  test("WebSocket: handshake by the application, echoes of all sizes", async () => {
    const long = "x".repeat(100_000);
    const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${seed.port}/ws`, {
      steps: [{ send: "hello" }, { send: long }, { send: "bye" }, { close: 1000, reason: "" }],
    });
    const [upgraded, ...rest] = events as { readonly upgraded?: number }[];
    expect(upgraded?.upgraded).toBe(101);
    expect(rest.slice(0, 4)).toEqual([
      { open: "", extensions: "" },
      { text: "hello" },
      { text: long },
      { text: "bye" },
    ] as object[]);
  });

  test("several tunnels and pages at once", async () => {
    const sessions = Array.from({ length: 4 }, (_, i) =>
      askPeer("ws-session.mjs", `ws://127.0.0.1:${seed.port}/ws`, {
        steps: [{ send: `one ${i}` }, { send: `two ${i}` }],
      }),
    );
    const pages = Array.from({ length: 4 }, (_, i) => asked(url(`/page${i}`)));
    for (const [i, page] of (await Promise.all(pages)).entries()) expect(page.environ["PATH_INFO"]).toBe(`/page${i}`);
    for (const [i, events] of (await Promise.all(sessions)).entries()) {
      expect((events as unknown[]).slice(2, 4)).toEqual([{ text: `one ${i}` }, { text: `two ${i}` }]);
    }
  });

  test("the error log has nothing to say of pages and tunnels", () => {
    const errors = seed.gateway
      .errorLog()
      .split("\n")
      .filter((line) => /\[(?:error|crit|alert|emerg)\]/.test(line));
    expect(errors.filter((line) => !line.includes("/crash"))).toEqual([]);
  });
});

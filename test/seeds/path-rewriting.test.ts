/** Services under paths that their backends do not know of. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { curl } from "../harness/curl.ts";
import { askPeer, type NodeBackend, startBackend } from "../harness/node-process.ts";
import { fieldValue } from "../harness/response-stream.ts";
import { type Seed, startSeed } from "../harness/seed.ts";

let backend: NodeBackend;
let seed: Seed;

beforeAll(async () => {
  backend = await startBackend("echo-server.mjs", "service");
  seed = await startSeed("path-rewriting", { 5000: backend.port });
});

afterAll(async () => {
  await seed.gateway.stop();
  seed.gateway.remove();
  await backend.stop();
});

/** The path that the backend was asked for. */
async function asked(path: string): Promise<string> {
  const response = await curl("--path-as-is", `http://127.0.0.1:${seed.port}${path}`);
  expect(response.status).toBe(200);
  return (JSON.parse(response.body) as { readonly url: string }).url;
}

test.each([
  ["/services/myservice/", "/", "the bare service"],
  ["/services/myservice/a/b", "/a/b", "a path"],
  ["/services/myservice/a?b=c&d", "/a?b=c&d", "arguments are kept"],
  ["/services/myservice/a%20b/%C3%A9", "/a%20b/%C3%A9", "escapes that a URI needs are written again"],
  ["/services/myservice/x/../y", "/y", "what was normalised"],
  ["/services/myservice", "/services/myservice", "no slash: the rewrite does not match"],
  ["/services/other/a/b?c", "/a/b?c", "by the URI of proxy_pass"],
  ["/services/other/a%20b", "/a%20b", "the same with an escape"],
])("%s is %s for the backend: %s", async (path, url) => {
  expect(await asked(path)).toBe(url);
});

test("proxy_redirect off leaves Location as the backend wrote it", async () => {
  for (const location of ["http://localhost:5000/login", "/login"]) {
    const url = `http://127.0.0.1:${seed.port}/services/myservice/?redirect=${encodeURIComponent(location)}`;
    const response = await curl(url);
    expect([response.status, fieldValue(response.fields, "location")]).toEqual([302, location]);
  }
});

test("the default proxy_redirect maps the backend's URL to the service's path", async () => {
  const location = `http://localhost:${backend.port}/login?a=1`;
  const url = `http://127.0.0.1:${seed.port}/services/other/?redirect=${encodeURIComponent(location)}`;
  const { fields } = await curl(url);
  expect(fieldValue(fields, "location")).toBe(`http://127.0.0.1:${seed.port}/services/other/login?a=1`);
});

test.each(["/services/myservice", "/services/other"])("a WebSocket through %s", async (prefix) => {
  const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${seed.port}${prefix}/chat?room=1`, {
    steps: [{ send: "whoami" }, { sendBytes: 100_000 }, { close: 4003, reason: "bye" }],
  });
  const list = events as { readonly text: string }[];
  expect(JSON.parse(list[2]?.text ?? "")).toMatchObject({ url: "/chat?room=1", headers: { upgrade: "websocket" } });
  expect(list.at(-1)).toEqual({ closed: 4003, reason: "bye" } as never);
});

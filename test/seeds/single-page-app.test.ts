/** Static site with try_files beside a WebSocket backend that is told who the client is. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { curl } from "../harness/curl.ts";
import { askPeer, type NodeBackend, startBackend } from "../harness/node-process.ts";
import { fieldValue } from "../harness/response-stream.ts";
import { type Seed, startSeed } from "../harness/seed.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";

const FILES = {
  "index.html": "<title>app</title>\n",
  "assets/app.js": "console.log(1);\n",
  "docs/index.html": "<title>docs</title>\n",
  ".env": "SECRET=1\n",
};

let backend: NodeBackend;
let seed: Seed;
let root: string;

beforeAll(async () => {
  root = makeTempDir();
  for (const folder of ["assets", "docs", "empty"]) mkdirSync(join(root, folder));
  for (const [name, content] of Object.entries(FILES)) writeFileSync(join(root, name), content);
  backend = await startBackend("echo-server.mjs", "api");
  seed = await startSeed("single-page-app", { 8080: backend.port }, root);
});

afterAll(async () => {
  await seed.gateway.stop();
  seed.gateway.remove();
  await backend.stop();
  removeTempDir(root);
});

const HTML = "text/html";
const JS = "application/javascript";

test.each([
  ["/", 200, HTML, FILES["index.html"], "the index of the root"],
  ["/index.html", 200, HTML, FILES["index.html"], "a file"],
  ["/assets/app.js", 200, JS, FILES["assets/app.js"], "a file of a regular expression's location"],
  ["/users/42/edit", 200, HTML, FILES["index.html"], "a path of the browser's router"],
  ["/users/42?tab=a&b", 200, HTML, FILES["index.html"], "the same with arguments"],
  ["/docs/", 200, HTML, FILES["docs/index.html"], "a folder with an index"],
  ["/docs", 301, HTML, undefined, "a folder without its slash"],
  ["/empty/", 403, HTML, undefined, "a folder without an index"],
  ["/assets/gone.js", 404, HTML, undefined, "a missing file of a location without try_files"],
  ["/.env", 403, HTML, undefined, "a hidden file"],
  ["/favicon.ico", 404, HTML, undefined, "an exact location"],
])("GET %s is %d %s", async (path, status, type, body) => {
  const response = await curl(`http://127.0.0.1:${seed.port}${path}`);
  expect(response.status).toBe(status);
  expect(fieldValue(response.fields, "content-type")).toBe(type);
  if (body !== undefined) expect(response.body).toBe(body);
});

test("assets carry their expiry", async () => {
  const { fields } = await curl(`http://127.0.0.1:${seed.port}/assets/app.js`);
  expect(fields.filter((line) => line.startsWith("Cache-Control"))).toEqual([
    "Cache-Control: max-age=31536000",
    "Cache-Control: public",
  ]);
  expect(fieldValue(fields, "expires")).toMatch(/GMT$/);
});

test("a conditional request and a range", async () => {
  const url = `http://127.0.0.1:${seed.port}/index.html`;
  const etag = fieldValue((await curl(url)).fields, "etag") ?? "";
  expect((await curl(url, "--header", `If-None-Match: ${etag}`)).status).toBe(304);
  const part = await curl(url, "--range", "1-5");
  expect([part.status, part.body]).toEqual([206, "title"]);
});

test("a redirect to the folder names the host and port that the client used", async () => {
  const { fields } = await curl(`http://127.0.0.1:${seed.port}/docs`, "--header", "Host: app.example.com");
  expect(fieldValue(fields, "location")).toBe(`http://app.example.com:${seed.port}/docs/`);
});

test("the backend learns who the client is, and the prefix is gone", async () => {
  const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${seed.port}/ws/rooms/1?x=%20y`, {
    headers: { Host: "App.Example.com:8443", "X-Forwarded-For": "203.0.113.7", "X-Real-IP": "6.6.6.6" },
    steps: [{ send: "whoami" }, { close: 1000, reason: "" }],
  });
  const [, , answer] = events as { readonly text: string }[];
  expect(JSON.parse(answer?.text ?? "")).toEqual({
    name: "api",
    method: "GET",
    url: "/rooms/1?x=%20y",
    httpVersion: "1.1",
    headers: {
      upgrade: "websocket",
      connection: "Upgrade",
      host: "app.example.com",
      "x-real-ip": "127.0.0.1",
      "x-forwarded-for": "203.0.113.7, 127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": `app.example.com:${seed.port}`,
      "sec-websocket-version": "13",
      "sec-websocket-key": expect.any(String),
    },
  });
});

test("server_tokens off leaves the version out", async () => {
  const { fields, body } = await curl(`http://127.0.0.1:${seed.port}/favicon.ico`);
  expect(fieldValue(fields, "server")).toBe("hopway");
  expect(body).toContain("<center>hopway</center>");
});

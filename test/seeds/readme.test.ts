/** What README.md promises: its configurations are taken from it as they stand and tried with real clients. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { AnyModule } from "../../src/config/any-module.ts";
import { nginxModuleOf } from "../../src/config/unsupported.ts";
import { modules } from "../../src/modules/list.ts";
import { curl } from "../harness/curl.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { askPeer, type NodeBackend, startBackend, startPeer } from "../harness/node-process.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";

const REPOSITORY = resolve(import.meta.dir, "../..");
const README = readFileSync(join(REPOSITORY, "README.md"), "utf8");

/** Texts of the code blocks of a language under a heading. */
function blocks(heading: string, language: string): string[] {
  const section = README.split(/^(?=##+ )/m).find((part) => part.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`README.md has no heading "${heading}"`);
  return [...section.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(([, text]) => text ?? "");
}

function onlyBlock(heading: string, language: string): string {
  const [text, ...more] = blocks(heading, language);
  if (text === undefined || more.length > 0) throw new Error(`not one ${language} block under "${heading}"`);
  return text;
}

interface Running {
  readonly gateway: Gateway;
  readonly port: number;
}

/** What the running test has started, ended after it whatever its outcome. */
const toStop: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of toStop.splice(0).reverse()) await stop();
});

/** Starts hopway on the section's configuration; only its port and those of the backends are others. */
async function startSection(heading: string, backends: Readonly<Record<number, number>>): Promise<Running> {
  const port = freePort();
  const text = onlyBlock(heading, "nginx")
    .replace("listen 8080;", `listen 127.0.0.1:${port};`)
    .replace(/(127\.0\.0\.1:)(\d+)(?=;)/g, (whole, host: string, written: string) => {
      const moved = backends[Number(written)];
      return moved === undefined ? whole : host + moved;
    });
  // Started by root, workers would become "nobody" and could not read what the test wrote.
  const user = process.getuid?.() === 0 ? "user root; " : "";
  const gateway = await startHopway(`${user}daemon off; ${text}`);
  toStop.push(async () => {
    await gateway.stop();
    gateway.remove();
  });
  return { gateway, port };
}

let backend: NodeBackend;

beforeAll(async () => {
  backend = await startBackend("echo-server.mjs", "backend");
});
afterAll(() => backend.stop());

/** Says hello through a WebSocket, and asks the backend what it saw of the handshake. */
async function chat(port: number): Promise<unknown> {
  const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${port}/ws/room`, {
    steps: [{ send: "hello" }, { sendBytes: 100_000 }, { send: "whoami" }, { close: 1000, reason: "" }],
  });
  const [upgraded, , hello, sent, came, seen, closed] = events as readonly Readonly<Record<string, unknown>>[];
  expect(upgraded).toMatchObject({ upgraded: 101 });
  expect(hello).toEqual({ text: "hello" });
  expect(came?.["sha1"]).toBe(sent?.["sha1"]);
  expect(closed).toEqual({ closed: 1000, reason: "" });
  return JSON.parse(`${seen?.["text"]}`);
}

test("WebSockets", async () => {
  const running = await startSection("### WebSockets", { 3000: backend.port });
  expect(await chat(running.port)).toMatchObject({ url: "/ws/room", headers: { connection: "upgrade" } });
  expect((await curl(`http://127.0.0.1:${running.port}/elsewhere`)).status).toBe(404);
});

test("Socket.IO on several backends", async () => {
  const names = ["red", "green", "blue"];
  const nodes = await Promise.all(names.map((name) => startBackend("socketio-server.mjs", name)));
  toStop.push(...nodes.map(({ stop }) => stop));
  const ports = Object.fromEntries(nodes.map(({ port }, i) => [3001 + i, port]));
  const running = await startSection("### Socket.IO on several backends", ports);
  const clients = [["polling", "websocket"], ["polling"], ["websocket"]].map((transports) => ({
    localAddress: "127.0.0.1",
    transports,
  }));
  const peer = startPeer("socketio-clients.mjs", `http://127.0.0.1:${running.port}`, clients);
  toStop.push(peer.stop);
  const views = (await peer.next()) as readonly {
    readonly transport: string;
    readonly answers: readonly { readonly name: string }[];
  }[];
  expect(views.map(({ transport }) => transport)).toEqual(["websocket", "polling", "websocket"]);
  for (const view of views) expect(view).toMatchObject({ textCameBack: true, bytesCameBack: true });
  expect(new Set(views.flatMap(({ answers }) => answers.map(({ name }) => name))).size).toBe(1);
});

test("HTTP and WebSocket on one location", async () => {
  const running = await startSection("### HTTP and WebSocket on one location", { 3000: backend.port });
  expect(await chat(running.port)).toMatchObject({ headers: { upgrade: "websocket", connection: "upgrade" } });
  const page = JSON.parse((await curl(`http://127.0.0.1:${running.port}/page?a=1`)).body);
  expect(page).toMatchObject({ method: "GET", url: "/page?a=1", headers: { connection: "close", host: "127.0.0.1" } });
  expect(page.headers).not.toHaveProperty("upgrade");
});

test("a static site and its WebSocket backend", async () => {
  const running = await startSection("### A static site and its WebSocket backend", { 3000: backend.port });
  const folder = join(running.gateway.prefix, "public");
  mkdirSync(folder);
  writeFileSync(join(folder, "index.html"), "<title>app</title>\n");
  writeFileSync(join(folder, "app.js"), "let a;\n");
  const get = (path: string): ReturnType<typeof curl> => curl(`http://127.0.0.1:${running.port}${path}`);
  for (const path of ["/", "/index.html", "/users/42"]) {
    expect(await get(path)).toMatchObject({ status: 200, body: "<title>app</title>\n" });
  }
  const script = await get("/app.js");
  expect(script).toMatchObject({ status: 200, body: "let a;\n" });
  expect(script.fields).toContain("Content-Type: application/javascript");
  expect(await chat(running.port)).toMatchObject({ headers: { "x-forwarded-for": "127.0.0.1" } });
});

test("numbers and a live page", async () => {
  const statusPort = freePort();
  const running = await startSection("### Numbers and a live page", { 3000: backend.port, 8081: statusPort });
  expect(await chat(running.port)).toMatchObject({ headers: { upgrade: "websocket" } });
  const get = async (path: string): Promise<string> => (await curl(`http://127.0.0.1:${statusPort}${path}`)).body;
  expect(await get("/")).toContain("<title>hopway</title>");
  expect(JSON.parse(await get("/api"))).toMatchObject({ write: true, totals: { handshakes: 1 } });
  expect(await get("/metrics")).toContain(
    `hopway_websocket_handshakes_total{server="127.0.0.1:${running.port}",location="/",result="accepted"} 1\n`,
  );
  expect(await get("/status")).toMatch(/^Active connections: \d+ \n/);
});

test("an nginx.conf in CI, without nginx", async () => {
  const heading = "### Test an nginx.conf in CI, without nginx";
  const folder = makeTempDir();
  const commands = join(folder, "commands");
  mkdirSync(commands);
  symlinkSync(process.env["HOPWAY_BIN"] ?? join(REPOSITORY, "bin/hopway"), join(commands, "hopway"));
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  writeFileSync(join(folder, "nginx.conf"), user + onlyBlock(heading, "nginx"));
  const child = Bun.spawn({
    cmd: ["sh", "-c", onlyBlock(heading, "sh").replaceAll("18080", `${freePort()}`)],
    cwd: folder,
    // The folder of the launcher's shell tools, and no folder with nginx.
    env: { PATH: `${commands}:${dirname(Bun.which("curl") ?? "/usr/bin/curl")}:/usr/bin:/bin` },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect({ stdout, code }).toEqual({ stdout: "fine\n301 https://example.com/page\n", code: 0 });
  expect(stderr).toContain("test is successful");
  expect(README).toContain("It prints `fine` and `301 https://example.com/page`.");
  removeTempDir(folder);
});

describe("what is named in README.md", () => {
  const rows = (modules as readonly AnyModule[]).flatMap(({ definition }) => definition.directives);
  const works = (name: string): boolean => rows.some((row) => row.name === name && !("accepted" in row));

  /** Directives among the words in code marks of a section's list. */
  function directives(text: string): string[] {
    return [...text.matchAll(/`([a-z0-9_]+)`/g)].map(([, name]) => name ?? "");
  }

  const notYet = README.slice(README.indexOf("\n## Not yet"), README.indexOf("\n## Measured"));
  for (const name of directives(notYet.match(/^- .*/gm)?.join("\n") ?? "")) {
    test(`${name} is nginx's, and not here yet`, () => {
      expect(nginxModuleOf(name)).toBeString();
      // When this fails, the directive has come: take it from the list in README.md.
      expect(works(name)).toBe(false);
    });
  }

  const without = /\*\*What has no meaning here\*\*.*?\n\n/s.exec(README)?.[0] ?? "";
  for (const name of directives(without)) {
    test(`${name} is accepted without effect`, () => {
      expect(rows.some((row) => row.name === name && "accepted" in row)).toBe(true);
    });
  }
});

test("every configuration in README.md is tried", () => {
  expect([...README.matchAll(/^```nginx$/gm)].length).toBe(6);
});

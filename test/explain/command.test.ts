/** `hopway explain` as a command: what it prints, and how it ends. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { HOPWAY, run } from "../process/command.ts";

const CONFIG = `events {}
http {
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  limit_conn_zone $binary_remote_addr zone=clients:1m;
  upstream nodes {
    ip_hash;
    server node1:3001;
    server node2:3002;
  }
  server {
    listen 443 ssl;
    server_name app.example.com;
    ssl_certificate /nowhere.pem;
    ssl_certificate_key /nowhere.key;
    rewrite ^/old/(.*)$ /ws/$1;
    location /ws/ {
      limit_conn clients 10;
      proxy_pass http://nodes;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Host $host;
      proxy_set_header Origin "";
    }
    location /lua { content_by_lua_block { ngx.say("}") } }
  }
}
`;

let folder = "";
beforeAll(() => {
  folder = makeTempDir();
  writeFileSync(join(folder, "nginx.conf"), CONFIG);
});
afterAll(() => removeTempDir(folder));

const explain = (...args: string[]) => run(HOPWAY, ["explain", ...args], folder);

describe("hopway explain", () => {
  test("what asks others first is named, and nobody is asked", async () => {
    writeFileSync(
      join(folder, "asks.conf"),
      `events {} http { server { listen 80;
        location / { auth_request /auth; proxy_pass http://127.0.0.1:3000; }
        location = /auth { internal; proxy_pass http://127.0.0.1:4000; } } }`,
    );
    const { code, stdout } = await explain("http://localhost/", "-c", "asks.conf");
    expect(code).toBe(0);
    expect(stdout).toContain("auth_request /auth; asks another location first");
    expect(stdout).toMatch(/passes to +http:\/\/127\.0\.0\.1:3000/);
  });

  test("a handshake, from its URL to the peer", async () => {
    const { code, stdout, stderr } = await explain("wss://app.example.com/old/chat?x=1", "-c", "nginx.conf");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.replace(/ {2,}/g, "  ")).toBe(`GET wss://app.example.com/old/chat?x=1 (a WebSocket handshake)

server  app.example.com  nginx.conf:10, chosen by its name
rewrite  /old/chat becomes /ws/chat?x=1  nginx.conf:15
location  /ws/  nginx.conf:16
checks  limit_conn clients 10; answers 503 beyond its number  nginx.conf:17

passes to  http://nodes  nginx.conf:18
upstream  nodes: node1:3001, node2:3002  nginx.conf:5

The upstream gets:
  GET /ws/chat?x=1 HTTP/1.1  nginx.conf:19
  Upgrade: websocket  nginx.conf:20
  Connection: upgrade  nginx.conf:21
  Host: app.example.com  nginx.conf:22
  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==  from the client
  Sec-WebSocket-Version: 13  from the client

It does not get:
  Origin: https://app.example.com  nginx.conf:23, its value is empty here
`);
  });

  test("a redirect", async () => {
    const { stdout } = await explain("wss://app.example.com/ws", "-c", "nginx.conf");
    expect(stdout).toContain("answers     301\n");
    expect(stdout).toContain("Location: https://app.example.com/ws/\n");
  });

  test("what is not simulated is named", async () => {
    const { stdout } = await explain("https://app.example.com/lua", "-c", "nginx.conf");
    expect(stdout).toContain("passes to   content_by_lua_block {");
    expect(stdout).toContain("not simulated");
  });

  test("JSON", async () => {
    const { stdout } = await explain("wss://app.example.com/ws/", "-c", "nginx.conf", "--json");
    const told = JSON.parse(stdout);
    expect(told.location).toEqual({ file: join(folder, "nginx.conf"), line: 16, text: "location /ws/ {" });
    expect(told.outcome.kind).toBe("proxied");
    expect(told.upstreamRequest.sent[2].place.line).toBe(21);
  });

  test("header lines, method and client of the caller's choice", async () => {
    const { stdout } = await explain(
      ...["https://app.example.com/ws/", "-c", "nginx.conf", "-X", "POST", "-H", "X-A: b", "-H", "Accept:", "--json"],
    );
    const sent = JSON.parse(stdout).upstreamRequest.sent.map(({ text }: { text: string }) => text);
    expect(sent).toEqual(["POST /ws/ HTTP/1.1", "Connection: close", "Host: app.example.com", "X-A: b"]);
  });

  const REFUSED: readonly [what: string, args: readonly string[], words: string][] = [
    [
      "a port where nothing listens",
      ["http://app.example.com/", "-c", "nginx.conf"],
      "nothing listens on port 80, but on 443",
    ],
    ["no URL", [], "URL is missing"],
    ["no configuration", ["http://x/", "-c", "none.conf"], 'open() "'],
    ["an option that is none", ["http://x/", "--loud"], 'unknown option "--loud"'],
  ];
  for (const [what, args, words] of REFUSED) {
    test(`${what}: exit code 2`, async () => {
      const { code, stdout, stderr } = await explain(...args);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(words);
    });
  }

  test("help", async () => {
    const { code, stdout } = await explain("--help");
    expect(code).toBe(0);
    expect(stdout).toStartWith("Usage: hopway explain [options] URL\n");
  });

  test("what nginx -T prints, from a pipe", async () => {
    const dump = `# configuration file /etc/nginx/nginx.conf:\n${CONFIG}\n`;
    const child = Bun.spawn({
      cmd: [HOPWAY, "explain", "https://app.example.com/ws/", "-c", "-"],
      stdin: new Blob([dump]),
      stdout: "pipe",
    });
    expect(await new Response(child.stdout).text()).toContain("/etc/nginx/nginx.conf:16");
    expect(await child.exited).toBe(0);
  });
});

/** `hopway probe` as a command, Engine.IO through balancers, and comparisons. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:http";
import { Server as SocketIo } from "socket.io";
import { WebSocketServer } from "ws";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { HOPWAY, run } from "../process/command.ts";

const LINES =
  'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_set_header Host $http_host;';

const ports = {
  app: freePort(),
  one: freePort(),
  two: freePort(),
  proxy: freePort(),
  turns: freePort(),
  small: freePort(),
  sticky: freePort(),
  bare: freePort(),
};
let folder = "";
let gateway: Gateway | undefined;
let app: WebSocketServer | undefined;
const nodes: Server[] = [];

beforeAll(async () => {
  folder = makeTempDir();
  app = new WebSocketServer({ port: ports.app, host: "127.0.0.1" });
  app.on("connection", (socket) => socket.on("message", (data, binary) => socket.send(data, { binary })));
  for (const port of [ports.one, ports.two]) {
    const node = createServer();
    new SocketIo(node);
    await new Promise<void>((resolve) => node.listen(port, "127.0.0.1", resolve));
    nodes.push(node);
  }
  const upstream = (name: string, ...more: string[]): string =>
    `upstream ${name} { ${more.join(" ")} server 127.0.0.1:${ports.one}; server 127.0.0.1:${ports.two}; }`;
  const server = (port: number, pass: string, lines: string): string =>
    `server { listen 127.0.0.1:${port}; location / { proxy_pass ${pass}; ${lines} } }`;
  gateway = await startHopway(`{main}
error_log {prefix}/error.log;
events {}
http {
  {temp_paths}
  access_log off;
  ${upstream("turns")} ${upstream("sticky", "ip_hash;")}
  ${server(ports.proxy, `http://127.0.0.1:${ports.app}`, "")}
  ${server(ports.turns, "http://turns", LINES)}
  ${server(ports.sticky, "http://sticky", LINES)}
  ${server(ports.bare, "http://sticky", "")}
  ${server(ports.small, "http://sticky", `client_max_body_size 1; ${LINES}`)}
}
`);
});
afterAll(async () => {
  app?.close();
  for (const node of nodes) node.close();
  await gateway?.stop();
  gateway?.remove();
  removeTempDir(folder);
});

const probe = (...args: string[]) => run(HOPWAY, ["probe", ...args], folder);
const url = (port: number, path = "/"): string => `ws://127.0.0.1:${port}${path}`;

describe("hopway probe", () => {
  test("a WebSocket that works: exit code 0, every step", async () => {
    const { code, stdout, stderr } = await probe(url(ports.app), "--send", "hello");
    expect([code, stderr]).toEqual([0, ""]);
    for (const part of [
      "ok      connection",
      "GET / HTTP/1.1",
      "Sec-WebSocket-Key: ",
      "HTTP/1.1 101",
      "ping",
      '"hello" -> "hello"',
      "close       answered",
      "The WebSocket works.",
    ]) {
      expect(stdout).toContain(part);
    }
    expect(stdout).not.toContain("\u001b");
  });

  test("one that is broken: exit code 1, the cause and the lines", async () => {
    const { code, stdout } = await probe(url(ports.proxy, "/chat"));
    expect(code).toBe(1);
    expect(stdout).toContain("Broken by the proxy in front of the application  upgrade-dropped");
    expect(stdout).toContain("proxy_set_header Upgrade $http_upgrade;");
  });

  test("--json", async () => {
    const { code, stdout } = await probe(url(ports.proxy), "--json");
    const report = JSON.parse(stdout);
    expect(code).toBe(1);
    expect(report).toMatchObject({
      format: 1,
      works: false,
      connection: { port: ports.proxy },
      answer: { status: 426 },
    });
    expect(report.verdicts[0]).toMatchObject({ id: "upgrade-dropped", weight: "broken" });
    expect(report.verdicts[0].lines.nginx).toContain("proxy_http_version 1.1;");
  });

  test("--compare: the backend beside the proxy", async () => {
    const { code, stdout } = await probe(url(ports.proxy), "--compare", url(ports.app));
    expect(code).toBe(1);
    expect(stdout).toContain(`${url(ports.app)} works, ${url(ports.proxy)} does not: what is between them breaks it.`);
    expect(stdout).toMatch(/^\* answer +HTTP\/1\.1 426 Upgrade Required +HTTP\/1\.1 101/m);
    const json = JSON.parse((await probe(url(ports.proxy), "--compare", url(ports.app), "--json")).stdout);
    expect(json.differences[0]).toMatchObject({ what: "answer" });
  });

  test("--connect: another address for the same host", async () => {
    const { code, stdout } = await probe("ws://example.com/x", "--connect", `127.0.0.1:${ports.app}`);
    expect(code).toBe(0);
    expect(stdout).toContain("Host: example.com\n");
  });

  test("header lines, origin, subprotocol", async () => {
    const { stdout } = await probe(
      url(ports.app),
      "-H",
      "Cookie: a=b",
      "-H",
      "User-Agent:",
      "--origin",
      "https://site.example",
      "--subprotocol",
      "chat",
    );
    for (const line of [
      "Cookie: a=b",
      "Origin: https://site.example",
      "Sec-WebSocket-Protocol: chat",
      "subprotocol chat",
    ])
      expect(stdout).toContain(line);
    expect(stdout).not.toContain("User-Agent");
  });

  const REFUSED: readonly [what: string, args: readonly string[], words: string][] = [
    ["no URL", [], "URL is missing"],
    ["a URL that is none", ["ftp://x"], '"ftp://x" is no URL'],
    ["a time that is none", ["ws://x", "--idle", "long"], '"long" is no time'],
    ["a header that is none", ["ws://x", "-H", "x"], '"x" is no header line'],
    ["no tries", ["ws://x", "--tries", "0"], '"0" is no number of tries'],
  ];
  for (const [what, args, words] of REFUSED) {
    test(`${what}: exit code 2`, async () => {
      const { code, stdout, stderr } = await probe(...args);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(words);
    });
  }
});

describe("hopway probe --engine-io", () => {
  const engine = async (port: number, ...more: string[]) => {
    const { code, stdout } = await probe(url(port), "--engine-io", "--tries", "3", "--json", ...more);
    return { code, report: JSON.parse(stdout) };
  };
  const ids = ({ verdicts }: { verdicts: { id: string }[] }): string[] => verdicts.map(({ id }) => id);

  test("a node itself", async () => {
    const { code, report } = await engine(ports.one);
    expect([code, report.works, report.path, report.protocol, report.pingIntervalMs, report.tries.length]).toEqual([
      0,
      true,
      "/socket.io/",
      4,
      25_000,
      3,
    ]);
  });
  test("two nodes in turn: no stickiness", async () => {
    const { code, report } = await engine(ports.turns);
    expect(code).toBe(1);
    expect(ids(report)).toContain("no-stickiness");
  });
  test("two nodes by address", async () => {
    expect((await engine(ports.sticky)).code).toBe(0);
  });
  test("polling works, and the upgrade does not", async () => {
    const { code, report } = await engine(ports.bare);
    expect(code).toBe(1);
    expect(ids(report)).toEqual(["upgrade-dropped"]);
    expect(
      report.tries[0].steps.map(
        ({ name, fault }: { name: string; fault: string }) => `${name} ${fault === "" ? "ok" : "failed"}`,
      ),
    ).toEqual(["open by polling ok", "post ok", "poll ok", "upgrade failed"]);
  });
  test("a message that is too large for the proxy", async () => {
    const { code, report } = await engine(ports.small);
    expect([code, ids(report)]).toEqual([1, ["body-too-large"]]);
    expect(report.verdicts[0].lines.nginx[0]).toContain("client_max_body_size");
  });
  test("the path of the session is named, not that of the URL", async () => {
    const { report } = await engine(ports.app);
    expect(JSON.stringify(report.verdicts)).not.toContain("knows no /:");
  });
  test("a handshake for another path than Socket.IO's: closed after a second, and what that means", async () => {
    const { stdout } = await probe(url(ports.one, "/ws"));
    expect(stdout).toContain("closed-without-answer");
    expect(stdout).toContain("Try --engine-io");
  });
  test("no Socket.IO there", async () => {
    const { code, report } = await engine(ports.app);
    expect(code).toBe(1);
    expect(report.tries.length).toBe(1);
  });
  test("for people", async () => {
    const { stdout } = await probe(url(ports.sticky), "--engine-io", "--tries", "1");
    expect(stdout).toContain("pings every 25 s, gives up after 20 s more");
    expect(stdout).toContain("Sessions open, stay with their server, and upgrade to WebSocket.");
  });
});

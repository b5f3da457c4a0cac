/** websocket_drain: who is closed when, with what, and that no message is lost. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { close, KEY, text } from "../../src/websocket/frame-fixture.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { closeText, listenRaw, openWebSocket, type RawPeer, type RawServer } from "./peers.ts";

const masked = { mask: KEY };
const LIMIT_MS = 30_000;

/** Ends what has been started, the last first. */
const started: (() => Promise<unknown> | unknown)[] = [];

/** A running gateway that tells which configuration it serves by. */
interface Running {
  readonly gateway: Gateway;
  readonly control: number;
}

function configText(http: string, control: number, version: number, main = ""): string {
  return `{main} ${main}
error_log {prefix}/error.log info;
events { }
http {
  {temp_paths}
  access_log {prefix}/access.log websocket;
  websocket auto;
  ${http}
  server { listen 127.0.0.1:${control}; location = /version { access_log off; return 200 ${version}; } }
}`;
}

async function start(http: string, main = ""): Promise<Running> {
  const control = freePort();
  const gateway = await startHopway(configText(http, control, 1, main));
  started.push(async () => {
    await gateway.stop();
    gateway.remove();
  });
  return { gateway, control };
}

/** Changes the configuration, and waits until the worker has changed over. */
async function reload({ gateway, control }: Running, http: string): Promise<void> {
  const path = join(gateway.prefix, "nginx.conf");
  const [main = ""] = readFileSync(path, "latin1").split("error_log");
  const temp = `client_body_temp_path ${gateway.prefix}/temp/b; proxy_temp_path ${gateway.prefix}/temp/p;`;
  const text = configText(http, control, 2)
    .replace("{main}", main)
    .replace("{temp_paths}", temp)
    .replaceAll("{prefix}", gateway.prefix);
  writeFileSync(path, text);
  process.kill(gateway.pid, "SIGHUP");
  const version = async (): Promise<string> => (await fetch(`http://127.0.0.1:${control}/version`)).text();
  while ((await version()) !== "2") await Bun.sleep(5);
}

/** The Close that the client gets; it answers, and so does the upstream. */
async function told(client: RawPeer, upstream: RawPeer): Promise<string> {
  const said = closeText(await client.frame());
  client.write(close(1001, "", masked));
  expect(closeText(await upstream.frame())).toBe("1001");
  upstream.write(close(1001));
  expect([await client.end(), await upstream.end()]).toEqual(["FIN", "FIN"]);
  client.close();
  upstream.close();
  return said;
}

/** Nothing has been said to either side, and messages still pass. */
async function stillOpen(client: RawPeer, upstream: RawPeer): Promise<void> {
  const message = text("still here", masked);
  client.write(message);
  expect(await upstream.take(message.length)).toEqual(message);
  expect(client.received.length).toBe(0);
}

function end(...peers: readonly RawPeer[]): void {
  for (const peer of peers) peer.reset();
}

describe("QUIT", () => {
  let server: RawServer;
  beforeEach(() => {
    server = listenRaw();
    started.push(() => server.stop());
  });
  afterEach(async () => {
    for (const stop of started.splice(0).reverse()) await stop();
  });

  test(
    "a Close with the code and reason of the location; others are waited for, as by nginx",
    async () => {
      const port = freePort();
      const pass = `proxy_pass http://127.0.0.1:${server.port};`;
      const { gateway } = await start(`server {
        listen 127.0.0.1:${port};
        location / { ${pass} }
        location /drained { websocket_drain 100ms code=1012 "reason=back in a minute"; ${pass} }
        location /plain { websocket_drain 100ms; ${pass} }
        location /off { websocket_drain 100ms; websocket off; ${pass}
          proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }
        location /not { websocket_drain off; ${pass} }
      }`);
      const open = (path: string) => openWebSocket(port, server, { path });
      const drained = await open("/drained");
      const plain = await open("/plain");
      const others = [await open("/"), await open("/off"), await open("/not")];
      process.kill(gateway.pid, "SIGQUIT");
      expect(await told(drained.client, drained.upstream)).toBe("1012 back in a minute");
      expect(await told(plain.client, plain.upstream)).toBe("1001");
      for (const { client, upstream } of others) {
        await stillOpen(client, upstream);
        end(client, upstream);
      }
      expect(await gateway.ended()).toBe(0);
      expect(gateway.errorLog()).toContain("WebSocket closed by the proxy with 1012: the proxy is stopped");
      expect(gateway.accessLog()).toContain(" close=1012/proxy ");
    },
    LIMIT_MS,
  );

  test(
    "messages that wait for their turn still arrive, and then the client's Close",
    async () => {
      const port = freePort();
      const { gateway } = await start(`server {
        listen 127.0.0.1:${port};
        location / { websocket_drain 0s; websocket_message_rate 10r/s delay; proxy_pass http://127.0.0.1:${server.port}; }
      }`);
      const { client, upstream } = await openWebSocket(port, server);
      // Longer than a Close is waited for as a rule.
      const wire = Buffer.concat(Array.from({ length: 65 }, (_, i) => text(`message ${i}`, masked)));
      client.write(wire);
      await upstream.take(text("message 0", masked).length);
      process.kill(gateway.pid, "SIGQUIT");
      expect(closeText(await client.frame())).toBe("1001");
      client.write(close(1001, "", masked));
      const rest = wire.subarray(text("message 0", masked).length);
      expect(await upstream.take(rest.length)).toEqual(rest);
      expect(closeText(await upstream.frame())).toBe("1001");
      upstream.write(close(1001));
      expect(await gateway.ended()).toBe(0);
      end(client, upstream);
      expect(gateway.accessLog()).toContain(" in=65/");
    },
    LIMIT_MS,
  );

  test(
    "every tunnel has its line in the log, the last one too",
    async () => {
      const port = freePort();
      const { gateway } = await start(`server {
        listen 127.0.0.1:${port};
        location / { proxy_pass http://127.0.0.1:${server.port}; }
      }`);
      const tunnels = [await openWebSocket(port, server), await openWebSocket(port, server)];
      process.kill(gateway.pid, "SIGQUIT");
      for (const { client, upstream } of tunnels) {
        await stillOpen(client, upstream);
        end(client, upstream);
      }
      expect(await gateway.ended()).toBe(0);
      expect(gateway.accessLog().match(/" 101 /g)).toHaveLength(2);
    },
    LIMIT_MS,
  );

  test(
    "worker_shutdown_timeout: the window ends before it; who has no window is told when it is over",
    async () => {
      const port = freePort();
      const pass = `proxy_pass http://127.0.0.1:${server.port};`;
      const { gateway } = await start(
        `server {
        listen 127.0.0.1:${port};
        location / { ${pass} }
        location /drained { websocket_drain 1h; ${pass} }
        location /plain { websocket off; ${pass} proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }
      }`,
        "worker_shutdown_timeout 1s;",
      );
      const drained = await openWebSocket(port, server, { path: "/drained" });
      const open = await openWebSocket(port, server);
      const silent = await openWebSocket(port, server);
      const plain = await openWebSocket(port, server, { path: "/plain" });
      process.kill(gateway.pid, "SIGQUIT");
      expect(await told(drained.client, drained.upstream)).toBe("1001");
      expect(closeText(await open.client.frame())).toBe("1001");
      expect(closeText(await open.upstream.frame())).toBe("1001");
      open.client.write(close(1001, "", masked));
      open.upstream.write(close(1001));
      expect([await open.client.end(), await open.upstream.end()]).toEqual(["FIN", "FIN"]);
      expect(plain.client.received.length).toBe(0);
      expect(await gateway.ended()).toBe(0);
      expect(closeText(await silent.client.frame())).toBe("1001");
      expect(await silent.client.end()).toBeDefined();
      end(open.client, open.upstream, silent.client, silent.upstream, plain.client, plain.upstream);
    },
    LIMIT_MS,
  );
});

describe("a reload", () => {
  interface Change {
    readonly name: string;
    /** In the http block; `{s}` begins a server, `{up}` is a name of its own. */
    readonly before: string;
    readonly after: string;
    readonly goes: readonly string[];
    readonly stays: readonly string[];
  }

  const changes: readonly Change[] = [
    {
      name: "that changes nothing of them",
      before: "upstream {up} { server {a}; } {s} location /a { proxy_pass http://{up}; } }",
      after: "upstream {up} { server {a} weight=2; } {s} location /a { proxy_pass http://{up}; } }",
      goes: [],
      stays: ["/a"],
    },
    {
      name: "that takes a location away",
      before: "{s} location /a { proxy_pass http://{a}; } location /b { proxy_pass http://{b}; } }",
      after: "{s} location /b { proxy_pass http://{b}; } }",
      goes: ["/a"],
      stays: ["/b"],
    },
    {
      name: "that takes a location away whose tunnels may stay",
      before: "{s} location /a { websocket_drain off; proxy_pass http://{a}; } }",
      after: "{s} location /b { proxy_pass http://{b}; } }",
      goes: [],
      stays: ["/a"],
    },
    {
      name: "that leads a location elsewhere",
      before: "{s} location /a { proxy_pass http://{a}; } }",
      after: "{s} location /a { proxy_pass http://{b}; } }",
      goes: ["/a"],
      stays: [],
    },
    {
      name: "that takes a server of an upstream away",
      before: "upstream {up} { server {a}; server {b}; } {s} location / { proxy_pass http://{up}; } }",
      after: "upstream {up} { server {b}; } {s} location / { proxy_pass http://{up}; } }",
      goes: ["to a"],
      stays: ["to b"],
    },
    {
      name: "that drains a server of an upstream",
      before: "upstream {up} { server {a}; server {b}; } {s} location / { proxy_pass http://{up}; } }",
      after: "upstream {up} { server {a} drain; server {b}; } {s} location / { proxy_pass http://{up}; } }",
      goes: ["to a"],
      stays: ["to b"],
    },
    {
      name: "that drains a server which a variable leads to",
      before: "upstream {up} { server {a}; server {b}; } {s} set $to {up}; location / { proxy_pass http://$to; } }",
      after:
        "upstream {up} { server {a} drain; server {b}; } {s} set $to {up}; location / { proxy_pass http://$to; } }",
      goes: ["to a"],
      stays: ["to b"],
    },
    {
      name: "that takes a virtual server away",
      before: "{s} server_name a; } {s} server_name test; location /a { proxy_pass http://{a}; } }",
      after: "{s} server_name a; location /a { proxy_pass http://{a}; } }",
      goes: ["/a"],
      stays: [],
    },
    {
      name: "that does not listen there any more",
      before: "{s} server_name test; location /a { proxy_pass http://{a}; } }",
      after: "server { listen {other}; server_name test; location /a { proxy_pass http://{a}; } }",
      goes: ["/a"],
      stays: [],
    },
  ];
  type Pair = Awaited<ReturnType<typeof openWebSocket>>;
  const going = new Map<Change, Pair[]>();
  const staying = new Map<Change, Pair[]>();
  let gateway: Gateway;

  beforeAll(async () => {
    const a = listenRaw();
    const b = listenRaw();
    const ports = changes.map(() => freePort());
    const others = changes.map(() => freePort());
    const fill = (text: string, i: number): string =>
      text
        .replaceAll("{s}", `server { listen 127.0.0.1:${ports[i]}; websocket_drain 50ms;`)
        .replaceAll("{up}", `up${i}`)
        .replaceAll("{other}", `127.0.0.1:${others[i]}`)
        .replaceAll("{a}", `127.0.0.1:${a.port}`)
        .replaceAll("{b}", `127.0.0.1:${b.port}`);
    const running = await start(changes.map(({ before }, i) => fill(before, i)).join("\n"));
    gateway = running.gateway;
    for (const [i, change] of changes.entries()) {
      const open = (where: string): Promise<Pair> => {
        // In turn: the first goes to a, the second to b.
        const server = where === "/b" || where === "to b" ? b : a;
        return openWebSocket(ports[i] ?? 0, server, { path: where.startsWith("/") ? where : "/" });
      };
      const pairs = async (where: readonly string[]): Promise<Pair[]> => {
        const opened: Pair[] = [];
        for (const one of where) opened.push(await open(one));
        return opened;
      };
      going.set(change, await pairs(change.goes));
      staying.set(change, await pairs(change.stays));
    }
    await reload(running, changes.map(({ after }, i) => fill(after, i)).join("\n"));
    started.push(() => {
      a.stop();
      b.stop();
    });
  }, LIMIT_MS);
  afterAll(async () => {
    for (const stop of started.splice(0).reverse()) await stop();
  });

  for (const change of changes) {
    test(change.name, async () => {
      for (const { client, upstream } of going.get(change) ?? []) expect(await told(client, upstream)).toBe("1001");
      for (const { client, upstream } of staying.get(change) ?? []) {
        await stillOpen(client, upstream);
        end(client, upstream);
      }
    });
  }

  test("the log says why", () => {
    const said = gateway.errorLog();
    for (const why of [
      "the configuration does not lead to its peer any more",
      "its peer is gone, or drained",
      "its host is not served by the same server any more",
      "its address is not listened on any more",
    ]) {
      expect(said).toContain(`WebSocket closed by the proxy with 1001: ${why}`);
    }
  });
});

test(
  "an operator drains a peer: its tunnels go, those of others stay; who is asked back in time stays, too",
  async () => {
    const [a, b] = [listenRaw(), listenRaw()];
    const [port, patient, api] = [freePort(), freePort(), freePort()];
    const up = (name: string): string => `upstream ${name} { server 127.0.0.1:${a.port}; server 127.0.0.1:${b.port}; }`;
    const { gateway } = await start(`${up("quick")} ${up("slow")}
      server { listen 127.0.0.1:${port}; websocket_drain 50ms; location / { proxy_pass http://quick; } }
      server { listen 127.0.0.1:${patient}; websocket_drain 1h; location / { proxy_pass http://slow; } }
      server { listen 127.0.0.1:${api}; location / { hopway_api write; allow 127.0.0.1; deny all; } }`);
    const drain = async (upstream: string, server: RawServer, word: "on" | "off"): Promise<void> => {
      const query = `upstream=${upstream}&peer=127.0.0.1:${server.port}&drain=${word}`;
      const { status } = await fetch(`http://127.0.0.1:${api}/?${query}`, { method: "POST" });
      expect(status).toBe(200);
    };
    const onA = await openWebSocket(port, a);
    const onB = await openWebSocket(port, b);
    const waiting = await openWebSocket(patient, a);
    await drain("slow", a, "on");
    await drain("quick", a, "on");
    expect(await told(onA.client, onA.upstream)).toBe("1001");
    await stillOpen(onB.client, onB.upstream);
    // Whoever comes back finds the other one.
    const again = await openWebSocket(port, b);
    await drain("slow", a, "off");
    process.kill(gateway.pid, "SIGHUP");
    await gateway.quiet();
    await stillOpen(waiting.client, waiting.upstream);
    for (const { client, upstream } of [onB, again, waiting]) end(client, upstream);
    for (const stop of started.splice(0).reverse()) await stop();
    a.stop();
    b.stop();
  },
  LIMIT_MS,
);

/** Which requests become WebSockets: websocket on|auto|off, and websocket_allowed_origins against other sites' pages. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { text } from "../../src/websocket/frame-fixture.ts";
import { loggedLines } from "../harness/seed.ts";
import { connectRaw, listenRaw, openWebSocket, type RawServer } from "./peers.ts";
import { type RunningTunnel, startTunnel, UPGRADE_LINES } from "./tunnel.ts";

const HANDSHAKE =
  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

let server: RawServer;
const started: RunningTunnel[] = [];

beforeAll(() => {
  server = listenRaw();
});

afterAll(async () => {
  for (const tunnel of started) await tunnel.stop();
  server.stop();
});

async function start(location: string, http = ""): Promise<RunningTunnel> {
  const tunnel = await startTunnel(server.port, location, http);
  started.push(tunnel);
  return tunnel;
}

/** What is answered to a request that no upstream must see; the connection is closed then. */
async function answer(port: number, request: string, path = "/"): Promise<string> {
  const client = await connectRaw(port);
  client.write(`GET ${path} HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n${request}\r\n`);
  await client.end();
  client.close();
  return client.received.latin1Slice();
}

/** The head that the upstream gets for a request; it answers with nothing. */
async function upstreamHead(port: number, request: string): Promise<string> {
  const client = await connectRaw(port);
  client.write(request);
  const upstream = await server.accept();
  const head = await upstream.takeUntil("\r\n\r\n");
  upstream.write("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
  upstream.close();
  await client.takeUntil("\r\n\r\n");
  client.close();
  return head;
}

describe("websocket auto", () => {
  let tunnel: RunningTunnel;
  beforeAll(async () => {
    // What is often set for keep-alive must not stand in the way.
    tunnel = await start(
      'websocket auto; proxy_http_version 1.0; proxy_set_header Connection ""; proxy_set_header X-A b;',
    );
  });

  test("a handshake is proxied as one, and opens a tunnel", async () => {
    const { client, upstream, head, requestHead } = await openWebSocket(tunnel.port, server, {
      request: "Cookie: a=b\r\n",
      behind: text("hello"),
    });
    expect(requestHead).toMatch(/^GET \/ HTTP\/1\.1\r\n/);
    expect(requestHead).toMatch(/\r\nUpgrade: websocket\r\nConnection: upgrade\r\n/);
    expect(requestHead.match(/\r\nConnection:/g)?.length).toBe(1);
    expect(requestHead).toMatch(/\r\nX-A: b\r\n/);
    expect(requestHead).toMatch(/\r\nCookie: a=b\r\n/);
    expect(requestHead).toMatch(/\r\nSec-WebSocket-Key: /);
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head).toMatch(/\r\nUpgrade: websocket\r\n/);
    expect((await client.frame()).payload.toString()).toBe("hello");
    client.close();
    upstream.close();
  });

  test("other requests are proxied as always", async () => {
    const head = await upstreamHead(
      tunnel.port,
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    );
    expect(head).toMatch(/^GET \/ HTTP\/1\.0\r\n/);
    expect(head).not.toMatch(/Upgrade|Connection/);
  });
});

const NO_HANDSHAKES = [
  { name: "an ordinary request", request: "" },
  { name: "another protocol", request: "Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n" },
  { name: "no Connection: upgrade", request: "Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n" },
  { name: "no key", request: "Upgrade: websocket\r\nConnection: Upgrade\r\n" },
];

describe("websocket on", () => {
  let tunnel: RunningTunnel;
  beforeAll(async () => {
    tunnel = await start("websocket on;");
  });

  for (const { name, request } of NO_HANDSHAKES) {
    test(`${name} gets 426`, async () => {
      const refused = await answer(tunnel.port, request);
      expect(refused).toMatch(/^HTTP\/1\.1 426 Upgrade Required\r\n/);
      expect(refused).toMatch(/\r\nUpgrade: websocket\r\n/);
      expect(refused).toMatch(/\r\nConnection: upgrade\r\n/);
    });
  }

  test("a handshake passes, with names in any case and lists", async () => {
    const head = await upstreamHead(
      tunnel.port,
      "GET / HTTP/1.1\r\nhost: a\r\nUPGRADE: foo, WebSocket\r\nconnection: keep-alive, uPgrade\r\nsec-websocket-key: x\r\n\r\n",
    );
    expect(head).toMatch(/\r\nUpgrade: websocket\r\nConnection: upgrade\r\n/);
  });

  test("error_page has its say", async () => {
    const own = await start(
      "websocket on; error_page 426 /use-websocket; location = /use-websocket { return 200 'please'; }",
    );
    const page = await answer(own.port, "");
    expect(page).toMatch(/^HTTP\/1\.1 426 /);
    expect(page).toEndWith("please");
  });
});

describe("websocket_allowed_origins", () => {
  let tunnel: RunningTunnel;
  beforeAll(async () => {
    tunnel = await start(
      `${UPGRADE_LINES} satisfy any; allow all; error_page 403 /forbidden;
       location /forbidden { return 200 "go away\\n"; }
       location /open/ { websocket_allowed_origins *; proxy_pass http://127.0.0.1:${server.port}; ${UPGRADE_LINES} }
       location /off/ { websocket_allowed_origins off; proxy_pass http://127.0.0.1:${server.port}; ${UPGRADE_LINES} }`,
      "websocket_allowed_origins same-origin *.example.org none=deny;",
    );
  });

  const REFUSED = [
    {
      name: "a page of another site, with the victim's cookies",
      origin: "Origin: https://evil.example\r\nCookie: session=1\r\n",
    },
    { name: "a host that begins like the own", origin: "Origin: https://www.example.com.evil.example\r\n" },
    { name: "a host that ends like the own", origin: "Origin: https://evilwww.example.com\r\n" },
    { name: "a sandboxed frame", origin: "Origin: null\r\n" },
    { name: "none", origin: "" },
    {
      name: "two, the first of them good",
      origin: "Origin: https://www.example.com\r\nOrigin: https://evil.example\r\n",
    },
    { name: "an empty one", origin: "Origin: \r\n" },
    {
      name: "the handshake in another case",
      origin: "origin: https://evil.example\r\n",
      handshake: HANDSHAKE.toLowerCase(),
    },
    {
      name: "websocket second in a list",
      origin: "Origin: https://evil.example\r\n",
      handshake: HANDSHAKE.replace("websocket", "h2c, WebSocket"),
    },
    {
      name: "websocket in a second line",
      origin: "Origin: https://evil.example\r\n",
      handshake: `Upgrade: h2c\r\n${HANDSHAKE}`,
    },
    {
      name: "a handshake without a key",
      origin: "Origin: https://evil.example\r\n",
      handshake: "Upgrade: websocket\r\n",
    },
  ];

  for (const { name, origin, handshake = HANDSHAKE } of REFUSED) {
    test(`${name}: 403, and no upstream is asked`, async () => {
      const head = await answer(tunnel.port, handshake + origin);
      expect(head).toMatch(/^HTTP\/1\.1 403 /);
      expect(head).toEndWith("go away\n");
    });
  }

  test("the log names the origin", async () => {
    await loggedLines(tunnel.gateway, REFUSED.length);
    await tunnel.gateway.quiet();
    const log = tunnel.gateway.errorLog();
    expect(log).toContain(
      'WebSocket handshake from origin "https://evil.example" is forbidden by websocket_allowed_origins, client: 127.0.0.1',
    );
    expect(log).toContain("WebSocket handshake without Origin is forbidden by websocket_allowed_origins");
    expect(log).toContain(
      'WebSocket handshake with several Origins "https://www.example.com", "https://evil.example" is',
    );
  });

  const ALLOWED = [
    { name: "the own page", path: "/", origin: "Origin: http://test\r\n" },
    { name: "a subdomain that is named", path: "/", origin: "Origin: https://app.example.org\r\n" },
    { name: "anybody where a location says so", path: "/open/", origin: "Origin: https://evil.example\r\n" },
    { name: "none where a location says so", path: "/open/", origin: "" },
    { name: "anybody where a location turns it off", path: "/off/", origin: "Origin: https://evil.example\r\n" },
  ];

  for (const { name, path, origin } of ALLOWED) {
    test(`${name}: let in`, async () => {
      const { client, upstream, head } = await openWebSocket(tunnel.port, server, { path, request: origin });
      expect(head).toMatch(/^HTTP\/1\.1 101 /);
      client.close();
      upstream.close();
    });
  }

  test("ordinary requests are not asked for their origin", async () => {
    const head = await upstreamHead(
      tunnel.port,
      "GET / HTTP/1.1\r\nHost: www.example.com\r\nOrigin: https://evil.example\r\n\r\n",
    );
    expect(head).toMatch(/^GET /);
  });
});

describe("what is no WebSocket", () => {
  test("a 101 with another accept key stays a plain tunnel, and the log says so", async () => {
    const tunnel = await start(`${UPGRADE_LINES} websocket_validate on; websocket_ping_interval 100ms;`);
    const client = await connectRaw(tunnel.port);
    client.write(`GET / HTTP/1.1\r\nHost: a\r\n${HANDSHAKE}\r\n`);
    const upstream = await server.accept();
    await upstream.takeUntil("\r\n\r\n");
    upstream.write(
      "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n",
      Buffer.from([0xff, 0xff]),
    );
    await client.takeUntil("\r\n\r\n");
    expect(await client.take(2)).toEqual(Buffer.from([0xff, 0xff]));
    client.write("\x0f\xff");
    expect(await upstream.take(2)).toEqual(Buffer.from([0x0f, 0xff]));
    await Bun.sleep(300);
    expect([client.received.length, upstream.received.length]).toEqual([0, 0]);
    client.close();
    upstream.close();
    await tunnel.gateway.quiet();
    expect(tunnel.gateway.errorLog()).toContain("upstream switched to what is not the WebSocket that was asked for");
  });

  test("websocket off: other directives of outer levels don't hold", async () => {
    const tunnel = await start(
      `${UPGRADE_LINES} websocket off;`,
      "websocket_ping_interval 100ms; websocket_max_message_size 1;",
    );
    const { client, upstream } = await openWebSocket(tunnel.port, server);
    client.write(text("more than one byte"));
    await upstream.frame();
    await Bun.sleep(300);
    expect(client.received.length).toBe(0);
    client.close();
    upstream.close();
  });
});

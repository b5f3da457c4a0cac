/** What the access log says of WebSockets, and that counting changes nothing of them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { binary, close, KEY, more, ping, pong, text } from "../../src/websocket/frame-fixture.ts";
import { askPeer, type NodeBackend, startBackend } from "../harness/node-process.ts";
import { loggedLines } from "../harness/seed.ts";
import { connectRaw, listenRaw, openWebSocket, type RawServer } from "./peers.ts";
import { type RunningTunnel, startTunnel, UPGRADE_LINES } from "./tunnel.ts";

let server: RawServer;
let tunnel: RunningTunnel;
let lines = 0;

beforeAll(async () => {
  server = listenRaw();
  tunnel = await startTunnel(server.port, UPGRADE_LINES);
});

afterAll(async () => {
  await tunnel.stop();
  server.stop();
});

/** What the next line says behind the User-Agent, without what differs from run to run. */
async function nextLine(): Promise<string> {
  const line = (await loggedLines(tunnel.gateway, ++lines))[lines - 1] ?? "";
  return line.replace(/^.*" time=[\d.]+ upstream=[\d.:]+ /, "");
}

const masked = { mask: KEY };

test("messages and bytes of both directions, who closed, and how", async () => {
  const { client, upstream } = await openWebSocket(tunnel.port, server, {
    request: "Sec-WebSocket-Protocol: chat\r\n",
    answer: "Sec-WebSocket-Protocol: chat\r\n",
    behind: text("welcome"),
  });
  expect((await client.frame()).payload.toString()).toBe("welcome");
  const wire = [
    text("one", masked),
    ping("p", masked),
    text("tw", { ...masked, fin: false }),
    pong("", masked),
    more("o", masked),
  ];
  client.write(...wire);
  expect(await upstream.take(Buffer.concat(wire).length)).toEqual(Buffer.concat(wire));
  upstream.write(binary(Buffer.alloc(70_000)));
  expect((await client.frame()).payload.length).toBe(70_000);
  client.write(close(1000, "bye", masked));
  await upstream.frame();
  upstream.write(close(1000));
  await client.frame();
  upstream.close();
  client.close();
  expect(await nextLine()).toBe("in=2/6 out=2/70007 close=1000/client pings=0 subprotocol=chat");
});

test("one byte at a time", async () => {
  const { client, upstream } = await openWebSocket(tunnel.port, server);
  const wire = Buffer.concat([text("slow", masked), binary(Buffer.alloc(300), masked), close(4001, "", masked)]);
  const sending = client.writeSlowly(wire);
  expect(await upstream.take(wire.length)).toEqual(wire);
  await sending;
  upstream.close();
  client.close();
  expect(await nextLine()).toBe("in=2/304 out=0/0 close=4001/client pings=0 subprotocol=-");
});

test("an upstream that goes away without a Close", async () => {
  const { client, upstream } = await openWebSocket(tunnel.port, server);
  upstream.write(text("x"));
  await client.frame();
  upstream.close();
  expect(await client.end()).toBe("FIN");
  client.close();
  expect(await nextLine()).toBe("in=0/0 out=1/1 close=1006/upstream pings=0 subprotocol=-");
  await tunnel.gateway.quiet();
  expect(tunnel.gateway.errorLog()).toContain("upstream closed the WebSocket without a Close frame");
});

test("requests that open no WebSocket have no such values", async () => {
  const asking = fetch(`http://127.0.0.1:${tunnel.port}/`);
  const upstream = await server.accept();
  await upstream.takeUntil("\r\n\r\n");
  upstream.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  expect(await (await asking).text()).toBe("ok");
  expect(await nextLine()).toBe("in=-/- out=-/- close=-/- pings=- subprotocol=-");
});

test("another protocol passes as it is, and is not counted", async () => {
  const client = await connectRaw(tunnel.port);
  client.write("GET / HTTP/1.1\r\nHost: test\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n");
  const upstream = await server.accept();
  await upstream.takeUntil("\r\n\r\n");
  upstream.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n");
  await client.takeUntil("\r\n\r\n");
  client.write("anything \x88\x02\x03\xe8");
  expect((await upstream.take(13)).latin1Slice()).toBe("anything \x88\x02\x03\xe8");
  client.close();
  upstream.close();
  expect(await nextLine()).toBe("in=-/- out=-/- close=-/- pings=- subprotocol=-");
});

test("ws with permessage-deflate", async () => {
  const backend: NodeBackend = await startBackend("echo-server.mjs");
  const own = await startTunnel(backend.port, UPGRADE_LINES);
  const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${own.port}/`, {
    deflate: true,
    steps: [{ send: "x".repeat(5000) }, { sendBytes: 200_000 }, { ping: "p" }, { close: 1000, reason: "done" }],
  });
  expect((events as unknown[]).at(-1)).toEqual({ closed: 1000, reason: "done" });
  const [line = ""] = await loggedLines(own.gateway, 1);
  const [, bytesIn = "", bytesOut = ""] = /in=2\/(\d+) out=2\/(\d+) close=1000\/client/.exec(line) ?? [];
  // On the wire: the text is compressed, random bytes are not.
  for (const bytes of [bytesIn, bytesOut]) {
    expect(Number(bytes)).toBeGreaterThan(200_000);
    expect(Number(bytes)).toBeLessThan(202_000);
  }
  await own.stop();
  await backend.stop();
});

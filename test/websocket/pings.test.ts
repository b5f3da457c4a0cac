/** websocket_ping_interval: idle tunnels stay open as long as both sides answer, dead ones are found. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { close, KEY, more, ping, pong, text } from "../../src/websocket/frame-fixture.ts";
import { PING, PONG } from "../../src/websocket/frame-walker.ts";
import { askPeer, startBackend, startPeer } from "../harness/node-process.ts";
import { loggedLines } from "../harness/seed.ts";
import { closeText, listenRaw, openWebSocket, type RawPeer, type RawServer, type TakenFrame } from "./peers.ts";
import { type RunningTunnel, startTunnel, UPGRADE_LINES } from "./tunnel.ts";

let server: RawServer;
/** Pings come often, and dead peers are found soon. */
let quick: RunningTunnel;
/** Without answers nothing happens for long. */
let patient: RunningTunnel;

const masked = { mask: KEY };
/** Payload of the proxy's own pings. */
const OWN_PING_BYTES = 8;
/** What a busy machine may take longer. */
const PATIENCE_MS = 10_000;

beforeAll(async () => {
  server = listenRaw();
  quick = await startTunnel(server.port, `${UPGRADE_LINES} websocket_ping_interval 300ms timeout=1500ms;`);
  patient = await startTunnel(server.port, `${UPGRADE_LINES} websocket_ping_interval 200ms timeout=1m;`);
});

afterAll(async () => {
  await quick.stop();
  await patient.stop();
  server.stop();
});

/** What comes besides the proxy's pings, which are answered: a busy machine may be late enough for another one. */
async function besidesPings(peer: RawPeer, form = {}): Promise<TakenFrame> {
  for (;;) {
    const frame = await peer.frame();
    if (frame.opcode !== PING || frame.payload.length !== OWN_PING_BYTES) return frame;
    peer.write(pong(frame.payload, form));
  }
}

/** Takes the proxy's ping. */
async function ownPing(peer: RawPeer): Promise<Buffer> {
  const { opcode, fin, rsv, payload } = await peer.frame();
  expect({ opcode, fin, rsv, bytes: payload.length }).toEqual({
    opcode: PING,
    fin: true,
    rsv: 0,
    bytes: OWN_PING_BYTES,
  });
  return payload;
}

test("an idle tunnel between real peers outlives proxy_read_timeout", async () => {
  const backend = await startBackend("echo-server.mjs");
  const own = await startTunnel(
    backend.port,
    `${UPGRADE_LINES} proxy_read_timeout 2s; websocket_ping_interval 500ms timeout=5s;`,
  );
  const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${own.port}/`, {
    // Three proxy_read_timeouts.
    steps: [{ waitPings: 12 }, { send: "pings" }, { close: 1000, reason: "done" }],
  });
  expect((events as unknown[]).slice(2)).toEqual([
    { pings: 12 },
    { text: expect.stringMatching(/^\d+$/) },
    { closed: 1000, reason: "done" },
  ]);
  const [, , , { text: pingsUpstream }] = events as [unknown, unknown, unknown, { text: string }];
  // Each of its answers keeps the tunnel open for proxy_read_timeout.
  expect(Number(pingsUpstream)).toBeGreaterThanOrEqual(3);
  const [line = ""] = await loggedLines(own.gateway, 1);
  const [, seconds, pings] = / time=([\d.]+) .* in=1\/5 out=1\/\d+ close=1000\/client pings=(\d+) /.exec(line) ?? [];
  expect(Number(seconds)).toBeGreaterThanOrEqual(6);
  expect(Number(pings)).toBeGreaterThanOrEqual(12 + Number(pingsUpstream));
  await own.stop();
  await backend.stop();
}, 30_000);

test("pings go to both sides, masked where they must be; the answers to them are swallowed", async () => {
  const { client, upstream } = await openWebSocket(patient.port, server);
  const payload = await ownPing(client);
  const { masked: isMasked, payload: upstreamPayload } = await upstream.frame();
  expect(isMasked).toBe(true);
  client.write(pong(payload, masked), text("a", masked));
  expect((await upstream.frame()).payload.toString()).toBe("a");
  upstream.write(pong(upstreamPayload), text("b"));
  expect((await besidesPings(client, masked)).payload.toString()).toBe("b");
  client.close();
  upstream.close();
});

test("an answer in pieces, within a fragmented message, is swallowed; pongs of others are not", async () => {
  const { client, upstream } = await openWebSocket(patient.port, server);
  const payload = await ownPing(client);
  const other = Buffer.from(payload);
  other[7]! ^= 1;
  const sent = [
    text("a", { ...masked, fin: false }),
    pong(payload, masked),
    pong(other, masked),
    pong("", masked),
    pong(Buffer.concat([payload, payload]), masked),
    more("b", masked),
    pong(payload, masked),
    ping("mine", masked),
    close(1000, "", masked),
  ];
  await ownPing(upstream);
  const sending = client.writeSlowly(Buffer.concat(sent));
  const passed = Buffer.concat(sent.filter((_, i) => i !== 1 && i !== 6));
  expect(await upstream.take(passed.length)).toEqual(passed);
  await sending;
  upstream.write(close(1000));
  upstream.close();
  expect(closeText(await besidesPings(client, masked))).toBe("1000");
  client.close();
});

test("a ping waits for the end of the frame that is on its way to that side", async () => {
  const { client, upstream } = await openWebSocket(patient.port, server);
  const half = text("half and half", masked);
  client.write(half.subarray(0, 10));
  expect(await upstream.take(10)).toEqual(half.subarray(0, 10));
  // The client's side has no frame under way; both are silent for long enough now.
  await ownPing(client);
  await Bun.sleep(400);
  expect(upstream.received.length).toBe(0);
  client.write(half.subarray(10));
  expect(await upstream.take(half.length - 10)).toEqual(half.subarray(10));
  await ownPing(upstream);
  client.close();
  upstream.close();
});

test("a ping of the application that is under way is not overtaken by one of the proxy", async () => {
  const { client, upstream } = await openWebSocket(patient.port, server);
  upstream.write(ping("app"));
  expect((await besidesPings(client, masked)).payload.toString()).toBe("app");
  await Bun.sleep(500);
  expect(client.received.length).toBe(0);
  client.write(pong("app", masked));
  for (;;) {
    const { opcode, payload } = await upstream.frame();
    if (opcode === PING) continue;
    expect([opcode, payload.toString()]).toEqual([PONG, "app"]);
    break;
  }
  await ownPing(client);
  client.close();
  upstream.close();
});

test("a client whose messages wait for websocket_message_rate is not judged before it is read", async () => {
  const limits = "websocket_message_rate 1r/s delay; websocket_ping_interval 500ms timeout=1500ms;";
  const slow = await startTunnel(server.port, `${UPGRADE_LINES} ${limits}`);
  const { client, upstream } = await openWebSocket(slow.port, server);
  const wire = Buffer.concat(["a", "b", "c", "d"].map((word) => text(word, masked)));
  client.write(wire);
  // The answer stands behind messages of which the last one has its turn after the time for answers.
  client.write(pong(await ownPing(client), masked));
  for (const word of ["a", "b", "c", "d"]) {
    const frame = await besidesPings(upstream);
    expect(frame.payload.toString()).toBe(word);
  }
  client.write(close(1000, "", masked));
  expect(closeText(await besidesPings(upstream))).toBe("1000");
  client.close();
  upstream.close();
  await slow.stop();
}, 30_000);

test("a client that does not answer is dead: the upstream hears that it went away", async () => {
  const started = Date.now();
  const { client, upstream } = await openWebSocket(quick.port, server);
  expect(closeText(await besidesPings(upstream))).toBe("1001 the other side does not answer");
  expect(Date.now() - started).toBeGreaterThanOrEqual(1750);
  upstream.write(close(1001));
  expect(await client.end()).toBe("reset");
  expect(await upstream.end()).toBe("FIN");
  upstream.close();
  await loggedLines(quick.gateway, 1);
  await quick.gateway.quiet();
  expect(quick.gateway.errorLog()).toContain("WebSocket closed by the proxy with 1001: client did not answer a ping");
  await quick.gateway.quiet();
  expect(quick.gateway.accessLog()).toContain("close=1001/proxy");
});

test("an upstream that does not answer is dead: the client gets 1011", async () => {
  const { client, upstream } = await openWebSocket(quick.port, server);
  expect(closeText(await besidesPings(client, masked))).toBe("1011 the other side does not answer");
  client.write(close(1011, "", masked));
  expect(await client.end()).toBe("FIN");
  expect(await upstream.end()).toBe("reset");
  client.close();
});

test("no ping follows a Close", async () => {
  const { client, upstream } = await openWebSocket(patient.port, server);
  client.write(close(1000, "", masked));
  expect(closeText(await besidesPings(upstream))).toBe("1000");
  // To the client before its Close has come, no later than that to the upstream.
  const before = client.received.length;
  await Bun.sleep(600);
  expect([client.received.length, upstream.received.length]).toEqual([before, 0]);
  upstream.write(close(1000));
  upstream.close();
  expect(closeText(await besidesPings(client, masked))).toBe("1000");
  client.close();
});

test("a real client that hangs is found, and its upstream hears of it", async () => {
  const backend = await startBackend("echo-server.mjs");
  const own = await startTunnel(
    backend.port,
    `${UPGRADE_LINES} proxy_read_timeout 2s; websocket_ping_interval 500ms timeout=3s;`,
  );
  const client = startPeer("ws-pinged.mjs", `ws://127.0.0.1:${own.port}/`);
  for (let pings = 1; pings <= 3; pings++) expect(await client.next()).toEqual({ pings });
  process.kill(client.pid, "SIGSTOP");
  const stoppedMs = Date.now();
  expect(await backend.next()).toEqual({ closed: 1001, reason: "the other side does not answer" });
  const foundMs = Date.now() - stoppedMs;
  // Not before the time that it is given, and soon after it.
  expect(foundMs).toBeGreaterThan(2_500);
  expect(foundMs).toBeLessThan(3_500 + PATIENCE_MS);
  process.kill(client.pid, "SIGCONT");
  const [line = ""] = await loggedLines(own.gateway, 1);
  expect(line).toContain(" close=1001/proxy ");
  expect(own.gateway.errorLog()).toContain("client did not answer a ping");
  await client.stop();
  await own.stop();
  await backend.stop();
}, 30_000);

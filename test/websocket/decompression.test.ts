/** websocket_max_message_size ... decompressed: bombs do not reach the other side, and cost little memory; messages do. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { constants, deflateRawSync } from "node:zlib";
import { binary, close, KEY, more, text } from "../../src/websocket/frame-fixture.ts";
import { askPeer, startBackend } from "../harness/node-process.ts";
import { forgetPeak, peakResidentBytes, residentBytes, workerPid } from "../harness/worker-memory.ts";
import { closeText, listenRaw, openWebSocket, type RawServer } from "./peers.ts";
import { type RunningTunnel, startTunnel, UPGRADE_LINES } from "./tunnel.ts";

const masked = { mask: KEY };
const MAX_BYTES = 1024 * 1024;
const DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
/** What a bomb may cost for a moment: the engine, buffers of sockets, the garbage of a busy worker. */
const ALLOWED_BYTES = 48 * 1024 * 1024;

let server: RawServer;
let tunnel: RunningTunnel;

beforeAll(async () => {
  server = listenRaw();
  tunnel = await startTunnel(server.port, `${UPGRADE_LINES} websocket_max_message_size 1m decompressed;`);
});

afterAll(async () => {
  await tunnel.stop();
  server.stop();
});

function compressed(bytes: number): Buffer {
  return deflateRawSync(Buffer.alloc(bytes), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

const small = compressed(MAX_BYTES);
const bomb = compressed(400 * 1024 * 1024);

describe("a bomb", () => {
  test("of the client: 1009, nothing of it passes, and memory stays bounded", async () => {
    const pid = workerPid(tunnel.gateway.pid);
    const { client, upstream } = await openWebSocket(tunnel.port, server, { answer: DEFLATE });
    client.write(text(small, { ...masked, rsv: 4 }));
    expect((await upstream.frame()).payload.length).toBe(small.length);
    const before = residentBytes(pid);
    forgetPeak(pid);
    client.write(binary(compressed(MAX_BYTES + 1), { ...masked, rsv: 4 }));
    expect(closeText(await client.frame())).toBe("1009 message too big");
    expect(closeText(await upstream.frame())).toBe("1001 message too big");
    expect(peakResidentBytes(pid) - before).toBeLessThan(ALLOWED_BYTES);
    client.write(close(1009, "", masked));
    upstream.write(close(1001));
    expect([await client.end(), await upstream.end()]).toEqual(["FIN", "FIN"]);
    client.close();
    upstream.close();
    expect(tunnel.gateway.errorLog()).toContain(
      "client sent a message that decompresses to more than websocket_max_message_size (1048576)",
    );
  });

  test("whose first bytes have passed: the other side never gets all of it", async () => {
    const pid = workerPid(tunnel.gateway.pid);
    for (const of of ["client", "upstream"] as const) {
      const { client, upstream } = await openWebSocket(tunnel.port, server, { answer: DEFLATE });
      const [bad, good] = of === "client" ? [client, upstream] : [upstream, client];
      const form = of === "client" ? masked : {};
      const before = residentBytes(pid);
      forgetPeak(pid);
      const wire = [text(bomb.subarray(0, 100), { ...form, rsv: 4, fin: false }), more(bomb.subarray(100), form)];
      const all = Buffer.concat(wire);
      bad.write(all.subarray(0, 200));
      expect(await good.take(200)).toEqual(all.subarray(0, 200));
      bad.write(all.subarray(200));
      expect(closeText(await bad.frame())).toBe("1009 message too big");
      bad.reset();
      expect(await good.end()).toBe("FIN");
      expect(good.received.length).toBeLessThan(bomb.length);
      good.close();
      expect(peakResidentBytes(pid) - before).toBeLessThan(ALLOWED_BYTES);
    }
  });
});

test("compressed messages are counted as they are on the wire where nobody asks", async () => {
  const plain = await startTunnel(server.port, `${UPGRADE_LINES} websocket_max_message_size 1m;`);
  const { client, upstream } = await openWebSocket(plain.port, server, { answer: DEFLATE });
  client.write(binary(compressed(MAX_BYTES * 4), { ...masked, rsv: 4 }));
  expect((await upstream.frame()).rsv).toBe(4);
  client.reset();
  upstream.reset();
  await plain.stop();
});

test("what is no compressed message: 1007", async () => {
  const { client, upstream } = await openWebSocket(tunnel.port, server, { answer: DEFLATE });
  client.write(text(Buffer.from([0xff, 0xff, 0xff]), { ...masked, rsv: 4 }));
  expect(closeText(await client.frame())).toBe("1007 a compressed message cannot be decompressed");
  client.reset();
  upstream.reset();
});

test("real peers, with one window for all messages", async () => {
  const backend = await startBackend("echo-server.mjs");
  const own = await startTunnel(backend.port, `${UPGRADE_LINES} websocket_max_message_size 1m decompressed;`);
  const texts = Array.from({ length: 8 }, (_, i) => `message ${i} `.repeat(200));
  const events = await askPeer("ws-session.mjs", `ws://127.0.0.1:${own.port}/`, {
    deflate: true,
    steps: [...texts.map((send) => ({ send })), { sendBytes: 300_000 }, { close: 1000, reason: "done" }],
  });
  const list = events as readonly Readonly<Record<string, unknown>>[];
  expect(list.flatMap(({ text: came }) => (came === undefined ? [] : [came]))).toEqual(texts);
  expect(list.at(-1)).toEqual({ closed: 1000, reason: "done" });
  await own.stop();
  await backend.stop();
});

/** What websocket_max_message_size, _message_rate, _validate, _idle_timeout, _max_duration and _slow_consumer_timeout end. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { binary, close, frame, KEY, more, ping, text } from "../../src/websocket/frame-fixture.ts";
import { PING } from "../../src/websocket/frame-walker.ts";
import { closeText, listenRaw, openWebSocket, type RawPeer, type RawServer } from "./peers.ts";
import { type RunningTunnel, startTunnel, UPGRADE_LINES } from "./tunnel.ts";

const masked = { mask: KEY };
/** A slow reader rests whenever it has taken so much. */
const STRIDE_BYTES = 2 * 1024 * 1024;

let server: RawServer;
const started: RunningTunnel[] = [];

beforeAll(() => {
  server = listenRaw();
});

afterAll(async () => {
  for (const tunnel of started) await tunnel.stop();
  server.stop();
});

async function start(location: string): Promise<RunningTunnel> {
  const tunnel = await startTunnel(server.port, `${UPGRADE_LINES} ${location}`);
  started.push(tunnel);
  return tunnel;
}

/** The next frame of each side is a Close; both answer, and the connections end. */
async function bothClosed(client: RawPeer, upstream: RawPeer): Promise<{ client: string; upstream: string }> {
  const toClient = await client.frame();
  const toUpstream = await upstream.frame();
  expect([toClient.masked, toUpstream.masked]).toEqual([false, true]);
  client.write(close(1000, "", masked));
  upstream.write(close(1000));
  expect(await client.end()).toBe("FIN");
  expect(await upstream.end()).toBe("FIN");
  client.close();
  upstream.close();
  return { client: closeText(toClient), upstream: closeText(toUpstream) };
}

describe("websocket_max_message_size", () => {
  let tunnel: RunningTunnel;
  beforeAll(async () => {
    tunnel = await start("websocket_max_message_size 1k;");
  });

  test("as large as allowed, whole or in fragments", async () => {
    const { client, upstream } = await openWebSocket(tunnel.port, server);
    const wire = Buffer.concat([
      binary(Buffer.alloc(1024), masked),
      text("x".repeat(1000), { ...masked, fin: false }),
      ping("x".repeat(100), masked),
      more("x".repeat(24), masked),
    ]);
    client.write(wire);
    expect(await upstream.take(wire.length)).toEqual(wire);
    client.close();
    upstream.close();
  });

  test("a larger one of the client: 1009 to it, 1001 to the upstream, and nothing of it passes", async () => {
    const { client, upstream } = await openWebSocket(tunnel.port, server);
    client.write(text("fine", masked), binary(Buffer.alloc(1025), masked), text("late", masked));
    expect((await upstream.frame()).payload.toString()).toBe("fine");
    expect(await bothClosed(client, upstream)).toEqual({
      client: "1009 message too big",
      upstream: "1001 message too big",
    });
    await tunnel.gateway.quiet();
    expect(tunnel.gateway.errorLog()).toContain(
      "WebSocket closed by the proxy with 1009: client sent a message of 1025 bytes or more, which is larger than websocket_max_message_size (1024)",
    );
  });

  test("fragments add up, those that were small enough have passed", async () => {
    const { client, upstream } = await openWebSocket(tunnel.port, server);
    client.write(text("x".repeat(1000), { ...masked, fin: false }));
    expect((await upstream.frame()).payload.length).toBe(1000);
    client.write(more("x".repeat(25), masked));
    expect((await bothClosed(client, upstream)).client).toBe("1009 message too big");
  });

  test("of the upstream: 1009 to it, 1011 to the client", async () => {
    const { client, upstream } = await openWebSocket(tunnel.port, server);
    upstream.write(text("fine"), text("x".repeat(2000)));
    expect((await client.frame()).payload.toString()).toBe("fine");
    expect(await bothClosed(client, upstream)).toEqual({
      client: "1011 message too big",
      upstream: "1009 message too big",
    });
  });

  test("a huge frame is refused by its header, byte by byte", async () => {
    const { client, upstream } = await openWebSocket(tunnel.port, server);
    await client.writeSlowly(frame(2, "", { ...masked, length: 1n << 40n, lengthBytes: 8 }));
    const toClient = await client.frame();
    expect(closeText(toClient)).toBe("1009 message too big");
    expect(closeText(await upstream.frame())).toBe("1001 message too big");
    client.close();
    upstream.close();
  });

  test("a frame that is half sent on the other side is whole before the Close", async () => {
    const { client, upstream } = await openWebSocket(tunnel.port, server);
    const half = text("from the upstream");
    upstream.write(half.subarray(0, 7));
    expect(await client.take(7)).toEqual(half.subarray(0, 7));
    client.write(binary(Buffer.alloc(1025), masked));
    expect(closeText(await upstream.frame())).toBe("1001 message too big");
    expect(client.received.length).toBe(0);
    upstream.write(half.subarray(7), text("late"), close(1001));
    expect(await client.take(half.length - 7)).toEqual(half.subarray(7));
    expect(closeText(await client.frame())).toBe("1009 message too big");
    client.write(close(1009, "", masked));
    expect(await client.end()).toBe("FIN");
    client.close();
    upstream.close();
  });
});

describe("websocket_message_rate", () => {
  test("faster ones: 1008 to the client", async () => {
    const tunnel = await start("websocket_message_rate 1r/m burst=3;");
    const { client, upstream } = await openWebSocket(tunnel.port, server);
    for (let i = 0; i < 6; i++) client.write(text(String(i), masked));
    for (let i = 0; i < 4; i++) expect((await upstream.frame()).payload.toString()).toBe(String(i));
    expect(await bothClosed(client, upstream)).toEqual({
      client: "1008 too many messages",
      upstream: "1001 too many messages",
    });
  });

  test("the upstream may send as much as it likes", async () => {
    const tunnel = await start("websocket_message_rate 1r/m;");
    const { client, upstream } = await openWebSocket(tunnel.port, server);
    for (let i = 0; i < 20; i++) upstream.write(text(String(i)));
    for (let i = 0; i < 20; i++) expect((await client.frame()).payload.toString()).toBe(String(i));
    client.close();
    upstream.close();
  });

  test("delay: they wait, in order, and nothing is lost", async () => {
    const tunnel = await start("websocket_message_rate 20r/s burst=2 delay;");
    const { client, upstream } = await openWebSocket(tunnel.port, server);
    const startedAt = Date.now();
    const wire = Buffer.concat(Array.from({ length: 10 }, (_, i) => text(i % 2 === 0 ? "" : `message ${i}`, masked)));
    client.write(wire, close(1000, "", masked));
    expect(await upstream.take(wire.length)).toEqual(wire);
    // Three at once, seven at a twentieth of a second each.
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(300);
    expect(closeText(await upstream.frame())).toBe("1000");
    client.close();
    upstream.close();
  });
});

test("proxy_read_timeout does not count while messages wait", async () => {
  const tunnel = await start("websocket_message_rate 50r/m delay; proxy_read_timeout 1s;");
  const { client, upstream } = await openWebSocket(tunnel.port, server);
  const wire = Buffer.concat(["a", "b", "c"].map((word) => text(word, masked)));
  client.write(wire);
  expect(await upstream.take(wire.length)).toEqual(wire);
  client.close();
  upstream.close();
});

/** What each of them must not let through; `code` is what the one who sent it gets. */
const FAULTS: readonly {
  readonly name: string;
  readonly of: "client" | "upstream";
  readonly wire: Buffer;
  readonly told: string;
}[] = [
  {
    name: "a frame that is not masked",
    of: "client",
    wire: text("x"),
    told: "1002 a frame of the client is not masked",
  },
  { name: "a masked frame", of: "upstream", wire: text("x", masked), told: "1002 a frame of the server is masked" },
  {
    name: "RSV1 without an extension",
    of: "client",
    wire: text("x", { ...masked, rsv: 4 }),
    told: "1002 reserved bits are set",
  },
  { name: "an unknown opcode", of: "client", wire: frame(3, "x", masked), told: "1002 the opcode is not known" },
  {
    name: "a long ping",
    of: "upstream",
    wire: ping(Buffer.alloc(126)),
    told: "1002 a control frame is longer than 125 bytes",
  },
  {
    name: "a fragmented ping",
    of: "client",
    wire: ping("x", { ...masked, fin: false }),
    told: "1002 a control frame is fragmented",
  },
  {
    name: "a continuation of nothing",
    of: "client",
    wire: more("x", masked),
    told: "1002 a continuation without a message",
  },
  {
    name: "a message in a message",
    of: "upstream",
    wire: Buffer.concat([text("a", { fin: false }), text("b")]),
    told: "1002 a new message within a fragmented one",
  },
  {
    name: "a text that is not UTF-8",
    of: "client",
    wire: text(Buffer.from([0x61, 0xc3, 0x28]), masked),
    told: "1007 a text is not UTF-8",
  },
  {
    name: "a text that ends too early",
    of: "upstream",
    wire: text(Buffer.from([0x61, 0xe2, 0x82])),
    told: "1007 a text ends within a character",
  },
  {
    name: "a Close with a code that may not be sent",
    of: "client",
    wire: close(1005, "", masked),
    told: "1002 a Close frame with a code that may not be sent",
  },
  {
    name: "a Close whose reason is not UTF-8",
    of: "client",
    wire: close(1000, Buffer.from([0xff]), masked),
    told: "1007 the reason of a Close frame is not UTF-8",
  },
];

describe("websocket_validate", () => {
  let tunnel: RunningTunnel;
  beforeAll(async () => {
    tunnel = await start("websocket_validate on;");
  });

  for (const { name, of, wire, told } of FAULTS) {
    for (const slowly of [false, true]) {
      test(`${name} of the ${of}${slowly ? ", byte by byte" : ""}`, async () => {
        const { client, upstream } = await openWebSocket(tunnel.port, server);
        const [bad, good] = of === "client" ? [client, upstream] : [upstream, client];
        if (slowly) await bad.writeSlowly(wire);
        else bad.write(wire);
        expect(closeText(await bad.frame())).toBe(told);
        bad.close();
        const isSplit = told.startsWith("1007 a text") && slowly;
        if (isSplit) {
          // Half a frame has passed: no Close can follow it.
          expect(await good.end()).toBe("FIN");
          expect(good.received.length).toBeLessThan(wire.length);
        } else {
          let heard = await good.frame();
          if (told.includes("within a fragmented")) heard = await good.frame();
          expect(closeText(heard)).toBe(`${of === "client" ? 1001 : 1011} ${told.slice(5)}`);
          expect(good.received.length).toBe(0);
          good.write(close(1000, "", of === "client" ? {} : masked));
          expect(await good.end()).toBe("FIN");
        }
        good.close();
      });
    }
  }

  test("what is right passes: UTF-8 cut anywhere, control frames in between, compressed messages where agreed", async () => {
    const { client, upstream } = await openWebSocket(tunnel.port, server, {
      answer: "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=15\r\n",
    });
    const euro = Buffer.from("€uro 𝄞");
    const wire = Buffer.concat([
      text(euro.subarray(0, 1), { ...masked, fin: false }),
      ping("p", masked),
      more(euro.subarray(1, 9), { ...masked, fin: false }),
      more(euro.subarray(9), masked),
      text(Buffer.from([0xff, 0x00, 0xff]), { ...masked, rsv: 4 }),
      close(3001, "€", masked),
    ]);
    const sending = client.writeSlowly(wire);
    expect(await upstream.take(wire.length)).toEqual(wire);
    await sending;
    client.close();
    upstream.close();
  });
});

describe("times", () => {
  test("websocket_idle_timeout: pings of the application don't count, messages do", async () => {
    const tunnel = await start("websocket_idle_timeout 1500ms;");
    const { client, upstream } = await openWebSocket(tunnel.port, server);
    const startedAt = Date.now();
    await Bun.sleep(300);
    client.write(text("x", masked));
    await upstream.frame();
    const pinging = setInterval(() => client.write(ping("", masked)), 100);
    const toClient = await client.frame();
    clearInterval(pinging);
    expect(closeText(toClient)).toBe("1001 idle");
    // What the client says before its answer is still passed on; the answer is the upstream's Close.
    client.write(text("late", masked), close(1001, "bye", masked));
    let last = await upstream.frame();
    while (last.opcode === PING) last = await upstream.frame();
    expect(last.payload.toString()).toBe("late");
    expect(closeText(await upstream.frame())).toBe("1001 bye");
    upstream.write(close(1001));
    expect([await client.end(), await upstream.end()]).toEqual(["FIN", "FIN"]);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(1750);
    client.close();
    upstream.close();
    await tunnel.gateway.quiet();
    expect(tunnel.gateway.errorLog()).toContain(
      "WebSocket closed by the proxy with 1001: no message has come for websocket_idle_timeout",
    );
  });

  test("websocket_max_duration: whatever passes", async () => {
    const tunnel = await start("websocket_max_duration 500ms;");
    const { client, upstream } = await openWebSocket(tunnel.port, server);
    const talking = setInterval(() => client.write(text("", masked)), 50);
    expect(closeText(await client.frame())).toBe("1001 open for too long");
    clearInterval(talking);
    client.close();
    upstream.close();
  });

  test("websocket_slow_consumer_timeout: 1013 for a client that does not read, and its upstream is let go", async () => {
    const tunnel = await start("websocket_slow_consumer_timeout 500ms;");
    const { client, upstream } = await openWebSocket(tunnel.port, server);
    client.pause();
    for (let i = 0; i < 200; i++) upstream.write(binary(Buffer.alloc(64 * 1024)));
    expect(closeText(await upstream.frame())).toBe("1001 too slow");
    upstream.close();
    await tunnel.gateway.quiet();
    expect(tunnel.gateway.errorLog()).toContain(
      "WebSocket closed by the proxy with 1013: client has read nothing for websocket_slow_consumer_timeout",
    );
    client.reset();
  });

  test("a slow reader is not a dead one", async () => {
    const tunnel = await start("websocket_slow_consumer_timeout 1s;");
    const { client, upstream } = await openWebSocket(tunnel.port, server);
    const wire = binary(Buffer.alloc(24 * 1024 * 1024));
    upstream.write(wire);
    // Each pause is shorter than the timeout, all of them are longer.
    for (let rest = wire.length; rest > 0; rest -= STRIDE_BYTES) {
      await client.take(Math.min(rest, STRIDE_BYTES));
      client.pause();
      await Bun.sleep(150);
      client.resume();
    }
    client.close();
    upstream.close();
  });
});

/** What a session makes of what its sides do: why it ends, what it tells of itself. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ERR, INFO, type LogLevel, WARN } from "../net/error-log.ts";
import { close, KEY, ping, pong, text } from "./frame-fixture.ts";
import { readOwnPing } from "./own-ping-fixture.ts";
import { WebSocketSession } from "./session.ts";
import type { WebSocketSettings } from "./settings.ts";
import { RememberingSide } from "./stream-fixture.ts";

const masked = { mask: KEY };
/** As long as no timer fires while a test runs. */
const LONG_MS = 3_600_000;

const NOTHING: WebSocketSettings = {
  mode: "auto",
  pings: undefined,
  maxMessage: { bytes: 0, decompressed: false },
  messageRate: undefined,
  allowedOrigins: undefined,
  validate: false,
  idleTimeoutMs: 0,
  maxDurationMs: 0,
  slowConsumerTimeoutMs: 0,
  drain: undefined,
  watch: "count",
};

/** Their timers would keep the event loop turning, and whatever is tested next waiting. */
const scenes: Scene[] = [];
afterEach(() => {
  for (const scene of scenes.splice(0)) scene.end();
});

class Scene {
  readonly client = new RememberingSide();
  readonly upstream = new RememberingSide();
  readonly said: (readonly [level: LogLevel, message: string])[] = [];
  readonly session: WebSocketSession;
  closed = false;

  constructor(settings: Partial<WebSocketSettings>) {
    const { client, upstream } = this;
    client.other = upstream;
    upstream.other = client;
    const log = { log: (level: LogLevel, message: string) => void this.said.push([level, message]) };
    const tunnel = { client, upstream, close: () => (this.closed = true) };
    const agreement = { subprotocol: "chat", rsvAllowed: 0, deflate: undefined };
    this.session = new WebSocketSession(log, tunnel, { ...NOTHING, ...settings }, agreement, 0);
    scenes.push(this);
  }

  clientSends(...frames: readonly Buffer[]): void {
    for (const bytes of frames) if (this.client.receive(bytes)) this.session.onCountedClose(this.client);
  }

  upstreamSends(...frames: readonly Buffer[]): void {
    for (const bytes of frames) if (this.upstream.receive(bytes)) this.session.onCountedClose(this.upstream);
  }

  end(): void {
    this.session.onTunnelClosed(false);
  }

  get told(): Readonly<Record<string, unknown>> {
    const { fromClient, fromUpstream, closeCode, closedBy, pingsSent, subprotocol } = this.session;
    return { in: fromClient.messages, out: fromUpstream.messages, closeCode, closedBy, pingsSent, subprotocol };
  }
}

describe("what it tells of itself", () => {
  test("messages, who closed, and with what", () => {
    const scene = new Scene({});
    scene.clientSends(text("a", masked), text("b", masked));
    scene.upstreamSends(text("c"), close(4001, "enough"));
    scene.clientSends(close(4001, "", masked));
    scene.end();
    expect(scene.told).toEqual({
      in: 2,
      out: 1,
      closeCode: 4001,
      closedBy: "upstream",
      pingsSent: 0,
      subprotocol: "chat",
    });
    expect(scene.said).toEqual([[INFO, "upstream closed the WebSocket with 4001"]]);
  });

  test("a client that goes away without a Close", () => {
    const scene = new Scene({});
    expect(scene.session.onSideEnded(scene.client)).toBe(false);
    scene.end();
    expect(scene.told).toMatchObject({ closeCode: 1006, closedBy: "client" });
    expect(scene.said).toEqual([[INFO, "client closed the WebSocket without a Close frame"]]);
  });

  test("proxy_read_timeout", () => {
    const scene = new Scene({});
    scene.session.onTunnelClosed(true);
    expect(scene.told).toMatchObject({ closeCode: 1006, closedBy: "proxy" });
  });

  test("the time it took stands still when it is over", async () => {
    const scene = new Scene({});
    scene.end();
    const { durationMs } = scene.session;
    await Bun.sleep(5);
    expect(scene.session.durationMs).toBe(durationMs);
  });
});

describe("why it ends", () => {
  const bound = { watch: "guard" as const };

  test("a message that is too big: the client's fault", () => {
    const scene = new Scene({ ...bound, maxMessage: { bytes: 3, decompressed: false } });
    scene.clientSends(text("four", masked));
    expect(scene.client.all).toEqual(close(1009, "message too big"));
    expect(scene.said[0]).toEqual([
      WARN,
      "WebSocket closed by the proxy with 1009: client sent a message of 4 bytes or more, which is larger than websocket_max_message_size (3)",
    ]);
    expect(scene.told).toMatchObject({ closeCode: 1009, closedBy: "proxy" });
  });

  test("a frame that breaks the protocol: the upstream's", () => {
    const scene = new Scene({ ...bound, validate: true });
    scene.upstreamSends(text("masked", masked));
    expect(scene.client.all).toEqual(close(1011, "a frame of the server is masked"));
    expect(scene.said[0]?.[0]).toBe(ERR);
  });

  test("a side that does not read; one that has read something is looked at again", () => {
    const scene = new Scene({ ...bound, slowConsumerTimeoutMs: LONG_MS });
    scene.client.waiting = 1000;
    scene.session.onSideFull(scene.client);
    scene.session.onSideDrained(scene.client);
    scene.session.onSideFull(scene.upstream);
    expect(scene.said).toEqual([]);
    scene.session.onSlowConsumer(scene.client);
    expect(scene.client.all).toEqual(close(1013, "too slow"));
    expect(scene.said[0]?.[1]).toContain("with 1013: client has read nothing for websocket_slow_consumer_timeout");
  });

  test("only once, and the first reason holds", () => {
    const scene = new Scene({ ...bound, maxMessage: { bytes: 3, decompressed: false }, validate: true });
    scene.clientSends(text("four", masked));
    scene.upstreamSends(text("masked", masked));
    scene.session.cutShort("a test");
    expect(scene.said.length).toBe(1);
    expect(scene.told).toMatchObject({ closeCode: 1009 });
  });

  test("a Close of the client before it: that one is told", () => {
    const scene = new Scene(bound);
    scene.clientSends(close(1000, "", masked));
    scene.session.cutShort("a test");
    expect(scene.told).toMatchObject({ closeCode: 1000, closedBy: "client" });
  });
});

describe("pings", () => {
  const own = readOwnPing();
  let scene: Scene;
  beforeEach(() => {
    scene = new Scene({ watch: "guard", pings: { intervalMs: LONG_MS, timeoutMs: LONG_MS } });
  });

  test("answers to them are swallowed and timed, those to others are not", () => {
    const answer = pong(own, masked);
    const other = pong("12345678", masked);
    scene.clientSends(answer, other, ping("x", masked));
    expect(scene.upstream.all).toEqual(Buffer.concat([other, ping("x", masked)]));
    // Nothing had been asked.
    expect(scene.session.clientRoundTripMs).toBe(-1);
  });

  test("a side that does not answer is cut, and the other hears of it", () => {
    scene.session.onNoPong(scene.client.frames!);
    expect(scene.client.calls[0]).toBe("cut");
    expect(scene.told).toMatchObject({ closeCode: 1001, closedBy: "proxy" });
    expect(scene.said[0]).toEqual([INFO, "WebSocket closed by the proxy with 1001: client did not answer a ping"]);
  });
});

describe("a side that is not read", () => {
  const held = { watch: "guard" as const, pings: { intervalMs: 20, timeoutMs: 20 } };

  test("may have answered, and is asked again when it is read", async () => {
    const scene = new Scene(held);
    scene.client.reading = false;
    scene.upstream.reading = false;
    await Bun.sleep(200);
    expect(scene.said).toEqual([]);
    scene.client.reading = true;
    while (scene.said.length === 0) await Bun.sleep(5);
    expect(scene.said[0]?.[1]).toContain("client did not answer a ping");
  });

  test("is dead where it does not take what it is sent", async () => {
    const scene = new Scene(held);
    scene.client.reading = false;
    scene.upstream.reading = false;
    scene.upstream.waiting = 8;
    while (scene.said.length === 0) await Bun.sleep(5);
    expect(scene.said[0]?.[1]).toContain("upstream did not answer a ping");
  });

  test("is slow, not dead, while it takes something, however much is sent to it", async () => {
    const scene = new Scene(held);
    scene.client.reading = false;
    scene.upstream.waiting = 1000;
    const taking = setInterval(() => scene.upstream.taken++, 1);
    await Bun.sleep(200);
    expect(scene.said).toEqual([]);
    clearInterval(taking);
    while (scene.said.length === 0) await Bun.sleep(5);
    expect(scene.said[0]?.[1]).toContain("upstream did not answer a ping");
  });

  test("cannot answer in the middle of a frame, and is dead where it does not take what there is of it", async () => {
    const scene = new Scene(held);
    scene.upstream.reading = false;
    const message = text("a long one");
    scene.upstreamSends(message.subarray(0, 5));
    await Bun.sleep(200);
    expect(scene.said).toEqual([]);
    scene.client.waiting = 5;
    while (scene.said.length === 0) await Bun.sleep(5);
    expect(scene.said[0]?.[1]).toContain("client did not answer a ping");
  });

  test("is not idle while messages wait to be passed on", async () => {
    const scene = new Scene({
      watch: "guard",
      idleTimeoutMs: 20,
      messageRate: { perSecond: 1000 / 60, burst: 0, delay: true },
    });
    scene.clientSends(text("a", masked), text("b", masked));
    await Bun.sleep(200);
    expect([scene.said, scene.upstream.all]).toEqual([[], text("a", masked)]);
  });
});

describe("drain", () => {
  const window = (windowMs: number, code = 1001) => ({ drain: { windowMs, code, reason: "later" } });

  /** Its time has come. */
  async function fired(scene: Scene): Promise<void> {
    while (scene.said.length === 0) await Bun.sleep(5);
  }

  test("with the code and reason of the configuration", async () => {
    const scene = new Scene(window(0, 1012));
    scene.session.drain("a test", Number.POSITIVE_INFINITY);
    await fired(scene);
    expect(scene.client.all).toEqual(close(1012, "later"));
    expect(scene.said).toEqual([[INFO, "WebSocket closed by the proxy with 1012: a test"]]);
    expect(scene.told).toMatchObject({ closeCode: 1012, closedBy: "proxy" });
    // The client's answer is the upstream's Close.
    expect(scene.upstream.sent).toEqual([]);
  });

  test("within the time that there is, if that is less", async () => {
    const scene = new Scene(window(LONG_MS));
    scene.session.drain("a test", 0);
    await fired(scene);
    expect(scene.told).toMatchObject({ closeCode: 1001 });
  });

  test("not later when it is asked again, sooner if need be", async () => {
    const scene = new Scene(window(LONG_MS));
    scene.session.drain("first", Number.POSITIVE_INFINITY);
    scene.session.drain("second", 0);
    scene.session.drain("third", Number.POSITIVE_INFINITY);
    await fired(scene);
    expect(scene.said[0]?.[1]).toContain("second");
  });

  test("not at all where the reason is gone, the directive is off, or WebSockets are passed as nginx does", async () => {
    const quiet = [
      new Scene(window(0)),
      new Scene({ drain: "off" }),
      new Scene({}),
      new Scene({ ...window(0), mode: "off" }),
    ];
    for (const { session } of quiet) session.drain("a test", Number.POSITIVE_INFINITY);
    quiet[0]?.session.stay();
    // A timer that was armed later has fired: so would these have.
    const last = new Scene(window(0));
    last.session.drain("a test", 0);
    await fired(last);
    expect(quiet.map(({ said }) => said.length)).toEqual([0, 0, 0, 0]);
  });

  test("messages that wait for their turn pass before the end", () => {
    const scene = new Scene({
      ...window(0),
      watch: "guard",
      messageRate: { perSecond: 1, burst: 0, delay: true },
    });
    scene.clientSends(text("first", masked), text("second", masked), text("third", masked));
    scene.session.retire({
      code: 1001,
      clientCode: 1001,
      upstreamCode: 1001,
      reason: "",
      level: INFO,
      words: "a test",
    });
    expect(scene.upstream.all).toEqual(text("first", masked));
    scene.client.frames!.resume();
    scene.client.frames!.resume();
    expect(scene.upstream.all.toString("latin1")).toStartWith(
      Buffer.concat([text("first", masked), text("second", masked)]).toString("latin1"),
    );
  });
});

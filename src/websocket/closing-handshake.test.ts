/** How the proxy ends a WebSocket: who hears what, in which order, and what still passes. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ClosingHandshake } from "./closing-handshake.ts";
import { goingAway, MESSAGE_TOO_BIG, refusal } from "./endings.ts";
import { close, KEY, text } from "./frame-fixture.ts";
import { FrameStream, type StreamRules } from "./frame-stream.ts";
import { FrameWalker } from "./frame-walker.ts";
import { NO_LIMITS, RememberingOwner, RememberingSide } from "./stream-fixture.ts";

const masked = { mask: KEY };
const ENDING = goingAway("soon back", "a test");

/** Their timers would keep the event loop turning, and whatever is tested next waiting. */
const scenes: Scene[] = [];
afterEach(() => {
  for (const { handshake } of scenes.splice(0)) handshake.release();
});

/** A tunnel between two sides that remember. */
class Scene {
  readonly client = new RememberingSide();
  readonly upstream = new RememberingSide();
  readonly fromClient: FrameStream;
  readonly fromUpstream: FrameStream;
  readonly handshake: ClosingHandshake;
  closed = false;

  constructor(rules: StreamRules | undefined) {
    const { client, upstream } = this;
    client.other = upstream;
    upstream.other = client;
    const owner = new RememberingOwner();
    this.fromClient = new FrameStream(client, upstream, true, new FrameWalker(), rules, owner);
    this.fromUpstream = new FrameStream(upstream, client, false, new FrameWalker(), rules, owner);
    const tunnel = { client, upstream, close: () => (this.closed = true) };
    this.handshake = new ClosingHandshake(tunnel, this.fromClient, this.fromUpstream);
    owner.onClose = () => this.handshake.settle();
    owner.onInserted = () => this.handshake.settle();
    scenes.push(this);
  }

  clientSends(...frames: readonly Buffer[]): void {
    for (const bytes of frames) this.fromClient.pass(bytes, bytes.length);
  }

  upstreamSends(...frames: readonly Buffer[]): void {
    for (const bytes of frames) this.fromUpstream.pass(bytes, bytes.length);
  }

  /** A Close of the proxy to the upstream, unmasked. */
  get upstreamHeard(): string {
    const { all } = this.upstream;
    const key = all.subarray(2, 6);
    return Buffer.from(all.subarray(6).map((byte, i) => byte ^ key[i % 4]!)).toString("hex");
  }
}

const TO_CLIENT = close(1001, "soon back");
const MESSAGE = text("message", masked);
const PUSHED = text("pushed");

for (const rules of [undefined, NO_LIMITS, { ...NO_LIMITS, validate: true }]) {
  const kind = rules === undefined ? "without rules" : rules.validate ? "validating" : "guarding";
  describe(`retire, ${kind}`, () => {
    let scene: Scene;
    beforeEach(() => {
      scene = new Scene(rules);
    });

    test("the client's messages pass until its answer, which is the upstream's Close", () => {
      scene.upstreamSends(PUSHED);
      scene.handshake.retire(ENDING);
      expect(scene.client.all).toEqual(Buffer.concat([PUSHED, TO_CLIENT]));
      scene.upstreamSends(PUSHED);
      const answer = close(1001, "bye", masked);
      scene.clientSends(MESSAGE, MESSAGE.subarray(0, 9), MESSAGE.subarray(9));
      expect(scene.client.calls).not.toContain("hang up");
      scene.clientSends(answer);
      expect(scene.upstream.all).toEqual(Buffer.concat([MESSAGE, MESSAGE, answer]));
      expect(scene.client.calls).toContain("hang up");
      expect(scene.upstream.calls).not.toContain("hang up");
      scene.upstreamSends(PUSHED, close(1001));
      expect(scene.upstream.calls).toContain("hang up");
      expect(scene.client.all).toEqual(Buffer.concat([PUSHED, TO_CLIENT]));
    });

    test("a frame that is half sent to the client is whole before the Close", () => {
      scene.upstreamSends(PUSHED.subarray(0, 3));
      scene.handshake.retire(ENDING);
      scene.clientSends(MESSAGE);
      expect(scene.client.all).toEqual(PUSHED.subarray(0, 3));
      scene.upstreamSends(Buffer.concat([PUSHED.subarray(3), PUSHED]));
      expect(scene.client.all).toEqual(Buffer.concat([PUSHED, TO_CLIENT]));
      expect(scene.upstream.all).toEqual(MESSAGE);
    });

    test("both close at the same time", () => {
      scene.handshake.retire(ENDING);
      scene.upstreamSends(close(1000));
      const answer = close(1000, "", masked);
      scene.clientSends(answer);
      expect(scene.client.all).toEqual(TO_CLIENT);
      expect(scene.upstream.all).toEqual(answer);
      expect([scene.client.calls.at(-1), scene.upstream.calls.at(-1)]).toEqual(["hang up", "hang up"]);
    });

    test("a client that only closes its connection: the upstream gets a Close of the proxy", () => {
      scene.handshake.retire(ENDING);
      scene.clientSends(MESSAGE);
      scene.handshake.sideGone(scene.fromClient);
      expect(scene.upstream.sent[0]).toEqual(MESSAGE);
      expect(scene.upstream.sent.length).toBe(2);
      scene.upstreamSends(close(1001));
      expect(scene.upstream.calls).toContain("hang up");
    });

    test("a client that leaves within a frame: nothing can follow it", () => {
      scene.handshake.retire(ENDING);
      scene.clientSends(MESSAGE.subarray(0, 9));
      scene.handshake.sideGone(scene.fromClient);
      expect(scene.upstream.all).toEqual(MESSAGE.subarray(0, 9));
      expect(scene.upstream.calls).toContain("hang up");
    });

    test("a client that does not answer: the upstream is told, and waited for once more", () => {
      scene.handshake.retire(ENDING);
      scene.handshake.onTimer();
      expect(scene.upstreamHeard).toBe("03e9");
      expect(scene.closed).toBe(false);
      scene.upstreamSends(close(1001));
      expect(scene.closed).toBe(true);
    });

    test("a client that is still reading what was sent before is waited for", () => {
      scene.handshake.retire(ENDING);
      for (const waiting of [3000, 2000, 1]) {
        scene.client.waiting = waiting;
        scene.handshake.onTimer();
        expect(scene.upstream.sent.length).toBe(0);
      }
      scene.handshake.onTimer();
      expect(scene.upstreamHeard).toBe("03e9");
    });

    test("nobody answers", () => {
      scene.handshake.retire(ENDING);
      scene.clientSends(MESSAGE.subarray(0, 9));
      scene.handshake.onTimer();
      expect(scene.closed).toBe(false);
      scene.handshake.onTimer();
      expect(scene.closed).toBe(true);
    });

    test("an upstream that leaves: the client is still waited for", () => {
      scene.handshake.retire(ENDING);
      scene.handshake.sideGone(scene.fromUpstream);
      expect(scene.client.calls).not.toContain("hang up");
      scene.clientSends(close(1001, "", masked));
      expect(scene.client.calls).toContain("hang up");
    });
  });
}

describe("refuse", () => {
  test("both are told at once, and nothing passes any more", () => {
    const scene = new Scene(NO_LIMITS);
    scene.clientSends(MESSAGE);
    const ending = refusal(true, MESSAGE_TOO_BIG, "too big", "a test");
    scene.handshake.refuse(ending, scene.fromClient, false);
    expect(scene.client.all).toEqual(close(1009, "too big"));
    expect(scene.upstream.sent.length).toBe(2);
    scene.clientSends(MESSAGE);
    scene.upstreamSends(PUSHED);
    expect(scene.upstream.sent.length).toBe(2);
    scene.clientSends(close(1009, "", masked));
    scene.upstreamSends(close(1001));
    expect([scene.client.calls.at(-1), scene.upstream.calls.at(-1)]).toEqual(["hang up", "hang up"]);
  });

  test("a fault of a client that is being retired", () => {
    const scene = new Scene(NO_LIMITS);
    scene.handshake.retire(ENDING);
    scene.clientSends(MESSAGE);
    scene.handshake.refuse(refusal(true, MESSAGE_TOO_BIG, "too big", "a test"), scene.fromClient, false);
    expect(scene.client.all).toEqual(TO_CLIENT);
    expect(scene.upstream.sent.length).toBe(2);
  });
});

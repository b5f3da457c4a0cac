import { describe, expect, test } from "bun:test";
import { FakeChoice, loadUpstream } from "./load-fixture.ts";
import type { Upstream } from "./upstream.ts";

const A = "server 10.0.0.1:1";
const B = "server 10.0.0.2:1";
const C = "server 10.0.0.3:1";

/** The last number of a peer's address as a letter: 10.0.0.1 is `a`. */
function letter(text: string | undefined): string {
  return text === undefined ? "-" : "abcdefgh".charAt(Number(/\.(\d+):/.exec(text)?.[1]) - 1);
}

/** Sends a request to the first peer that does not fail; every peer it tried, then `!` where none was left. */
function request(upstream: Upstream, choice: FakeChoice, failing: string): string {
  const attempt = upstream.balancer.begin(choice);
  let tried = "";
  for (;;) {
    const peer = upstream.balancer.next(attempt);
    if (peer === undefined) return `${tried}!`;
    const name = letter(peer.address.text);
    tried += name;
    const failed = failing.includes(name);
    upstream.balancer.free(attempt, failed);
    if (!failed) return tried;
    if (attempt.tries === 0) return `${tried}!`;
  }
}

/** `n` requests one after the other. */
function requests(upstream: Upstream, n: number, choice = new FakeChoice(), failing = ""): string {
  return Array.from({ length: n }, () => request(upstream, choice, failing)).join(" ");
}

describe("sequences", () => {
  const cases: readonly (readonly [name: string, block: string, expected: string])[] = [
    ["weights 5 1 1 are spread smoothly", `${A} weight=5; ${B}; ${C};`, "a a b a c a a a a b a c a a"],
    ["equal weights take turns", `${A}; ${B}; ${C};`, "a b c a b c"],
    ["a server that is down gets nothing", `${A}; ${B} down; ${C};`, "a c a c"],
    ["a draining server gets nothing new", `${A}; ${B} drain; ${C};`, "a c a c"],
    ["backups wait", `${A}; ${B} backup; ${C};`, "a c a c"],
    ["backups take over when no primary server is up", `${A} down; ${B} backup; ${C} backup;`, "b c b c"],
    ["one server", `${A};`, "a a a"],
    ["one server that is down", `${A} down;`, "! !"],
    ["all down", `${A} down; ${B} down;`, "! !"],
    ["least_conn without load takes turns", `least_conn; ${A}; ${B}; ${C};`, "a b c a b c"],
    ["least_conn takes turns by weight", `least_conn; ${A} weight=2; ${B};`, "a b a a b a"],
    ["least_conn uses its backups", `least_conn; ${A} down; ${B} backup; ${C} backup;`, "b c b c"],
    ["hash of an empty key takes turns", `hash $x; ${A}; ${B}; ${C};`, "a b c a"],
    ["consistent hash of an empty key takes turns", `hash $x consistent; ${A}; ${B}; ${C};`, "a b c a"],
    ["random finds the only server that is up", `random; ${A} down; ${B}; ${C} down;`, "b b b b"],
    ["random two settles for one", `random two; ${A} down; ${B}; ${C} down;`, "b b b b"],
  ];
  for (const [name, block, expected] of cases) {
    test(name, async () => {
      const upstream = await loadUpstream(block);
      expect(requests(upstream, expected.split(" ").length)).toBe(expected);
    });
  }
});

describe("failures", () => {
  test("max_fails disables a peer for fail_timeout, then one request probes it", async () => {
    const upstream = await loadUpstream(`${A} fail_timeout=10s; ${B};`);
    const choice = new FakeChoice();
    expect(requests(upstream, 4, choice, "a")).toBe("ab b b b");
    choice.nowMs = 10_000;
    expect(requests(upstream, 2, choice, "a")).toBe("b b");
    choice.nowMs = 10_001;
    // Its weight fell to nothing: it comes back in turn, not at once.
    expect(requests(upstream, 5, choice, "a")).toBe("b b ab b b");
    choice.nowMs = 20_002;
    expect(requests(upstream, 1, choice)).toMatch(/^[ab]$/);
    expect(requests(upstream, 6, choice)).toMatch(/a/);
    expect(upstream.peers[0]?.fails).toBe(0);
  });

  test("max_fails=3 takes three", async () => {
    const upstream = await loadUpstream(`${A} max_fails=3; ${B} max_fails=3;`);
    expect(requests(upstream, 12, new FakeChoice(), "a").replaceAll("ab", "X").match(/X/g)?.length).toBe(3);
  });

  test("failures are forgotten by a success after fail_timeout only", async () => {
    const upstream = await loadUpstream(`${A} max_fails=2; ${B} down; ${C} down;`);
    const choice = new FakeChoice();
    expect(request(upstream, choice, "a")).toBe("a!");
    expect(request(upstream, choice, "")).toBe("a");
    expect(upstream.peers[0]?.fails).toBe(1);
    choice.nowMs = 10_001;
    expect(request(upstream, choice, "")).toBe("a");
    expect(upstream.peers[0]?.fails).toBe(0);
  });

  test("max_fails=0 never disables", async () => {
    const upstream = await loadUpstream(`${A} max_fails=0; ${B} max_fails=0;`);
    expect(requests(upstream, 4, new FakeChoice(), "ab")).toBe("ab! ba! ab! ba!");
  });

  test("a failing peer loses weight and wins it back", async () => {
    const upstream = await loadUpstream(`${A} weight=4 max_fails=2; ${B} weight=4;`);
    const [a] = upstream.peers;
    expect(request(upstream, new FakeChoice(), "a")).toBe("ab");
    expect(a?.effectiveWeight).toBe(2);
    requests(upstream, 2);
    expect(a?.effectiveWeight).toBe(4);
  });

  test("a single server is never given up", async () => {
    const upstream = await loadUpstream(`${A};`);
    expect(requests(upstream, 3, new FakeChoice(), "a")).toBe("a! a! a!");
    expect(upstream.peers[0]?.fails).toBe(0);
  });

  test("backups are tried after the primaries, and their tries count", async () => {
    const upstream = await loadUpstream(`${A}; ${B}; ${C} backup;`);
    expect(requests(upstream, 3, new FakeChoice(), "ab")).toBe("abc c c");
    expect(requests(upstream, 2, new FakeChoice(), "abc")).toBe("c! !");
  });

  test("the attempt says when a peer was disabled", async () => {
    const upstream = await loadUpstream(`${A} max_fails=2; ${B};`);
    const seen: boolean[] = [];
    for (let i = 0; i < 2; i++) {
      const attempt = upstream.balancer.begin(new FakeChoice());
      while (upstream.balancer.next(attempt)?.address.host !== "10.0.0.1") upstream.balancer.free(attempt, false);
      upstream.balancer.free(attempt, true);
      seen.push(attempt.disabled);
    }
    expect(seen).toEqual([false, true]);
  });

  test("a peer is given back once", async () => {
    const upstream = await loadUpstream(`${A}; ${B};`);
    const attempt = upstream.balancer.begin(new FakeChoice());
    const peer = upstream.balancer.next(attempt);
    expect(peer?.conns).toBe(1);
    upstream.balancer.free(attempt, false);
    upstream.balancer.free(attempt, false);
    expect(peer?.conns).toBe(0);
  });
});

describe("connections", () => {
  /** Opens requests that stay: the peers they hold. */
  function hold(upstream: Upstream, n: number, choice = new FakeChoice()): string {
    let held = "";
    for (let i = 0; i < n; i++) held += letter(upstream.balancer.next(upstream.balancer.begin(choice))?.address.text);
    return held;
  }

  test("max_conns limits, then nobody is left", async () => {
    expect(hold(await loadUpstream(`${A} max_conns=1; ${B} max_conns=2;`), 5)).toBe("abb--");
    expect(hold(await loadUpstream(`${A} max_conns=2;`), 3)).toBe("aa-");
    expect(hold(await loadUpstream(`${A} max_conns=1; ${B} backup;`), 3)).toBe("abb");
    expect(hold(await loadUpstream(`ip_hash; ${A} max_conns=1; ${B} max_conns=1;`), 3)).toMatch(/^(?:ab|ba)-$/);
    expect(hold(await loadUpstream(`random two; ${A} max_conns=1; ${B} max_conns=1;`), 3)).toMatch(/^(?:ab|ba)-$/);
  });

  test("least_conn fills by weight", async () => {
    const held = hold(await loadUpstream(`least_conn; ${A} weight=3; ${B};`), 8);
    expect([held.replaceAll("b", "").length, held.replaceAll("a", "").length]).toEqual([6, 2]);
  });

  test("least_conn goes where a request ended", async () => {
    const upstream = await loadUpstream(`least_conn; ${A}; ${B}; ${C};`);
    const attempts = Array.from({ length: 6 }, () => {
      const attempt = upstream.balancer.begin(new FakeChoice());
      upstream.balancer.next(attempt);
      return attempt;
    });
    const ended = attempts.find((attempt) => attempt.peer?.address.host === "10.0.0.2");
    if (ended !== undefined) upstream.balancer.free(ended, false);
    expect(hold(upstream, 1)).toBe("b");
  });

  test("random two prefers the idle one of two servers", async () => {
    const upstream = await loadUpstream(`random two; ${A}; ${B};`);
    const held = hold(upstream, 10);
    expect(held.replaceAll("a", "").length).toBe(5);
  });
});

describe("affinity", () => {
  test("a key keeps its peer, and most keys keep it when a server goes", async () => {
    const before = await loadUpstream(`hash $k consistent; ${A}; ${B}; ${C};`);
    const after = await loadUpstream(`hash $k consistent; ${A}; ${B} down; ${C};`);
    let moved = 0;
    for (let i = 0; i < 300; i++) {
      const first = request(before, new FakeChoice(`key${i}`), "");
      expect(request(before, new FakeChoice(`key${i}`), "")).toBe(first);
      const second = request(after, new FakeChoice(`key${i}`), "");
      expect(second).not.toBe("b");
      if (first !== "b" && second !== first) moved++;
    }
    expect(moved).toBe(0);
  });

  test("ip_hash keeps a /24 together", async () => {
    const upstream = await loadUpstream(`ip_hash; ${A}; ${B}; ${C};`);
    const peers = new Set(
      Array.from({ length: 256 }, (_, i) => request(upstream, new FakeChoice("", Uint8Array.of(192, 0, 2, i)), "")),
    );
    expect(peers.size).toBe(1);
  });

  test("more than 32 servers are tried once each", async () => {
    const servers = Array.from({ length: 40 }, (_, i) => `server 10.0.1.${i + 1}:1;`).join(" ");
    for (const method of ["", "least_conn;", "hash $k;", "random;"]) {
      const upstream = await loadUpstream(`${method} ${servers}`);
      const attempt = upstream.balancer.begin(new FakeChoice("k"));
      const seen = new Set<string>();
      for (;;) {
        const peer = upstream.balancer.next(attempt);
        if (peer === undefined) break;
        expect(seen.has(peer.address.text)).toBe(false);
        seen.add(peer.address.text);
        upstream.balancer.free(attempt, true);
      }
      expect(seen.size).toBe(40);
    }
  });
});

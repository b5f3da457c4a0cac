/** What upstreams keep over a reload. */
import { expect, test } from "bun:test";
import { nowMs } from "../net/timers.ts";
import { loadHttp } from "./load-fixture.ts";
import type { IdleSlot, PooledConnection } from "./pool.ts";
import type { Upstream } from "./upstream.ts";
import { type UpstreamSet, upstreams } from "./upstream-set.ts";

class FakeConnection implements PooledConnection {
  readonly security = "";
  requests = 1;
  startedMs = nowMs();
  slot: IdleSlot | undefined = undefined;
  closed = false;
  close(): void {
    this.closed = true;
  }
}

async function load(text: string): Promise<UpstreamSet> {
  const loaded = await loadHttp(text);
  expect(loaded.diagnostics).toEqual([]);
  return upstreams(loaded.load);
}

function only(set: UpstreamSet): Upstream {
  const [upstream] = [...set];
  if (upstream === undefined) throw new Error("no upstream");
  return upstream;
}

/** One connection rests at each peer, another is in use; each peer has failed once. */
function used(upstream: Upstream) {
  return upstream.peers.map((peer, i) => {
    peer.fails = i + 1;
    peer.checkedMs = 1000;
    peer.currentWeight = -1;
    const resting = new FakeConnection();
    expect(upstream.pool.give(resting, peer, undefined)).toBe(true);
    return { peer, resting, inUse: new FakeConnection() };
  });
}

const BLOCK = "upstream u { server 10.0.0.1; server 10.0.0.2; keepalive 8; }";
const THREE = "10.0.0.1 10.0.0.2 10.0.0.3";

const cases: readonly {
  name: string;
  before?: string;
  after: string;
  /** Failures of the peers afterwards. */
  fails: number[];
  /** Peers of before whose connections are kept. */
  kept: boolean[];
}[] = [
  { name: "the same", after: BLOCK, fails: [1, 2], kept: [true, true] },
  { name: "the same, elsewhere", after: `pass two;\n${BLOCK}`, fails: [1, 2], kept: [true, true] },
  {
    name: "another order",
    after: "upstream u { server 10.0.0.2; server 10.0.0.1; keepalive 8; }",
    fails: [2, 1],
    kept: [true, true],
  },
  {
    name: "one more",
    after: `upstream u { ${THREE.replaceAll(/\S+/g, "server $&;")} keepalive 8; }`,
    fails: [1, 2, 0],
    kept: [true, true],
  },
  {
    name: "one fewer",
    after: "upstream u { server 10.0.0.2; keepalive 8; }",
    fails: [2],
    kept: [false, true],
  },
  { name: "another port", after: BLOCK.replace("10.0.0.1", "10.0.0.1:81"), fails: [0, 2], kept: [false, true] },
  { name: "no keepalive", after: BLOCK.replace("keepalive 8", "keepalive 0"), fails: [1, 2], kept: [false, false] },
  { name: "another name", after: BLOCK.replace(" u ", " v "), fails: [0, 0], kept: [false, false] },
];

for (const { name, before = BLOCK, after, fails, kept } of cases) {
  test(name, async () => {
    const old = await load(before);
    const rows = used(only(old));
    const { pool } = only(old);
    const fresh = await load(after);
    fresh.continueFrom(old);
    const upstream = [...fresh].find(({ explicit }) => explicit);
    expect(upstream?.peers.map((peer) => peer.fails)).toEqual(fails);
    expect(rows.map(({ resting }) => !resting.closed)).toEqual(kept);
    // Those that were in use at the time, given by who began under the old configuration.
    expect(rows.map(({ inUse, peer }) => pool.give(inUse, peer, undefined))).toEqual(kept);
    const taken = upstream?.peers.flatMap((peer) => {
      const found: unknown[] = [];
      for (;;) {
        const connection = upstream.pool.take(peer, undefined);
        if (connection === undefined) return found;
        found.push(connection);
      }
    });
    expect(taken).toHaveLength(kept.filter(Boolean).length * 2);
    upstream?.pool.retire(undefined, new Map());
  });
}

test("a connection that moved is removed from where it is when its peer closes it", async () => {
  const old = await load(BLOCK);
  const rows = used(only(old));
  const { pool } = only(old);
  const fresh = await load(BLOCK.replace("server 10.0.0.1;", "server 10.0.0.1 weight=2;"));
  fresh.continueFrom(old);
  const next = only(fresh).pool;
  expect([pool.idle, next.idle]).toEqual([0, 2]);
  pool.remove(rows[0]!.resting);
  expect([pool.idle, next.idle]).toEqual([0, 1]);
  next.retire(undefined, new Map());
});

test("hosts without a block go on, too", async () => {
  const old = await load("pass two;");
  only(old).peers[1]!.fails = 3;
  const fresh = await load("pass two;");
  fresh.continueFrom(old);
  expect(only(fresh).peers.map(({ fails }) => fails)).toEqual([0, 3]);
});

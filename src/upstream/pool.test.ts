import { expect, test } from "bun:test";
import { nowMs } from "../net/timers.ts";
import { DEFAULT_PEER_OPTIONS, Peer } from "./peer.ts";
import { ConnectionPool, type IdleSlot, type KeepaliveSettings, type PooledConnection } from "./pool.ts";
import { ipPeerAddress } from "./upstream.ts";

const SETTINGS: KeepaliveSettings = {
  size: 3,
  local: false,
  maxRequests: 100,
  maxAgeMs: 3_600_000,
  idleTimeoutMs: 60_000,
};

class FakeConnection implements PooledConnection {
  readonly security = "";
  readonly name: string;
  requests = 1;
  startedMs = nowMs();
  slot: IdleSlot | undefined = undefined;
  closed = false;
  constructor(name: string) {
    this.name = name;
  }
  close(): void {
    this.closed = true;
  }
}

const peers = ["10.0.0.1", "10.0.0.2"].map((ip) => new Peer(ipPeerAddress(ip, 80), ip, DEFAULT_PEER_OPTIONS));
const [a, b] = peers as [Peer, Peer];

function filled(settings: Partial<KeepaliveSettings> = {}): { pool: ConnectionPool; all: FakeConnection[] } {
  const pool = new ConnectionPool({ ...SETTINGS, ...settings });
  return { pool, all: ["1", "2", "3", "4"].map((name) => new FakeConnection(name)) };
}

test("the connection used last comes first, per peer", () => {
  const { pool, all } = filled();
  const [one, two, three] = all as [FakeConnection, FakeConnection, FakeConnection];
  pool.give(one, a, undefined);
  pool.give(two, a, undefined);
  pool.give(three, b, undefined);
  expect(pool.take(a, undefined)).toBe(two);
  expect(pool.take(a, undefined)).toBe(one);
  expect(pool.take(a, undefined)).toBeUndefined();
  expect(pool.idle).toBe(1);
  expect(two.slot?.resting).toBe(false);
  pool.retire(undefined, new Map());
  expect(three.closed).toBe(true);
});

test("a full pool drops what was idle longest, of any peer", () => {
  const { pool, all } = filled();
  for (const [i, connection] of all.entries()) expect(pool.give(connection, i === 0 ? a : b, undefined)).toBe(true);
  expect(all.map((connection) => connection.closed)).toEqual([true, false, false, false]);
  expect(pool.idle).toBe(3);
  pool.retire(undefined, new Map());
});

test("a connection that is used up is not kept", () => {
  const { pool, all } = filled();
  const [one, two, three] = all as [FakeConnection, FakeConnection, FakeConnection];
  one.requests = 100;
  two.startedMs = nowMs() - 3_600_001;
  expect([pool.give(one, a, undefined), pool.give(two, a, undefined)]).toEqual([false, false]);
  expect(new ConnectionPool({ ...SETTINGS, size: 0 }).give(three, a, undefined)).toBe(false);
});

test("a connection that closed by itself leaves from the middle", () => {
  const { pool, all } = filled();
  const [one, two, three] = all as [FakeConnection, FakeConnection, FakeConnection];
  for (const connection of [one, two, three]) pool.give(connection, a, undefined);
  pool.remove(two);
  pool.remove(two);
  expect(two.closed).toBe(false);
  expect([pool.take(a, undefined), pool.take(a, undefined), pool.take(a, undefined)]).toEqual([three, one, undefined]);
});

test("local connections are reused by their location only", () => {
  const { pool, all } = filled({ local: true });
  const [one, two] = all as [FakeConnection, FakeConnection];
  const [here, there] = [{}, {}];
  pool.give(one, a, here);
  pool.give(two, a, there);
  expect(pool.take(a, here)).toBe(one);
  expect(pool.take(a, here)).toBeUndefined();
  expect(pool.take(a, there)).toBe(two);
});

test("idle ones are closed after keepalive_timeout, oldest first", () => {
  const { pool, all } = filled();
  const [one, two] = all as [FakeConnection, FakeConnection];
  pool.give(one, a, undefined);
  pool.give(two, b, undefined);
  const since = two.slot?.idleSinceMs ?? 0;
  pool.expire(since + 59_999);
  expect(two.closed).toBe(false);
  pool.expire(since + 60_000);
  expect([one.closed, two.closed, pool.idle]).toEqual([true, true, 0]);
});

/** socket.io through three nodes: polling, upgrade, fallback. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { curl } from "../harness/curl.ts";
import { findNginx, startNginx } from "../harness/gateway.ts";
import { type NodeBackend, type NodePeer, startBackend, startPeer } from "../harness/node-process.ts";
import { type Seed, startSeed } from "../harness/seed.ts";

/** What a client of socketio-clients.mjs saw. */
interface ClientView {
  readonly localAddress: string;
  readonly answers: { readonly name: string; readonly transport: string; readonly forwardedFor?: string }[];
  readonly engineId?: string;
  readonly connectedBy?: string;
  readonly transport?: string;
  readonly textCameBack?: boolean;
  readonly bytesCameBack?: boolean;
  readonly error?: string;
}

const NAMES = ["red", "green", "blue"] as const;
const BOTH = ["polling", "websocket"];

let nodes: NodeBackend[];

beforeAll(async () => {
  nodes = await Promise.all(NAMES.map((name) => startBackend("socketio-server.mjs", name)));
});

afterAll(() => Promise.all(nodes.map((node) => node.stop())));

function backends(): Record<number, number> {
  return Object.fromEntries(nodes.map((node, i) => [3001 + i, node.port]));
}

async function connect(
  seed: Seed,
  clients: readonly { readonly localAddress: string; readonly transports: readonly string[] }[],
): Promise<{ readonly peer: NodePeer; readonly views: ClientView[] }> {
  const peer = startPeer("socketio-clients.mjs", `http://127.0.0.1:${seed.port}`, clients);
  return { peer, views: (await peer.next()) as ClientView[] };
}

/** Names of the nodes that were asked for a session, with the transports it used there. */
async function nodesOf(engineId: string | undefined): Promise<string[]> {
  const found: string[] = [];
  for (const [i, node] of nodes.entries()) {
    const sessions = (await (await fetch(`http://127.0.0.1:${node.port}/sessions`)).json()) as {
      readonly sid: string;
      readonly transports: string[];
    }[];
    const session = sessions.find(({ sid }) => sid === engineId);
    if (session !== undefined) found.push(`${NAMES[i]}: ${session.transports.toSorted().join(", ")}`);
  }
  return found;
}

describe("ip-hash.conf", () => {
  let seed: Seed;
  /** Addresses of different /24 networks, as ip_hash looks at no more of IPv4. */
  const addresses = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `127.0.${n * 13}.1`);

  beforeAll(async () => {
    seed = await startSeed("ip-hash", backends());
  });
  afterAll(async () => {
    await seed.gateway.stop();
    seed.gateway.remove();
  });

  test("polling, then WebSocket: every request of a client reaches the same node", async () => {
    const { peer, views } = await connect(
      seed,
      addresses.map((localAddress) => ({ localAddress, transports: BOTH })),
    );
    for (const view of views) {
      const [first] = view.answers;
      expect(view).toMatchObject({
        connectedBy: "polling",
        transport: "websocket",
        textCameBack: true,
        bytesCameBack: true,
      });
      expect(first?.forwardedFor).toBe(view.localAddress);
      expect(new Set(view.answers.map(({ name }) => name)).size).toBe(1);
      expect(await nodesOf(view.engineId)).toEqual([`${first?.name}: polling, websocket`]);
    }
    expect(new Set(views.map((view) => view.answers[0]?.name)).size).toBeGreaterThan(1);
    await peer.stop();
  });

  test("clients that only poll, and clients that never do", async () => {
    const clients = [["polling"], ["websocket"]].flatMap((transports) =>
      addresses.slice(0, 3).map((localAddress) => ({ localAddress, transports })),
    );
    const { peer, views } = await connect(seed, clients);
    for (const [i, view] of views.entries()) {
      const transport = clients[i]?.transports[0];
      expect(view).toMatchObject({ transport, textCameBack: true, bytesCameBack: true });
      expect(await nodesOf(view.engineId)).toEqual(
        transport === "polling" ? [`${view.answers[0]?.name}: polling`] : [],
      );
      // By address only: the same client with another transport stands at the same node.
      expect(view.answers[0]?.name).toBe(views[i % 3]?.answers[0]?.name as string);
    }
    await peer.stop();
  });

  test.skipIf(findNginx() === undefined)("the node of an address is the one that nginx chooses", async () => {
    const nginx = await startSeed("ip-hash", backends(), undefined, startNginx);
    const chosen = async (port: number): Promise<string[]> => {
      const names: string[] = [];
      for (const address of addresses) {
        await curl("--interface", address, `http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`);
        names.push(address);
      }
      return names;
    };
    await chosen(nginx.port);
    await chosen(seed.port);
    // The last lines of the logs are written after the answers.
    await nginx.gateway.quiet();
    await seed.gateway.quiet();
    const peersOf = (log: string): Map<string, string> =>
      new Map(
        log
          .split("\n")
          .flatMap((line) =>
            line.includes('"GET /socket.io/?EIO=4&transport=polling HTTP')
              ? [[line.split(" ")[0] ?? "", line.split(" ").at(-1) ?? ""]]
              : [],
          ),
      );
    expect([...peersOf(seed.gateway.accessLog())]).toEqual([...peersOf(nginx.gateway.accessLog())]);
    await nginx.gateway.stop();
    nginx.gateway.remove();
  });
});

describe("least-conn.conf", () => {
  let seed: Seed;

  beforeAll(async () => {
    seed = await startSeed("least-conn", backends());
  });
  afterAll(async () => {
    await seed.gateway.stop();
    seed.gateway.remove();
  });

  test("WebSockets spread evenly, and go where the fewest are", async () => {
    const client = { localAddress: "127.0.0.1", transports: ["websocket"] };
    const first = await connect(seed, Array(6).fill(client));
    const names = first.views.map((view) => view.answers[0]?.name ?? "");
    expect(names.toSorted()).toEqual(["blue", "blue", "green", "green", "red", "red"]);
    for (const view of first.views) {
      expect(view).toMatchObject({ transport: "websocket", textCameBack: true, bytesCameBack: true });
      expect(new Set(view.answers.map(({ name }) => name)).size).toBe(1);
    }
    const [one, two, three] = await Promise.all([
      connect(seed, [client]),
      connect(seed, [client]),
      connect(seed, [client]),
    ]);
    const more = [one, two, three].map(({ views }) => views[0]?.answers[0]?.name ?? "");
    expect(more.toSorted()).toEqual(["blue", "green", "red"]);
    // The six go: whoever comes next finds one each.
    await first.peer.stop();
    await one.peer.stop();
    const freed = more[0] ?? "";
    await untilGone(seed, 7);
    const next = await connect(seed, [client]);
    expect(next.views[0]?.answers[0]?.name).toBe(freed);
    for (const { peer } of [two, three, next]) await peer.stop();
  });

  test.skipIf(findNginx() === undefined)("polling without stickiness fares as behind nginx", async () => {
    const nginx = await startSeed("least-conn", backends(), undefined, startNginx);
    const peers: string[][] = [];
    for (const one of [nginx, await startSeed("least-conn", backends())]) {
      for (let i = 0; i < 7; i++) await curl(`http://127.0.0.1:${one.port}/socket.io/?EIO=4&transport=polling`);
      await untilGone(one, 7);
      peers.push(
        one.gateway
          .accessLog()
          .trim()
          .split("\n")
          .map((line) => line.split(" ").at(-1) ?? ""),
      );
      await one.gateway.stop();
      one.gateway.remove();
    }
    expect(peers[1]).toEqual(peers[0] ?? []);
    expect(peers[0]?.length).toBe(7);
  });
});

describe("without-upgrade-lines.conf", () => {
  test("socket.io stays with polling, and works", async () => {
    const [node] = nodes;
    const seed = await startSeed("without-upgrade-lines", { 3000: node?.port ?? 0 });
    const { peer, views } = await connect(seed, [{ localAddress: "127.0.0.1", transports: BOTH }]);
    expect(views).toMatchObject([{ transport: "polling", textCameBack: true, bytesCameBack: true }]);
    await peer.stop();
    await seed.gateway.stop();
    seed.gateway.remove();
  });
});

/** Waits until so many requests and tunnels have been logged, which happens when they have ended. */
async function untilGone(seed: Seed, count: number): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (seed.gateway.accessLog().split("\n").length <= count && Date.now() < deadline) await Bun.sleep(5);
}

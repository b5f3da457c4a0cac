/**
 * Talking WebSockets are drained: from one peer to the other, then from the proxy as it stops. Every message is counted at
 * both ends, and every Close. 300 of them; with HOPWAY_LONG=1 it is 5,000.
 */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Server, ServerWebSocket } from "bun";
import { startHopway } from "../harness/gateway.ts";
import { mainDirectives } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/until.ts";

const LONG = process.env["HOPWAY_LONG"] === "1";
const TUNNELS = LONG ? 5_000 : 300;
const WINDOW_MS = LONG ? 20_000 : 2_500;
/** Each client says something so often. */
const PAUSE_MS = LONG ? 1_000 : 50;
/** What a busy machine may take longer than it should. */
const GRACE_MS = 10_000;
/** Handshakes on their way at once. */
const BATCH = 50;

/** What a backend knows of a WebSocket. */
interface Seen {
  id: string;
  received: number;
  sent: number;
  inOrder: boolean;
  closeCode: number;
}

/** Numbers what it is sent and answers each message, with numbers of its own. */
class Backend {
  readonly seen = new Map<string, Seen>();
  readonly server: Server<Seen>;

  constructor() {
    this.server = Bun.serve<Seen>({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request, server) => {
        const id = new URL(request.url).pathname;
        const data = { id, received: 0, sent: 0, inOrder: true, closeCode: 0 };
        return server.upgrade(request, { data }) ? undefined : new Response("", { status: 400 });
      },
      websocket: {
        idleTimeout: 0,
        open: ({ data }: ServerWebSocket<Seen>) => void this.seen.set(data.id, data),
        message(socket: ServerWebSocket<Seen>, text) {
          const { data } = socket;
          data.received++;
          data.inOrder &&= Number(text) === data.received;
          data.sent++;
          socket.send(String(data.sent));
        },
        close: ({ data }: ServerWebSocket<Seen>, code) => {
          data.closeCode = code;
        },
      },
    });
  }
}

/** A client that talks for as long as its WebSocket is open. */
class Client {
  readonly id: string;
  sent = 0;
  received = 0;
  inOrder = true;
  closeCode = 0;
  closedAtMs = 0;
  readonly opened: Promise<void>;
  readonly closed: Promise<void>;
  private readonly socket: WebSocket;
  private readonly talking: ReturnType<typeof setInterval>;

  constructor(port: number, id: string) {
    this.id = id;
    const socket = new WebSocket(`ws://127.0.0.1:${port}${id}`);
    this.socket = socket;
    this.opened = new Promise((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error("the handshake failed")));
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code }) => {
        clearInterval(this.talking);
        this.closeCode = code;
        this.closedAtMs = performance.now();
        resolve();
      });
    });
    socket.addEventListener("message", ({ data }) => {
      this.received++;
      this.inOrder &&= Number(data) === this.received;
    });
    this.talking = setInterval(() => this.talk(), PAUSE_MS);
  }

  private talk(): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.sent++;
    this.socket.send(String(this.sent));
  }
}

async function openAll(port: number, ids: readonly string[]): Promise<Client[]> {
  const clients: Client[] = [];
  for (let at = 0; at < ids.length; at += BATCH) {
    const batch = ids.slice(at, at + BATCH).map((id) => new Client(port, id));
    await Promise.all(batch.map(({ opened }) => opened));
    clients.push(...batch);
  }
  return clients;
}

/** They have all been closed, and each message that a client had sent has come to the backend. */
async function expectDrained(clients: readonly Client[], backend: Backend): Promise<void> {
  await Promise.race([Promise.all(clients.map(({ closed }) => closed)), Bun.sleep(WINDOW_MS + GRACE_MS)]);
  expect(clients.filter(({ closeCode }) => closeCode !== 1001).length).toBe(0);
  const seen = clients.map(({ id }) => backend.seen.get(id)!);
  await until("all ends to have reached the backend", GRACE_MS, () => seen.every(({ closeCode }) => closeCode !== 0));
  const lost = clients.filter(({ id, sent, received, inOrder }, i) => {
    const there = seen[i]!;
    const right = there.received === sent && there.inOrder && inOrder && there.sent >= received && there.sent === sent;
    if (!right) console.log(id, sent, received, inOrder, there);
    return !right;
  });
  expect(lost.length).toBe(0);
  expect(new Set(seen.map(({ closeCode }) => closeCode))).toEqual(new Set([1001]));
}

/** They were closed one by one, not all at once. */
function expectSpread(clients: readonly Client[], log: string): void {
  const seconds = log.match(/^\S+ \S+(?=.*WebSocket closed by the proxy with 1001)/gm) ?? [];
  expect(seconds.length).toBe(clients.length);
  // By the proxy's clock: a busy machine may let a client see them all together.
  expect(new Set(seconds).size).toBeGreaterThan(1);
  if (!LONG) return;
  const first = Math.min(...clients.map(({ closedAtMs }) => closedAtMs));
  const quarters = [0, 0, 0, 0];
  for (const { closedAtMs } of clients) {
    const quarter = Math.floor((4 * (closedAtMs - first)) / WINDOW_MS);
    quarters[Math.min(3, quarter)]!++;
  }
  console.log(`${clients.length} closed, by quarters of the window: ${quarters.join(" ")}`);
  for (const count of quarters) expect(count).toBeGreaterThan(clients.length / 5);
}

test(
  `${TUNNELS} talking WebSockets`,
  async () => {
    const [a, b] = [new Backend(), new Backend()];
    const port = freePort();
    const config = (drained: string): string => `${mainDirectives(2)}
error_log {prefix}/error.log info;
events { worker_connections 20000; }
http {
  {temp_paths}
  access_log off;
  websocket auto;
  websocket_drain ${WINDOW_MS}ms;
  upstream up {
    server 127.0.0.1:${a.server.port} ${drained};
    server 127.0.0.1:${b.server.port};
  }
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://up; } }
}
`;
    const gateway = await startHopway(config(""));
    try {
      const ids = Array.from({ length: TUNNELS }, (_, i) => `/${i}`);
      const clients = await openAll(port, ids);
      const onA = clients.filter(({ id }) => a.seen.has(id));
      const onB = clients.filter(({ id }) => b.seen.has(id));
      expect(onA.length + onB.length).toBe(TUNNELS);
      // Each worker begins with the first.
      expect(Math.abs(onA.length - onB.length)).toBeLessThanOrEqual(2);

      const path = join(gateway.prefix, "nginx.conf");
      const before = readFileSync(path, "latin1");
      writeFileSync(path, before.replace(`:${a.server.port} ;`, `:${a.server.port} drain;`));
      process.kill(gateway.pid, "SIGHUP");
      await expectDrained(onA, a);
      const log = gateway.errorLog();
      expectSpread(onA, log);
      expect(onB.filter(({ closeCode }) => closeCode !== 0).length).toBe(0);

      // Whoever comes back finds another peer.
      const again = await openAll(
        port,
        onA.map(({ id }) => `${id}/again`),
      );
      expect(again.filter(({ id }) => b.seen.has(id)).length).toBe(again.length);

      process.kill(gateway.pid, "SIGQUIT");
      await expectDrained([...onB, ...again], b);
      expectSpread([...onB, ...again], gateway.errorLog().slice(log.length));
      expect(await gateway.ended()).toBe(0);
      expect(gateway.errorLog()).not.toMatch(/\[(?:error|crit|alert|emerg)\]/);
    } finally {
      await gateway.stop();
      gateway.remove();
      await a.server.stop(true);
      await b.server.stop(true);
    }
  },
  LONG ? 300_000 : 60_000,
);

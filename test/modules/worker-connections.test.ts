/** worker_connections: what a worker refuses, what it lets go for it, and that nobody else notices. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/until.ts";

const LIMIT_MS = 30_000;
/** One is the listening socket's, one the channel's to the master. */
const SLOTS = 34;

interface Client {
  readonly socket: Socket;
  received: string;
  closed: boolean;
}

const port = freePort();
const clients: Client[] = [];
let backend: Bun.TCPSocketListener<undefined>;
let gateway: Gateway;
/** Sockets of the backend that were asked and have not answered. */
let asked: Socket[] = [];

async function connect(): Promise<Client> {
  const client: { socket?: Socket; received: string; closed: boolean } = { received: "", closed: false };
  client.socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_socket, chunk) => {
        client.received += chunk.toString("latin1");
      },
      close: () => {
        client.closed = true;
      },
      error() {},
    },
  });
  clients.push(client as Client);
  return client as Client;
}

const logged = (line: RegExp): Promise<void> =>
  until(`${line} in the log`, LIMIT_MS, () => line.test(gateway.errorLog()));

const ask = async (path: string): Promise<Client> => {
  const client = await connect();
  client.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  return client;
};
const answered = ({ received, closed }: Client): boolean => closed || received !== "";

async function allGone(): Promise<void> {
  for (const { socket } of clients.splice(0)) socket.terminate();
  asked = [];
  await gateway.quiet();
}

beforeAll(async () => {
  backend = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => void asked.push(socket), error() {} },
  });
  gateway = await startHopway(`{main}
error_log {prefix}/error.log info;
events { worker_connections ${SLOTS}; multi_accept on; }
http {
  {temp_paths}
  access_log off;
  server {
    listen 127.0.0.1:${port};
    location / { return 200 own; }
    location /wait { proxy_pass http://127.0.0.1:${backend.port}; }
  }
}
`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  backend.stop(true);
});

afterEach(allGone);

describe("worker_connections", () => {
  test("a request to an upstream takes two; one too many is refused, the others are served, and the log says it", async () => {
    const waiting: Client[] = [];
    for (let i = 0; i < (SLOTS - 2) / 2; i++) {
      waiting.push(await ask("/wait"));
      await until("the upstream is asked", LIMIT_MS, () => asked.length === i + 1);
    }
    const refused = await ask("/");
    await until("the refusal", LIMIT_MS, () => refused.closed);
    expect(refused.received).toBe("");
    await logged(new RegExp(`\\[alert\\] \\d+#\\d+: ${SLOTS} worker_connections are not enough\\n`));
    for (const socket of asked) socket.end("HTTP/1.0 200 OK\r\n\r\nanswer");
    await until("all answers", LIMIT_MS, () => waiting.every(answered));
    expect(waiting.map(({ received }) => received.includes("200 OK"))).toEqual(waiting.map(() => true));
  });

  test("no slot for the upstream: 500 for that request", async () => {
    for (let i = 0; i < (SLOTS - 2) / 2 - 1; i++) {
      await ask("/wait");
      await until("the upstream is asked", LIMIT_MS, () => asked.length === i + 1);
    }
    // It is served, does not rest, and takes the last but one.
    const partial = await connect();
    partial.socket.write("GET / HTTP/1.1\r\n");
    await gateway.quiet();
    const last = await ask("/wait");
    await until("an answer", LIMIT_MS, () => answered(last));
    expect(last.received).toStartWith("HTTP/1.1 500 ");
    await logged(
      new RegExp(`\\*\\d+ ${SLOTS} worker_connections are not enough while connecting to upstream, client: 127.0.0.1`),
    );
  });

  test("connections that rest make room", async () => {
    const resting: Client[] = [];
    for (let i = 0; i < SLOTS * 2; i++) {
      const client = await ask("/");
      await until("an answer", LIMIT_MS, () => answered(client));
      expect(client.received).toContain("200 OK");
      resting.push(client);
    }
    await gateway.quiet();
    expect(resting.filter(({ closed }) => closed).length).toBeGreaterThanOrEqual(SLOTS);
    await logged(new RegExp(`\\[warn\\] .*${SLOTS} worker_connections are not enough, reusing connections`));
  });
});

/**
 * 32,000 tunnels at once through one gateway with several workers (a process may hold 20,000 descriptors here, a tunnel
 * takes two): all echo, none is lost in two minutes; memory per idle tunnel beside nginx's. Only with HOPWAY_LONG=1; else
 * 2,000 for some seconds.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { findNginx, type Gateway, startHopway, startNginx } from "../harness/gateway.ts";
import { mainDirectives } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { childrenOf } from "../harness/quiet.ts";
import { openDescriptors, residentBytes } from "../harness/worker-memory.ts";
import type { ClientOrder } from "./tunnel-peer.ts";

const LONG = process.env["HOPWAY_LONG"] === "1";
/** Clients and backends: processes of either kind. */
const PEERS = 2;
const TUNNELS_EACH = LONG ? 16_000 : 1_000;
const TUNNELS = PEERS * TUNNELS_EACH;
const WORKERS = 4;
const HOLD_MS = LONG ? 120_000 : 2_000;
/** A gateway's own memory is no tunnel's: a tenth of them is opened before it is measured first. */
const ALLOWED_BYTES_EACH = 8 * 1024;

class Peer {
  private readonly child: Bun.Subprocess;
  private answer: (value: number) => void = () => {};
  readonly first: Promise<number>;

  constructor(...args: readonly string[]) {
    this.first = this.next();
    this.child = Bun.spawn({
      cmd: [process.execPath, join(import.meta.dir, "tunnel-peer.ts"), ...args],
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (value: number) => this.answer(value),
    });
  }

  private next(): Promise<number> {
    return new Promise((resolve) => {
      this.answer = resolve;
    });
  }

  ask(order: ClientOrder): Promise<number> {
    const answer = this.next();
    this.child.send(order);
    return answer;
  }

  end(): void {
    this.child.kill();
  }
}

function config(ports: readonly number[], backends: readonly number[]): string {
  const servers = ports.map(
    (port, i) => `server {
    listen 127.0.0.1:${port} reuseport;
    location / {
      proxy_pass http://127.0.0.1:${backends[i]};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_read_timeout 1h;
    }
  }`,
  );
  return `${mainDirectives(WORKERS)} worker_rlimit_nofile 20000;
error_log {prefix}/error.log;
events { worker_connections 20000; }
http {
  {temp_paths}
  access_log off;
  ${servers.join("\n  ")}
}
`;
}

interface Result {
  readonly open: number;
  readonly echoed: number;
  readonly lost: number;
  readonly echoedAfter: number;
  readonly bytesEach: number;
  readonly descriptors: readonly number[];
}

async function hold(
  start: (text: string) => Promise<Gateway>,
  backends: readonly number[],
  ms: number,
): Promise<Result> {
  const ports = backends.map(() => freePort());
  const gateway = await start(config(ports, backends));
  const workers = childrenOf(gateway.pid);
  const resident = (): number => workers.reduce((sum, pid) => sum + residentBytes(pid), 0);
  const all = async (clients: readonly Peer[], order: ClientOrder): Promise<number> => {
    const answers = await Promise.all(clients.map((client) => client.ask(order)));
    return answers.reduce((sum, answer) => sum + answer, 0);
  };
  const spawn = (count: number): Peer[] => ports.map((port) => new Peer("client", String(port), String(count)));
  const first = spawn(TUNNELS_EACH / 10);
  const rest = spawn((TUNNELS_EACH * 9) / 10);
  const clients = [...first, ...rest];
  try {
    let open = await all(first, "open");
    await all(first, "echo");
    const before = resident();
    open += await all(rest, "open");
    const echoed = await all(clients, "echo");
    await Bun.sleep(ms);
    const lost = await all(clients, "lost");
    const bytesEach = (resident() - before) / (TUNNELS * 0.9);
    const echoedAfter = await all(clients, "echo");
    return { open, echoed, lost, echoedAfter, bytesEach, descriptors: workers.map(openDescriptors) };
  } finally {
    for (const client of clients) client.end();
    await gateway.stop();
    gateway.remove();
  }
}

const shown = (name: string, { bytesEach, descriptors }: Result): void =>
  console.log(`${name}: ${(bytesEach / 1024).toFixed(1)} KiB per idle tunnel, descriptors ${descriptors.join(" ")}`);

test(
  `${TUNNELS} tunnels`,
  async () => {
    const backends = Array.from({ length: PEERS }, () => new Peer("backend"));
    try {
      const ports = await Promise.all(backends.map(({ first }) => first));
      const result = await hold(startHopway, ports, HOLD_MS);
      shown("hopway", result);
      const { open, echoed, lost, echoedAfter } = result;
      expect({ open, echoed, lost, echoedAfter }).toEqual({
        open: TUNNELS,
        echoed: TUNNELS,
        lost: 0,
        echoedAfter: TUNNELS,
      });
      if (findNginx() !== undefined && LONG) {
        const nginx = await hold(startNginx, ports, 1000);
        shown("nginx", nginx);
        expect(result.bytesEach).toBeLessThan(nginx.bytesEach);
      }
      if (LONG) expect(result.bytesEach).toBeLessThan(ALLOWED_BYTES_EACH);
    } finally {
      for (const backend of backends) backend.end();
    }
  },
  LONG ? 600_000 : 60_000,
);

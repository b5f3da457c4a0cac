/** What a reload changes, and what it leaves alone. */
import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { startEchoBackend, webSocketLocation } from "../drills/echo-backend.ts";
import { RawClient } from "../drills/raw-client.ts";
import { freePort } from "../harness/ports.ts";
import { children, eventually, get, runs } from "./command.ts";
import { asRoot, endAll, type Running, started } from "./running.ts";

afterEach(endAll);

const LIMIT_MS = 60_000;
const MAIN = "daemon off; worker_processes 2;";

async function hangUp(gateway: Running): Promise<void> {
  process.kill(await gateway.master(), "SIGHUP");
}

describe("a broken configuration changes nothing, and the log says why", () => {
  const busy = freePort();
  const cases: readonly (readonly [
    name: string,
    parts: { main?: string; http?: string; server?: string },
    said: string,
  ])[] = [
    ["a directive that does not exist", { http: "foo bar;" }, 'unknown directive "foo"'],
    ["a file that is not there", { http: "include none.conf;" }, 'open() "'],
    [
      "an address that this machine does not have",
      { server: "listen 192.0.2.1:80;" },
      "99: Cannot assign requested address",
    ],
    ["an address in use", { server: `listen 127.0.0.1:${busy};` }, "still could not bind()"],
    ["a log in a folder that is not there", { http: "error_log none/error.log;" }, "2: No such file or directory"],
    ["a zone with another key", { http: "limit_conn_zone $uri zone=z:64k;" }, "zone"],
    [
      "a host that is not found",
      { server: "location /x { proxy_pass http://host.invalid; }" },
      "host not found in upstream",
    ],
    ["too few connections", { http: "} events { worker_connections 1;" }, '"events" directive is duplicate'],
  ];
  for (const [name, parts, said] of cases) {
    test(
      name,
      async () => {
        const holder = Bun.listen({ hostname: "127.0.0.1", port: busy, socket: { data() {} } });
        const gateway = await started("one", { main: MAIN, http: "limit_conn_zone $host zone=z:64k;" });
        const workers = await children(await gateway.master());
        const http =
          parts.http?.includes("zone=z") === true
            ? parts.http
            : `limit_conn_zone $host zone=z:64k; ${parts.http ?? ""}`;
        gateway.configure("two", { ...parts, main: MAIN, http });
        await hangUp(gateway);
        await gateway.logged(said);
        expect(gateway.log).toMatch(/\[emerg\]/);
        expect(await get(gateway.port)).toBe("one");
        expect(await children(await gateway.master())).toEqual(workers);
        holder.stop(true);
        // And a good one is taken afterwards.
        gateway.configure("three", { main: MAIN, http: "limit_conn_zone $host zone=z:64k;" });
        await hangUp(gateway);
        await gateway.answers((body) => body === "three");
      },
      LIMIT_MS,
    );
  }
});

test(
  "worker_processes: tunnels of the surplus go on, sockets of their own too",
  async () => {
    const backend = startEchoBackend("a");
    const server = webSocketLocation(backend);
    const own = freePort();
    const parts = (count: number) => ({
      main: `daemon off; worker_processes ${count};`,
      server: `listen 127.0.0.1:${own} reuseport; ${server}`,
    });
    const gateway = await started("4", parts(4));
    const pid = await gateway.master();
    const four = await children(pid);
    const tunnels = await Promise.all(
      Array.from({ length: 24 }, async () => {
        const client = await RawClient.connect(own);
        await client.upgrade("/ws");
        return client;
      }),
    );
    let running = true;
    let failed = 0;
    const client = async (): Promise<void> => {
      while (running) if ((await get(own)) === undefined) failed++;
    };
    const clients = [client(), client(), client(), client()];
    for (const count of [1, 3, 2, 5]) {
      gateway.configure(String(count), parts(count));
      await hangUp(gateway);
      await gateway.allAnswer(String(count), own);
    }
    running = false;
    await Promise.all(clients);
    expect(failed).toBe(0);
    for (const [i, tunnel] of tunnels.entries()) await tunnel.echo(`still there ${i}`);
    for (const tunnel of tunnels) tunnel.close();
    await eventually("five workers", async () => (await children(pid)).length === 5);
    expect((await children(pid)).filter((worker) => four.includes(worker)).length).toBeGreaterThan(0);
    await backend.stop();
  },
  LIMIT_MS,
);

test(
  "pid, error_log: the file moves, lines go to the new one",
  async () => {
    const gateway = await started("one", { main: MAIN });
    const pid = await gateway.master();
    gateway.configure("two", { main: MAIN });
    const path = join(gateway.folder, "nginx.conf");
    const text = await Bun.file(path).text();
    await Bun.write(
      path,
      text.replace("pid hopway.pid", "pid other.pid").replace("error_log error.log", "error_log other.log"),
    );
    process.kill(pid, "SIGHUP");
    await gateway.answers((body) => body === "two");
    await eventually("the other pid file", () => Number(gateway.read("other.pid")) === pid);
    expect(existsSync(join(gateway.folder, "hopway.pid"))).toBe(false);
    process.kill(pid, "SIGUSR1");
    await eventually("a line in the other log", () => gateway.read("other.log").includes("reopening logs"));
    // Where the clean-up looks for it.
    await Bun.write(path, text);
    process.kill(pid, "SIGHUP");
    await eventually("the pid file again", () => gateway.pid === pid);
  },
  LIMIT_MS,
);

if (asRoot) {
  test(
    "user: new workers with other rights take over, what runs goes on",
    async () => {
      const backend = startEchoBackend("a");
      const server = webSocketLocation(backend);
      const gateway = await started("one", { main: MAIN, server });
      const pid = await gateway.master();
      const before = await children(pid);
      const tunnel = await RawClient.connect(gateway.port);
      await tunnel.upgrade("/ws");
      gateway.configure("two", { main: MAIN, server });
      const path = join(gateway.folder, "nginx.conf");
      await Bun.write(path, (await Bun.file(path).text()).replace("user root", "user daemon"));
      chmodSync(gateway.folder, 0o755);
      process.kill(pid, "SIGHUP");
      await gateway.answers((body) => body === "two");
      await eventually("two workers of another user, one of root", async () => {
        const now = await children(pid);
        const owners = now.map((worker) => statSync(`/proc/${worker}`, { throwIfNoEntry: false })?.uid);
        return now.length === 3 && owners.filter((uid) => uid !== 0).length === 2;
      });
      await tunnel.echo("still there");
      tunnel.close();
      await eventually("the old workers' end", async () => !(await Promise.all(before.map(runs))).includes(true));
      await backend.stop();
    },
    LIMIT_MS,
  );
}

test(
  "many hang-ups at once end in the last configuration",
  async () => {
    const gateway = await started("one", { main: MAIN });
    const workers = await children(await gateway.master());
    for (let i = 0; i < 20; i++) {
      gateway.configure(`turn ${i}`, { main: MAIN, server: i % 2 === 1 ? `listen 127.0.0.1:${freePort()};` : "" });
      await hangUp(gateway);
    }
    await gateway.answers((body) => body === "turn 19");
    expect(await children(await gateway.master())).toEqual(workers);
    expect(gateway.log).not.toMatch(/\[(?:emerg|alert)\]/);
  },
  LIMIT_MS,
);

test(
  "a location that a reload takes away is gone, one that it adds is there, on connections that were open",
  async () => {
    const gateway = await started("one", { main: MAIN, server: 'location /old { return 200 "old"; }' });
    const client = await RawClient.connect(gateway.port);
    expect((await client.ask("/old")).body).toBe("old");
    gateway.configure("two", { main: MAIN, server: 'location /new { return 200 "new"; }' });
    await hangUp(gateway);
    await eventually("the new location", async () => (await client.ask("/new")).body === "new");
    expect((await client.ask("/old")).body).toBe("two");
    client.close();
  },
  LIMIT_MS,
);

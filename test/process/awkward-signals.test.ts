/** Signals at moments at which something else is under way, and workers that die as soon as they live. */
import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { startEchoBackend, webSocketLocation } from "../drills/echo-backend.ts";
import { RawClient } from "../drills/raw-client.ts";
import { freePort } from "../harness/ports.ts";
import { children, eventually, get, runs } from "./command.ts";
import { endAll, Running, started } from "./running.ts";

const MASTER = "daemon off; worker_processes 2;";
const SINGLE = "daemon off; master_process off;";

const holders: { stop(force: boolean): void }[] = [];
afterEach(async () => {
  for (const holder of holders.splice(0)) holder.stop(true);
  await endAll();
});

/** A port that somebody else has: whoever wants it tries for two seconds. */
function busyPort(): { readonly port: number; free(): void } {
  const holder = Bun.listen({ hostname: "127.0.0.1", port: freePort(), socket: { data() {} } });
  holders.push(holder);
  return { port: holder.port, free: () => holder.stop(true) };
}

async function signal(gateway: Running, name: NodeJS.Signals): Promise<void> {
  process.kill(await gateway.master(), name);
}

function count(gateway: Running, text: string): number {
  return gateway.log.split(text).length - 1;
}

function title(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}

/** One that is in the middle of a reload, which waits for `port`. */
async function reloading(main: string): Promise<{ gateway: Running; busy: ReturnType<typeof busyPort> }> {
  const gateway = await started("one", { main });
  const busy = busyPort();
  gateway.configure("two", { main, server: `listen 127.0.0.1:${busy.port}; listen unix:${gateway.folder}/new.sock;` });
  await signal(gateway, "SIGHUP");
  await gateway.logged("try again to bind() after 500ms");
  return { gateway, busy };
}

for (const [name, main] of [
  ["with workers", MASTER],
  ["alone", SINGLE],
] as const) {
  describe(`in the middle of a reload, ${name}`, () => {
    test("QUIT ends the gateway when its connections are done, and nobody listens meanwhile", async () => {
      const backend = startEchoBackend("a");
      const gateway = new Running();
      const server = webSocketLocation(backend);
      gateway.configure("one", { main, server });
      await gateway.start();
      const tunnel = await RawClient.connect(gateway.port);
      await tunnel.upgrade("/ws");
      const busy = busyPort();
      gateway.configure("two", { main, server: `${server} listen 127.0.0.1:${busy.port};` });
      await signal(gateway, "SIGHUP");
      await gateway.logged("try again to bind() after 500ms");
      await signal(gateway, "SIGQUIT");
      await eventually("the end of listening", async () => (await get(gateway.port)) === undefined);
      busy.free();
      // The reload has had its last try by now, or is given up.
      await Bun.sleep(700);
      expect(await get(busy.port)).toBeUndefined();
      await tunnel.echo("still there");
      tunnel.close();
      expect(await gateway.code).toBe(0);
      await backend.stop();
    });

    test("TERM ends the gateway at once", async () => {
      const { gateway } = await reloading(main);
      await signal(gateway, "SIGTERM");
      expect(await gateway.code).toBe(0);
    });

    test("a storm of HUP is one more reload, with what is there by then", async () => {
      const { gateway } = await reloading(main);
      for (let i = 0; i < 30; i++) await signal(gateway, "SIGHUP");
      gateway.configure("three", { main });
      await gateway.allAnswer("three");
      expect(count(gateway, "still could not bind()")).toBe(1);
      expect(() => statSync(`${gateway.folder}/new.sock`)).toThrow();
    });
  });
}

test("the port of a reload that waits is taken when it is free", async () => {
  const { gateway, busy } = await reloading(MASTER);
  busy.free();
  await gateway.answers((body) => body === "two");
  expect(await get(busy.port)).toBe("two");
});

test("QUIT while a worker does not answer a reload", async () => {
  const gateway = await started("one", { main: MASTER });
  const [stuck = 0] = await children(await gateway.master());
  process.kill(stuck, "SIGSTOP");
  gateway.configure("two", { main: MASTER });
  await signal(gateway, "SIGHUP");
  await gateway.logged("reconfiguring");
  await signal(gateway, "SIGQUIT");
  await gateway.logged("shutting down");
  process.kill(stuck, "SIGCONT");
  expect(await gateway.code).toBe(0);
});

describe("while workers start", () => {
  for (const name of ["SIGTERM", "SIGQUIT"] as const) {
    test(`${name} ends all`, async () => {
      const gateway = new Running();
      gateway.configure("one", { main: "daemon off; worker_processes 4;" });
      const ended = gateway.launch();
      const pid = await gateway.master();
      const workers = await eventually("a worker", async () => {
        const pids = await children(pid);
        return pids.length > 0 && pids;
      });
      process.kill(pid, name);
      expect(await ended).toBe(0);
      expect(await Promise.all(workers.map(runs))).not.toContain(true);
    });
  }

  test("TERM does not wait for one that hangs", async () => {
    const gateway = await started("one", { main: MASTER });
    const pid = await gateway.master();
    const [first = 0, second = 0] = await children(pid);
    process.kill(first, "SIGKILL");
    // Not before it runs the program: until then its master waits for it.
    const starting = await eventually("another worker", async () =>
      (await children(pid)).find((worker) => worker !== first && worker !== second && title(worker).includes("worker")),
    );
    process.kill(starting, "SIGSTOP");
    process.kill(pid, "SIGTERM");
    expect(await gateway.code).toBe(0);
    expect(await runs(starting)).toBe(false);
  });

  test("HUP brings the last configuration to all", async () => {
    const gateway = new Running();
    gateway.configure("one", { main: "daemon off; worker_processes 3;" });
    void gateway.launch();
    const pid = await gateway.master();
    await eventually("a worker", async () => (await children(pid)).length > 0);
    for (const answer of ["two", "three"]) {
      gateway.configure(answer, { main: "daemon off; worker_processes 3;" });
      process.kill(pid, "SIGHUP");
    }
    await gateway.allAnswer("three");
    expect(await children(pid)).toHaveLength(3);
  });
});

test("a worker that dies at once again and again is started once a second, and the others serve", async () => {
  const gateway = await started("one", { main: MASTER });
  const pid = await gateway.master();
  const [victim = 0, other = 0] = await children(pid);
  const killed = new Set<number>();
  const beganMs = performance.now();
  process.kill(victim, "SIGKILL");
  killed.add(victim);
  let thirdMs = 0;
  for (let starts = 0; starts < 3; starts++) {
    const next = await eventually("another worker", async () =>
      (await children(pid)).find((worker) => worker !== other && !killed.has(worker)),
    );
    thirdMs = performance.now();
    killed.add(next);
    process.kill(next, "SIGKILL");
    expect(await get(gateway.port)).toBe("one");
  }
  // The first start comes after the kill, whenever it is seen here. A timer may be early by a fraction of a millisecond.
  expect(thirdMs - beganMs).toBeGreaterThan(1990);
  expect(await children(pid)).toContain(other);
  await eventually("two workers", async () => (await children(pid)).length === 2);
});

test("a worker that a signal tells to quit is replaced at once, and a reload does it no harm", async () => {
  const backend = startEchoBackend("a");
  const main = "daemon off; worker_processes 1;";
  const server = webSocketLocation(backend);
  const gateway = await started("one", { main, server });
  const pid = await gateway.master();
  const tunnel = await RawClient.connect(gateway.port);
  await tunnel.upgrade("/ws");
  const [leaving = 0] = await children(pid);
  process.kill(leaving, "SIGQUIT");
  await eventually("two workers", async () => (await children(pid)).length === 2);
  await gateway.answers((body) => body === "one");
  const other = freePort();
  gateway.configure("two", { main, server: `${server} listen 127.0.0.1:${other};` });
  process.kill(pid, "SIGHUP");
  await eventually("the new address", async () => (await get(other)) === "two");
  await gateway.answers((body) => body === "two");
  await tunnel.echo("still there");
  expect(await children(pid)).toContain(leaving);
  tunnel.close();
  await eventually("the end of the first", async () => (await children(pid)).length === 1);
  expect(gateway.log).not.toMatch(/\[(?:emerg|alert)\]/);
  await backend.stop();
});

test.skipIf(Bun.which("prlimit") === null)("where no worker can be started it is tried again", async () => {
  const gateway = await started("one", { main: "daemon off; worker_processes 1;" });
  const pid = await gateway.master();
  const [worker = 0] = await children(pid);
  const limit = (files: string): void => {
    Bun.spawnSync(["prlimit", `--pid=${pid}`, `--nofile=${files}`]);
  };
  const before = /Max open files\s+(\d+)\s+(\d+)/.exec(await Bun.file(`/proc/${pid}/limits`).text());
  limit(`3:${before?.[2]}`);
  process.kill(worker, "SIGKILL");
  await gateway.logged('fork() failed while spawning "worker process"');
  limit(`${before?.[1]}:${before?.[2]}`);
  await gateway.answers((body) => body === "one");
});

/** USR2 and WINCH: a new binary takes over the sockets of the running one, or gives them back. */
import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { children, eventually, get, runs } from "./command.ts";
import { endAll, Running, started } from "./running.ts";

afterEach(endAll);

const DAEMON = { main: "daemon on; worker_processes 2;" };

async function daemon(answer: string): Promise<Running> {
  const gateway = new Running();
  gateway.configure(answer, DAEMON);
  expect(await gateway.command()).toEqual({ code: 0, stdout: "", stderr: "" });
  return gateway;
}

/** Asks without pause until told to stop; how many answers were none. */
function load(port: number): () => Promise<number> {
  let running = true;
  let failed = 0;
  const client = async (): Promise<void> => {
    while (running) if ((await get(port)) === undefined) failed++;
  };
  const clients = [client(), client(), client()];
  return async () => {
    running = false;
    await Promise.all(clients);
    return failed;
  };
}

const numberIn = (gateway: Running, file: string): number | undefined => {
  const text = gateway.read(file);
  return text === "" ? undefined : Number(text);
};

/** The pid of the master that has taken the pid file. */
function newMaster(gateway: Running, old: number): Promise<number> {
  return eventually("the new master", () => {
    const { pid } = gateway;
    return pid !== undefined && pid !== old && pid;
  });
}

test("a new binary serves beside the old one, and alone after QUIT to the old one; no request is lost", async () => {
  const gateway = await daemon("old");
  const old = await gateway.master();
  const stop = load(gateway.port);
  gateway.configure("new", DAEMON);
  process.kill(old, "SIGUSR2");
  const fresh = await newMaster(gateway, old);
  expect(numberIn(gateway, "hopway.pid.oldbin")).toBe(old);
  await gateway.answers((body) => body === "new");
  await gateway.answers((body) => body === "old");

  process.kill(old, "SIGUSR2");
  await gateway.logged(/the changing binary signal is ignored/);
  process.kill(fresh, "SIGUSR2");
  await eventually(
    "both refuse a third",
    () => gateway.log.split("the changing binary signal is ignored").length === 3,
  );

  process.kill(old, "SIGQUIT");
  await eventually("the old master's end", async () => !(await runs(old)));
  for (let i = 0; i < 20; i++) expect(await get(gateway.port)).toBe("new");
  expect(await stop()).toBe(0);
  expect(existsSync(join(gateway.folder, "hopway.pid.oldbin"))).toBe(false);
  expect(gateway.pid).toBe(fresh);
  await eventually("both workers", async () => (await children(fresh)).length === 2);
});

test("WINCH to the old one leaves the new one alone; HUP brings the old one's workers back, and the new one may go", async () => {
  const gateway = await daemon("old");
  const old = await gateway.master();
  gateway.configure("new", DAEMON);
  process.kill(old, "SIGUSR2");
  const fresh = await newMaster(gateway, old);
  await gateway.answers((body) => body === "new");
  process.kill(old, "SIGWINCH");
  await eventually("the old workers' end", async () => (await children(old)).length === 1);
  for (let i = 0; i < 20; i++) expect(await get(gateway.port)).toBe("new");

  const stop = load(gateway.port);
  process.kill(old, "SIGHUP");
  await gateway.answers((body) => body === "old");
  process.kill(fresh, "SIGQUIT");
  await eventually("the new master's end", async () => !(await runs(fresh)));
  await eventually("the old pid file", () => gateway.pid === old);
  expect(existsSync(join(gateway.folder, "hopway.pid.oldbin"))).toBe(false);
  for (let i = 0; i < 20; i++) expect(await get(gateway.port)).toBe("old");
  expect(await stop()).toBe(0);
});

test("a new binary that cannot start changes nothing", async () => {
  const gateway = await daemon("old");
  const old = await gateway.master();
  gateway.configure("new", { ...DAEMON, http: "foo bar;" });
  process.kill(old, "SIGUSR2");
  await gateway.logged(/new binary process \d+ exited with code 1/);
  await eventually("the pid file", () => gateway.pid === old);
  expect(existsSync(join(gateway.folder, "hopway.pid.oldbin"))).toBe(false);
  expect(await get(gateway.port)).toBe("old");
  // And again, now with a configuration that is good.
  gateway.configure("new", DAEMON);
  process.kill(old, "SIGUSR2");
  await newMaster(gateway, old);
  process.kill(old, "SIGQUIT");
  await eventually("the old master's end", async () => !(await runs(old)));
  expect(await get(gateway.port)).toBe("new");
});

test("WINCH in the background: workers end, the master stays, HUP brings them back", async () => {
  const gateway = await daemon("one");
  const pid = await gateway.master();
  process.kill(pid, "SIGWINCH");
  await eventually("no workers", async () => (await children(pid)).length === 0);
  expect(await runs(pid)).toBe(true);
  // Who connects now waits in the queue.
  const waiting = get(gateway.port);
  gateway.configure("two", DAEMON);
  process.kill(pid, "SIGHUP");
  expect(await waiting).toBe("two");
  await eventually("both workers", async () => (await children(pid)).length === 2);
});

test("WINCH in the foreground is a window that changes", async () => {
  const gateway = await started();
  const pid = await gateway.master();
  const workers = await children(pid);
  // A terminal sends it to all of them.
  for (const one of [...workers, pid]) process.kill(one, "SIGWINCH");
  await gateway.logged("signal 28 (SIGWINCH) received, ignoring");
  expect(await get(gateway.port)).toBe("one");
  expect(await children(pid)).toEqual(workers);
});

test("a unix socket's file stays while one of both masters runs", async () => {
  const gateway = new Running();
  const path = join(gateway.folder, "gateway.sock");
  gateway.configure("old", { ...DAEMON, server: `listen unix:${path};` });
  expect((await gateway.command()).code).toBe(0);
  const old = await gateway.master();
  const ask = async (): Promise<string | undefined> => {
    try {
      return await (await fetch("http://x/", { unix: path, headers: { connection: "close" } })).text();
    } catch {
      return undefined;
    }
  };
  expect(await ask()).toBe("old");
  gateway.configure("new", { ...DAEMON, server: `listen unix:${path};` });
  process.kill(old, "SIGUSR2");
  await eventually("the new binary", async () => (await ask()) === "new");
  process.kill(old, "SIGQUIT");
  await eventually("the old master's end", async () => !(await runs(old)));
  expect(await ask()).toBe("new");
  const fresh = await gateway.master();
  process.kill(fresh, "SIGTERM");
  await eventually("the end", async () => !(await runs(fresh)));
  expect(existsSync(path)).toBe(false);
});

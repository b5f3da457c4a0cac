/** The life of a running gateway: start, signals, reload, logs, accidents. */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../harness/ports.ts";
import { children, eventually, get, runs } from "./command.ts";
import { asRoot, endAll, Running, started } from "./running.ts";

afterEach(endAll);

describe("end", () => {
  for (const [name, signal] of [
    ["stop", "SIGTERM"],
    ["quit", "SIGQUIT"],
  ] as const) {
    test(`-s ${name} ends everything with exit code 0, and the pid file goes`, async () => {
      const gateway = await started();
      const pid = await gateway.master();
      const workers = await children(pid);
      expect(workers).toHaveLength(1);
      expect(await gateway.command("-s", name)).toEqual({ code: 0, stdout: "", stderr: "" });
      expect(await gateway.code).toBe(0);
      expect(existsSync(join(gateway.folder, "hopway.pid"))).toBe(false);
      expect(await Promise.all(workers.map(runs))).toEqual([false]);
      expect(gateway.log).toContain(`(${signal}) received`);
      expect(gateway.log).toMatch(new RegExp(`\\[notice\\] ${pid}#${pid}: exit\\n$`));
      expect(await get(gateway.port)).toBeUndefined();
    });
  }

  test("INT ends it as TERM does", async () => {
    const gateway = await started();
    process.kill(await gateway.master(), "SIGINT");
    expect(await gateway.code).toBe(0);
  });

  test("workers end when the master is killed", async () => {
    const gateway = await started("one", { main: "daemon off; worker_processes 2;" });
    const pid = await gateway.master();
    const workers = await children(pid);
    expect(workers).toHaveLength(2);
    process.kill(pid, "SIGKILL");
    await eventually("the workers end", async () => !(await Promise.all(workers.map(runs))).includes(true));
  });
});

test("a worker that is killed is replaced", async () => {
  const gateway = await started();
  const pid = await gateway.master();
  const [worker = 0] = await children(pid);
  process.kill(worker, "SIGKILL");
  await gateway.logged(`[alert] ${pid}#${pid}: worker process ${worker} exited on signal 9`);
  await eventually("another worker", async () => (await children(pid)).some((other) => other !== worker));
  await gateway.answers((body) => body === "one");
});

describe("daemon on", () => {
  test("the command ends when the gateway serves", async () => {
    const gateway = new Running();
    gateway.configure("one", { main: "daemon on;" });
    expect(await gateway.command()).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await get(gateway.port)).toBe("one");
    const pid = await gateway.master();
    const [, session] = /^\d+ \(.*\) \S+ \d+ \d+ (\d+)/.exec(await Bun.file(`/proc/${pid}/stat`).text()) ?? [];
    expect(Number(session)).toBe(pid);
    expect((await gateway.command("-s", "stop")).code).toBe(0);
    await eventually("the end", async () => !(await runs(pid)));
  });

  test("a busy port is told by the command", async () => {
    const gateway = new Running();
    gateway.configure("one", { main: "daemon on;" });
    const holder = Bun.listen({ hostname: "127.0.0.1", port: gateway.port, socket: { data() {} } });
    const { code, stderr } = await gateway.command();
    holder.stop(true);
    expect(code).toBe(1);
    const refused = `hopway: [emerg] bind() to 127.0.0.1:${gateway.port} failed (98: Address already in use)\n`;
    expect(stderr).toBe(`${refused.repeat(5)}hopway: [emerg] still could not bind()\n`);
  });
});

test("master_process off: one process", async () => {
  const gateway = await started("one", { main: "daemon off; master_process off;" });
  const pid = await gateway.master();
  expect(await children(pid)).toEqual([]);
  gateway.configure("two", { main: "daemon off; master_process off;" });
  process.kill(pid, "SIGHUP");
  await gateway.answers((body) => body === "two");
  expect((await gateway.command("-s", "quit")).code).toBe(0);
  expect(await gateway.code).toBe(0);
});

describe("reload", () => {
  test("workers change over in place", async () => {
    const gateway = await started();
    const workers = await children(await gateway.master());
    gateway.configure("two");
    expect((await gateway.command("-s", "reload")).code).toBe(0);
    await gateway.answers((body) => body === "two");
    expect(await children(await gateway.master())).toEqual(workers);
  });

  test("a broken configuration changes nothing, and the log says why", async () => {
    const gateway = await started();
    gateway.configure("two", { http: "foo bar;" });
    process.kill(await gateway.master(), "SIGHUP");
    await gateway.logged(/\[emerg\] \d+#\d+: unknown directive "foo" in \S+nginx\.conf:\d+\n/);
    expect(await get(gateway.port)).toBe("one");
  });

  test("an address that cannot be had changes nothing", async () => {
    const gateway = await started();
    gateway.configure("two", { server: "listen 192.0.2.1:8080;" });
    process.kill(await gateway.master(), "SIGHUP");
    await gateway.logged("bind() to 192.0.2.1:8080 failed (99: Cannot assign requested address)");
    expect(await get(gateway.port)).toBe("one");
  });

  test("a new address is served, and one that is gone is not", async () => {
    const gateway = await started();
    const other = freePort();
    gateway.configure("two", { server: `listen 127.0.0.1:${other};` });
    process.kill(await gateway.master(), "SIGHUP");
    await eventually("the new address", async () => (await get(other)) === "two");
    await gateway.answers((body) => body === "two");
    gateway.configure("three");
    process.kill(await gateway.master(), "SIGHUP");
    await gateway.answers((body) => body === "three");
    await eventually("the end of the old address", async () => (await get(other)) === undefined);
  });

  test("the number of workers follows", async () => {
    const gateway = await started();
    const pid = await gateway.master();
    for (const count of [3, 1]) {
      gateway.configure("one", { main: `daemon off; worker_processes ${count};` });
      process.kill(pid, "SIGHUP");
      await eventually(`${count} workers`, async () => (await children(pid)).length === count);
    }
  });

  test("no request fails while it reloads", async () => {
    const gateway = await started();
    const pid = await gateway.master();
    let running = true;
    let failed = 0;
    const client = async (): Promise<void> => {
      while (running) if ((await get(gateway.port)) === undefined) failed++;
    };
    const clients = [client(), client(), client(), client()];
    for (let i = 0; i < 5; i++) {
      gateway.configure(`answer ${i}`, i % 2 === 1 ? { server: `listen 127.0.0.1:${freePort()};` } : {});
      process.kill(pid, "SIGHUP");
      await gateway.answers((body) => body === `answer ${i}`);
    }
    running = false;
    await Promise.all(clients);
    expect(failed).toBe(0);
  });
});

for (const daemon of ["on", "off"]) {
  test(`workers that cannot run: the command fails and nothing is left, daemon ${daemon}`, async () => {
    const gateway = new Running();
    gateway.configure("one", { main: `daemon ${daemon}; worker_processes 2; working_directory none/;` });
    expect(await gateway.launch()).toBe(1);
    await gateway.logged("[emerg]");
    expect(gateway.log.match(/exited with fatal code 2 and cannot be respawned\n/g)).toHaveLength(2);
    expect(gateway.log).toMatch(/no worker process can run\n.*: exit\n$/);
    expect(gateway.pid).toBeUndefined();
  });
}

test("reopen: rotated logs keep what they had, new lines go to new files", async () => {
  const gateway = await started();
  await eventually("a line of access log", () => gateway.read("access.log") !== "");
  renameSync(join(gateway.folder, "access.log"), join(gateway.folder, "access.1"));
  renameSync(join(gateway.folder, "error.log"), join(gateway.folder, "error.1"));
  expect((await gateway.command("-s", "reopen")).code).toBe(0);
  await eventually("both logs", () =>
    ["access.log", "error.log"].every((name) => existsSync(join(gateway.folder, name))),
  );
  const pid = await gateway.master();
  const [worker = 0] = await children(pid);
  // Said before it is done, as in nginx, and so to be found in the old file.
  await eventually("the worker's turn", () => gateway.read("error.1").includes(`${worker}#${worker}: reopening logs`));
  const before = gateway.read("access.1");
  await get(gateway.port, "/after");
  await eventually("the line in the new file", () => gateway.read("access.log").includes("/after"));
  expect(gateway.read("access.1")).toBe(before);
});

test("env: workers get TZ and what is named, nothing else", async () => {
  const gateway = await started("one", { main: "daemon off; env HOME; env MARK=set;" });
  const [worker = 0] = await children(await gateway.master());
  const text = await Bun.file(`/proc/${worker}/environ`).text();
  const names = text.split("\0").map((entry) => entry.split("=")[0] ?? "");
  expect(text).toContain("MARK=set");
  expect(names).toContain("HOME");
  expect(names).not.toContain("PATH");
});

test("env: a single process keeps no more than workers do", async () => {
  // The time zone is what of its environment can be seen from outside.
  const gateway = await started("one", { main: "daemon off; master_process off; env TZ=Etc/GMT-5;" });
  await eventually("a line of access log", () => gateway.read("access.log") !== "");
  expect(gateway.read("access.log")).toMatch(/\[[^\]]* \+0500\]/);
});

if (asRoot) {
  test("workers of root are nobody unless told otherwise", async () => {
    const gateway = new Running();
    gateway.configure("one");
    const path = join(gateway.folder, "nginx.conf");
    writeFileSync(path, readFileSync(path, "latin1").replace("user root;", ""));
    await gateway.start();
    const [worker = 0] = await children(await gateway.master());
    const nobody = /^nobody:x:(\d+):/m.exec(readFileSync("/etc/passwd", "latin1"))?.[1];
    expect(/^Uid:\t(\d+)\t(\d+)/m.exec(await Bun.file(`/proc/${worker}/status`).text())?.slice(1)).toEqual([
      nobody ?? "",
      nobody ?? "",
    ]);
  });
}

/** What the main directives make of worker processes, as /proc shows it: nginx's workers beside hopway's. */
import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { RawClient } from "../drills/raw-client.ts";
import { findNginx, type Gateway, startHopway, startNginx } from "../harness/gateway.ts";
import { mainDirectives, rewriteConfig, workerPids } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { children, eventually } from "./command.ts";

const nginx = findNginx();
const asRoot = process.getuid?.() === 0;

const running: Gateway[] = [];
afterEach(async () => {
  for (const gateway of running.splice(0)) {
    await gateway.stop();
    gateway.remove();
  }
});

function config(workers: number, main: string, port: number): string {
  return `${mainDirectives(workers)} ${main}
error_log {prefix}/error.log notice;
events { worker_connections 64; }
http { {temp_paths} access_log off; server { listen 127.0.0.1:${port}; } }
`;
}

function line(text: string, name: string): string {
  return new RegExp(`^${name}:?\\s+(.*?)\\s*$`, "m").exec(text)?.[1]?.replace(/\s+/g, " ") ?? "";
}

type Aspect = "cpus" | "nice" | "files" | "core" | "cwd";

/** One thing about each thread of a process. */
function ofThreads(pid: number, about: (folder: string) => string): string {
  const values = readdirSync(`/proc/${pid}/task`).map((thread) => about(`/proc/${pid}/task/${thread}`));
  return [...new Set(values)].join(" and ");
}

const looks: Readonly<Record<Aspect, (pid: number) => string>> = {
  cpus: (pid) => ofThreads(pid, (task) => line(readFileSync(`${task}/status`, "latin1"), "Cpus_allowed_list")),
  nice: (pid) =>
    ofThreads(pid, (task) => {
      const stat = readFileSync(`${task}/stat`, "latin1");
      // Field 19; the second holds the name, with any spaces.
      return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16] ?? "";
    }),
  files: (pid) => line(readFileSync(`/proc/${pid}/limits`, "latin1"), "Max open files"),
  core: (pid) => line(readFileSync(`/proc/${pid}/limits`, "latin1"), "Max core file size"),
  cwd: (pid) => readlinkSync(`/proc/${pid}/cwd`),
};

async function workers(gateway: Gateway, count: number): Promise<number[]> {
  return eventually(`${count} workers`, async () => {
    const pids = await children(gateway.pid);
    return pids.length === count && pids;
  });
}

/** Aspects of each worker, and what the log says of them. */
async function seen(gateway: Gateway, count: number, aspects: readonly Aspect[]): Promise<unknown> {
  running.push(gateway);
  const pids = await workers(gateway, count);
  await gateway.quiet();
  return pids.map((pid) => [
    ...aspects.map((aspect) => looks[aspect](pid).replace(gateway.prefix, "")),
    ...Array.from(
      gateway.errorLog().matchAll(new RegExp(` ${pid}#.*?: (.*affinity.*|.* failed.*)`, "g")),
      ([, said]) => said,
    ),
  ]);
}

describe("workers are as nginx's", () => {
  const cases: readonly (readonly [main: string, count: number, aspects: readonly Aspect[]])[] = [
    ["", 1, ["cpus", "nice", "core"]],
    ["worker_cpu_affinity 10 01;", 2, ["cpus"]],
    ["worker_cpu_affinity 10;", 2, ["cpus"]],
    ["worker_cpu_affinity 01 10;", 3, ["cpus"]],
    ["worker_cpu_affinity 11 10;", 1, ["cpus"]],
    ["worker_cpu_affinity auto;", 3, ["cpus"]],
    ["worker_cpu_affinity auto 10;", 2, ["cpus"]],
    ["worker_cpu_affinity auto 00;", 2, ["cpus"]],
    // No processor at all: the system refuses it, and the log tells.
    ["worker_cpu_affinity 00;", 1, ["cpus"]],
    [
      "worker_priority 5; worker_rlimit_nofile 777; worker_rlimit_core 10m; working_directory {prefix}/temp;",
      1,
      ["nice", "files", "core", "cwd"],
    ],
    ["worker_rlimit_core 0;", 1, ["core"]],
    ...(asRoot ? [["worker_priority -5;", 1, ["nice"]] as const] : []),
  ];
  for (const [main, count, aspects] of cases) {
    test.skipIf(nginx === undefined)(`${count}: ${main}`, async () => {
      const text = config(count, main, freePort());
      const wanted = await seen(await startNginx(text), count, aspects);
      await running.pop()?.stop();
      expect(await seen(await startHopway(text), count, aspects)).toEqual(wanted);
    });
  }
});

test("a reload moves workers to other processors, and back", async () => {
  const port = freePort();
  const gateway = await startHopway(config(2, "worker_cpu_affinity 01 01;", port));
  running.push(gateway);
  const pids = await workers(gateway, 2);
  const before = looks.cpus(process.pid);
  for (const [main, wanted] of [
    ["worker_cpu_affinity 01 10;", ["0", "1"]],
    ["", [before, before]],
    ["worker_cpu_affinity auto;", ["0", "1"]],
  ] as const) {
    rewriteConfig(gateway, config(2, main, port));
    process.kill(gateway.pid, "SIGHUP");
    await eventually(`processors ${wanted.join()}`, () => pids.map(looks.cpus).join() === wanted.join());
  }
  expect(workerPids(gateway)).toEqual(pids);
});

test("workers that cannot run with a new configuration leave the service to those of before", async () => {
  const port = freePort();
  const gateway = await startHopway(config(2, "", port));
  running.push(gateway);
  const pids = await workers(gateway, 2);
  for (const [main, goes] of [
    ["working_directory {prefix}/none;", false],
    ["working_directory {prefix}/temp;", true],
  ] as const) {
    rewriteConfig(gateway, config(2, main, port));
    process.kill(gateway.pid, "SIGHUP");
    await eventually("the end of two workers", () => {
      const ended = gateway.errorLog().match(/worker process \d+ exited with (fatal )?code/g) ?? [];
      return ended.length === (goes ? 6 : 4);
    });
    expect(workerPids(gateway).some((pid) => pids.includes(pid))).toBe(!goes);
    expect(workerPids(gateway)).toHaveLength(2);
    const client = await RawClient.connect(port);
    expect((await client.ask("/", "Connection: close\r\n")).status).toBe(404);
    client.close();
  }
});

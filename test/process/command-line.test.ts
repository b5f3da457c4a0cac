/** The command line beside nginx's: same words, same exit codes. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findNginx } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { HOPWAY, type Outcome, run } from "./command.ts";

const nginx = findNginx();
const compared = nginx === undefined && process.env["HOPWAY_REQUIRE_NGINX"] === undefined ? test.skip : test;

const folder = makeTempDir();
afterAll(() => removeTempDir(folder));
const port = freePort();

const configs: Readonly<Record<string, string>> = {
  "good.conf": `pid run.pid; events {} http { server { listen 127.0.0.1:${port}; } }`,
  "no-events.conf": "pid run.pid; http {}",
  "broken.conf": "pid run.pid;\nevents {}\nhttp {\n  foo bar;\n}\n",
  "open-block.conf": "pid run.pid;\nevents {\n",
  "unclosed.conf": "pid run.pid\nevents {}\n",
  "twice.conf": "pid run.pid; pid run.pid; events {}",
  "log-level.conf": "pid run.pid; error_log x.log loud; events {}",
  "user.conf": "pid run.pid; user no-such-user; events {}",
  "workers.conf": "pid run.pid; worker_processes none; events {}",
  "daemon.conf": "pid run.pid; daemon maybe; events {}",
  "method.conf": "pid run.pid; events { use kqueueueue; }",
  "pid-folder.conf": "pid missing/run.pid; events {}",
  "log-folder.conf": "pid run.pid; error_log missing/error.log; events {}",
  "foreign-address.conf": "pid run.pid; events {} http { server { listen 192.0.2.1:8080; } }",
  "empty-pid.conf": "pid empty.pid; events {}",
  "wrong-pid.conf": "pid wrong.pid; events {}",
  "dead-pid.conf": "pid dead.pid; events {}",
  "no-pid.conf": "pid none.pid; events {}",
  "dumped.conf": "pid run.pid; events {}\ninclude part.conf;\n",
  "part.conf": "worker_processes 2;\n# end",
};
for (const [name, text] of Object.entries(configs)) writeFileSync(join(folder, name), text);
writeFileSync(join(folder, "empty.pid"), "");
writeFileSync(join(folder, "wrong.pid"), "12x\n");
// Larger than any process number.
writeFileSync(join(folder, "dead.pid"), "99999999\n");

/** nginx's words with hopway's name, and without what a log line begins with. */
function words({ code, stdout, stderr }: Outcome): object {
  const named = stderr
    .replaceAll(/^nginx: /gm, "hopway: ")
    .replaceAll(/\d{4}(\/\d\d){2} [\d:]{8} (\[\w+\]) \d+#\d+:/g, "TIME $2");
  return { code, stdout, stderr: named };
}

const base = ["-p", folder, "-e", "early.log"];

const lines: readonly (readonly string[])[] = [
  ["foo"],
  ["-x"],
  ["-tx"],
  ["-c"],
  ["-e"],
  ["-p"],
  ["-g"],
  ["-s"],
  ["-s", "start"],
  ["-sfoo"],
  [...base, "-t", "-c", "good.conf"],
  [...base, "-tq", "-c", "good.conf"],
  [...base, "-Tq", "-c", "dumped.conf"],
  [...base, "-T", "-c", "dumped.conf"],
  [...base, "-t", "-c", "missing.conf"],
  [...base, "-c", "missing.conf"],
  [...base, "-t", "-c", "no-events.conf"],
  [...base, "-t", "-c", "broken.conf"],
  [...base, "-c", "broken.conf"],
  [...base, "-t", "-c", "open-block.conf"],
  [...base, "-t", "-c", "unclosed.conf"],
  [...base, "-t", "-c", "twice.conf"],
  [...base, "-t", "-c", "log-level.conf"],
  [...base, "-t", "-c", "workers.conf"],
  [...base, "-t", "-c", "daemon.conf"],
  [...base, "-t", "-c", "method.conf"],
  [...base, "-t", "-c", "pid-folder.conf"],
  [...base, "-t", "-c", "log-folder.conf"],
  [...base, "-t", "-c", "foreign-address.conf"],
  [...base, "-c", "foreign-address.conf"],
  [...base, "-t", "-c", "good.conf", "-g", "daemon off; worker_processes 3;"],
  [...base, "-t", "-c", "good.conf", "-g", "daemon off"],
  [...base, "-t", "-c", "good.conf", "-g", "foo bar;"],
  [...base, "-c", "empty-pid.conf", "-s", "stop"],
  [...base, "-c", "wrong-pid.conf", "-s", "stop"],
  [...base, "-c", "dead-pid.conf", "-s", "quit"],
  [...base, "-c", "dead-pid.conf", "-s", "reload"],
  [...base, "-c", "no-pid.conf", "-s", "reopen"],
  [...base, "-c", "broken.conf", "-s", "stop"],
  ["-p", folder, "-e", "missing/early.log", "-t", "-c", "good.conf"],
  ["-p", folder, "-e", "stderr", "-t", "-c", "broken.conf"],
  ["-p", folder, "-e", "stderr", "-c", "dead-pid.conf", "-s", "stop"],
];
if (process.geteuid?.() === 0) {
  Object.assign(lines, [...lines, [...base, "-t", "-c", "user.conf"]]);
}

describe("same words and exit code as nginx", () => {
  for (const line of lines) {
    const shown = line.map((arg) => (arg === folder ? "PREFIX" : arg)).join(" ");
    compared(shown, async () => {
      if (nginx === undefined) throw new Error("nginx is not installed");
      expect(words(await run(HOPWAY, line, folder))).toEqual(words(await run(nginx, line, folder)));
    });
  }
});

describe("what nginx has no words for", () => {
  const version = /^nginx version: nginx\/[\d.]+ \(hopway\/[\d.]+\)\n/;
  test("-v", async () => {
    const { code, stderr } = await run(HOPWAY, ["-v"], folder);
    expect(code).toBe(0);
    expect(stderr).toMatch(new RegExp(`${version.source}$`));
  });
  test("-V names what is built in and what is not", async () => {
    const { code, stderr } = await run(HOPWAY, ["-V"], folder);
    expect(code).toBe(0);
    expect(stderr).toMatch(version);
    expect(stderr).toMatch(/^built with Bun [\d.]+$/m);
    expect(stderr).toMatch(/^configure arguments: --prefix=.* --without-http_fastcgi_module/m);
    expect(stderr).not.toContain("--without-http_proxy_module");
  });
  test("-h", async () => {
    const { code, stderr } = await run(HOPWAY, ["-h"], folder);
    expect(code).toBe(0);
    expect(stderr).toContain("Usage: hopway [-?hvVtTq] [-s signal] [-p prefix]");
  });
  test("-t names each directive without effect once", async () => {
    const text =
      "pid run.pid;\nevents { accept_mutex on;\n accept_mutex_delay 1s; }\nthread_pool a threads=1;\nthread_pool b threads=1;\n";
    writeFileSync(join(folder, "accepted.conf"), text);
    const { code, stderr } = await run(HOPWAY, [...base, "-t", "-c", "accepted.conf"], folder);
    expect(code).toBe(0);
    const notices = stderr.split("\n").filter((line) => line.includes("[notice]"));
    expect(notices.map((line) => line.replace(/\(.*\)/, "(why)"))).toEqual([
      `hopway: [notice] "accept_mutex" is accepted and has no effect (why) in ${folder}/accepted.conf:2`,
      `hopway: [notice] "accept_mutex_delay" is accepted and has no effect (why) in ${folder}/accepted.conf:3`,
      `hopway: [notice] "thread_pool" is accepted and has no effect (why) in ${folder}/accepted.conf:4`,
    ]);
  });
  test("-e takes what is said before the configuration holds", async () => {
    await run(HOPWAY, ["-p", folder, "-e", "said.log", "-t", "-c", "broken.conf"], folder);
    expect(readFileSync(join(folder, "said.log"), "latin1")).toMatch(
      /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[emerg\] \d+#\d+: unknown directive "foo" in \S+\/broken\.conf:4\n$/,
    );
  });
  test("-t leaves a pid file as it is", async () => {
    expect((await run(HOPWAY, [...base, "-t", "-c", "wrong-pid.conf"], folder)).code).toBe(0);
    expect(readFileSync(join(folder, "wrong.pid"), "latin1")).toBe("12x\n");
    expect(existsSync(join(folder, "run.pid"))).toBe(true);
  });
  test("files of the current folder are not read", async () => {
    const other = makeTempDir();
    writeFileSync(join(other, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
    writeFileSync(join(other, "evil.ts"), 'console.log("evil");\n');
    writeFileSync(join(other, ".env"), "HOPWAY_DAEMON=1\n");
    const { code, stdout } = await run(HOPWAY, ["-v"], other);
    removeTempDir(other);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  });
});

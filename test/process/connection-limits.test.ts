/** What is said of worker_connections and worker_rlimit_nofile when a configuration is read, as nginx says it. */
import { afterEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { HOPWAY, run } from "./command.ts";

let folder = "";
afterEach(() => removeTempDir(folder));

const cases: readonly (readonly [main: string, connections: number, log: string, said: RegExp | undefined])[] = [
  ["", 1, "", /^hopway: \[emerg\] 1 worker_connections are not enough for 2 listening sockets$/m],
  ["", 2, "", /^hopway: \[emerg\] 2 worker_connections are not enough for 2 listening sockets$/m],
  ["", 3, "", undefined],
  [
    "worker_rlimit_nofile 100;",
    101,
    "error_log stderr warn;",
    /^hopway: \[warn\] 101 worker_connections exceed open file resource limit: 100$/m,
  ],
  ["worker_rlimit_nofile 100;", 101, "error_log stderr;", undefined],
  ["worker_rlimit_nofile 100;", 100, "error_log stderr warn;", undefined],
];

for (const [main, connections, log, said] of cases) {
  test(`${main} ${connections} ${log}`, async () => {
    folder = makeTempDir();
    writeFileSync(
      join(folder, "nginx.conf"),
      `${main} ${log} pid pid; events { worker_connections ${connections}; }
       http {
         access_log off; client_body_temp_path body; proxy_temp_path proxy; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
         server { listen 127.0.0.1:${freePort()}; } server { listen 127.0.0.1:${freePort()}; }
       }`,
    );
    const { code, stderr } = await run(HOPWAY, ["-t", "-p", folder, "-c", "nginx.conf"], folder);
    if (said === undefined) expect(stderr).not.toContain("worker_connections");
    else expect(stderr).toMatch(said);
    expect(code).toBe(said !== undefined && stderr.includes("[emerg]") ? 1 : 0);
  });
}

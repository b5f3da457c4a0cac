/** `hopway doctor` as a command: reports, exit codes, and files that it writes. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { HOPWAY, run } from "../process/command.ts";

/** Broken in one way; everything else about it is to stay. */
const BROKEN = `# My site.
events {}
http {
    include mime.types; # not here
    server {
        listen 80;   # plain
        server_name caf\u00e9.example;

        location /ws/ { # the chat
            proxy_pass http://127.0.0.1:3000;   # node
            proxy_http_version 1.1;
            proxy_set_header Upgrade    $http_upgrade;
            proxy_set_header Host       $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_read_timeout 1h;
        }
    }
}
`;
const MENDED = BROKEN.replace(
  "$proxy_add_x_forwarded_for;\n",
  '$proxy_add_x_forwarded_for;\n            proxy_set_header Connection "upgrade";\n',
);

const folders: string[] = [];
let folder = "";
beforeEach(() => {
  folder = makeTempDir();
  folders.push(folder);
  writeFileSync(join(folder, "nginx.conf"), BROKEN);
});
afterAll(() => folders.forEach(removeTempDir));

const doctor = (...args: string[]) => run(HOPWAY, ["doctor", ...args], folder);
const text = (name = "nginx.conf"): string => readFileSync(join(folder, name), "utf8");

describe("hopway doctor", () => {
  test("tells the line, what happens, what helps, and where to read more", async () => {
    const { code, stdout, stderr } = await doctor("nginx.conf");
    expect([code, stderr]).toEqual([1, ""]);
    expect(stdout).toStartWith(`error  nginx.conf:12  connection-not-passed
  location /ws/ passes "Upgrade", but no "Connection".

    11 |             proxy_http_version 1.1;
  > 12 |             proxy_set_header Upgrade    $http_upgrade;
    13 |             proxy_set_header Host       $host;

  What happens: `);
    expect(stdout).toContain('Add after line 14:\n      proxy_set_header Connection "upgrade";\n');
    expect(stdout).toContain("docs/doctor/connection-not-passed.md");
    expect(stdout).toContain("mime.types cannot be read");
  });

  test("no colours but on a terminal", async () => {
    expect((await doctor("nginx.conf")).stdout).not.toContain("\u001b");
  });

  test("--format json", async () => {
    const { stdout } = await doctor("nginx.conf", "--format", "json");
    const report = JSON.parse(stdout);
    expect(report.counts.error).toBe(1);
    expect(report.findings[0]).toMatchObject({
      rule: "connection-not-passed",
      severity: "error",
      file: "nginx.conf",
      line: 12,
      changes: [{ file: "nginx.conf", where: "add after line 14", lines: ['proxy_set_header Connection "upgrade";'] }],
    });
  });

  test("--format sarif: what SARIF 2.1.0 requires is there, and its fix fixes", async () => {
    const { stdout } = await doctor("nginx.conf", "--format=sarif");
    const log = JSON.parse(stdout);
    expect(log.version).toBe("2.1.0");
    const [{ tool, results }] = log.runs;
    expect(tool.driver.name).toBe("hopway doctor");
    const ids = tool.driver.rules.map(({ id }: { id: string }) => id);
    for (const { ruleId, ruleIndex, level, message, locations } of results) {
      expect(ids[ruleIndex]).toBe(ruleId);
      expect(["error", "warning", "note"]).toContain(level);
      expect(message.text).toBeString();
      const { artifactLocation, region } = locations[0].physicalLocation;
      expect(artifactLocation.uri).toBe("nginx.conf");
      expect(region.startLine).toBeGreaterThan(0);
      expect(region.endLine).toBeGreaterThanOrEqual(region.startLine);
    }
    const [change] = results[0].fixes[0].artifactChanges;
    const bytes = readFileSync(join(folder, "nginx.conf"));
    const [{ deletedRegion, insertedContent }] = change.replacements;
    const { byteOffset, byteLength } = deletedRegion;
    const after = Buffer.concat([
      bytes.subarray(0, byteOffset),
      Buffer.from(insertedContent.text),
      bytes.subarray(byteOffset + byteLength),
    ]);
    expect(after.toString()).toBe(MENDED);
  });

  test("--fix shows a patch, and keeps comments, formatting and rights", async () => {
    chmodSync(join(folder, "nginx.conf"), 0o640);
    const { code, stdout } = await doctor("--fix", "nginx.conf");
    expect(code).toBe(0);
    expect(stdout).toContain("@@ -12,6 +12,7 @@\n");
    expect(stdout).toContain('\n+            proxy_set_header Connection "upgrade";\n');
    expect(text()).toBe(MENDED);
    expect(statSync(join(folder, "nginx.conf")).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(["nginx.conf"]);
    expect((await doctor("--fix", "nginx.conf")).code).toBe(0);
    expect(text()).toBe(MENDED);
  });

  test("--fix --dry-run writes nothing", async () => {
    const { code, stdout } = await doctor("--fix", "--dry-run", "nginx.conf");
    expect(code).toBe(1);
    expect(stdout).toStartWith("--- a/nginx.conf\n+++ b/nginx.conf\n@@");
    expect(text()).toBe(BROKEN);
  });

  test("--fix goes through links, into what is included", async () => {
    mkdirSync(join(folder, "sites-available"));
    mkdirSync(join(folder, "sites-enabled"));
    const [head, site] = [
      BROKEN.slice(0, BROKEN.indexOf("    server {")),
      BROKEN.slice(BROKEN.indexOf("    server {"), -2),
    ];
    writeFileSync(join(folder, "nginx.conf"), `${head}    include sites-enabled/*;\n}\n`);
    writeFileSync(join(folder, "sites-available/chat"), site);
    symlinkSync("../sites-available/chat", join(folder, "sites-enabled/chat"));
    const { code, stderr } = await doctor("--fix", "nginx.conf");
    expect([code, stderr.split("\n")[0]]).toEqual([0, "Mended, in sites-enabled/chat:"]);
    expect(lstatSync(join(folder, "sites-enabled/chat")).isSymbolicLink()).toBe(true);
    expect(text("sites-available/chat")).toContain('proxy_set_header Connection "upgrade";');
    expect(text()).not.toContain("Connection");
  });

  test("an image's configuration is read, and mended, beside its main file", async () => {
    mkdirSync(join(folder, "conf.d"));
    writeFileSync(join(folder, "nginx.conf"), "events {}\nhttp { include /etc/nginx/conf.d/*.conf; }\n");
    writeFileSync(join(folder, "conf.d/default.conf"), `server { location /ws { proxy_pass http://app:3000; } }\n`);
    expect((await doctor("nginx.conf")).stdout).toContain("conf.d/default.conf:1  upgrade-not-passed");
    expect((await doctor("--fix", "nginx.conf")).code).toBe(0);
    expect(text("conf.d/default.conf")).toContain("proxy_set_header Upgrade $http_upgrade;");
  });

  test("--only and --ignore", async () => {
    const rules = async (...args: string[]): Promise<string[]> => {
      const { findings } = JSON.parse((await doctor("nginx.conf", "--format", "json", ...args)).stdout);
      return findings.map(({ rule }: { rule: string }) => rule);
    };
    expect(await rules("--only", "connection-not-passed")).toEqual(["connection-not-passed"]);
    expect(await rules("--ignore", "connection-not-passed")).not.toContain("connection-not-passed");
  });

  test("--strict: notes count", async () => {
    await doctor("--fix", "nginx.conf");
    expect((await doctor("nginx.conf")).code).toBe(0);
    expect((await doctor("nginx.conf", "--strict")).code).toBe(1);
  });

  test("--app-ping", async () => {
    await doctor("--fix", "nginx.conf");
    const { stdout } = await doctor("nginx.conf", "--app-ping", "2h", "--only", "timeout-below-ping");
    expect(stdout).toContain("The application pings every 2h, and proxy_read_timeout of location /ws/ is 1h.");
  });

  test("--ws makes a location of any name count", async () => {
    writeFileSync(
      join(folder, "nginx.conf"),
      BROKEN.replace("/ws/", "/feed/")
        .replace(/.*Upgrade .*\n/, "")
        .replace(
          "    }\n}",
          "        location / { proxy_pass http://127.0.0.1:1; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection; }\n    }\n}",
        ),
    );
    expect((await doctor("nginx.conf", "--only", "upgrade-not-passed")).stdout).toContain("Nothing found");
    const { stdout } = await doctor("nginx.conf", "--only", "upgrade-not-passed", "--ws", "/feed/a");
    expect(stdout).toContain("location /feed/ passes neither");
  });

  test("what nginx -T prints, from a pipe", async () => {
    const child = Bun.spawn({
      cmd: [HOPWAY, "doctor", "-c", "-"],
      stdin: new Blob([`# configuration file /etc/nginx/nginx.conf:\n${BROKEN}\n`]),
      stdout: "pipe",
    });
    expect(await new Response(child.stdout).text()).toContain("/etc/nginx/nginx.conf:12  connection-not-passed");
    expect(await child.exited).toBe(1);
  });

  const REFUSED: readonly [what: string, args: readonly string[], words: string][] = [
    ["a file that is not there", ["none.conf"], 'none.conf" failed (2: No such file or directory)'],
    ["a rule that is none", ["--only", "x", "nginx.conf"], 'there is no rule "x"'],
    ["a time that is none", ["--app-ping", "soon", "nginx.conf"], '"soon" is no time'],
    ["a path that is none", ["--ws", "ws", "nginx.conf"], '"ws" is no path'],
    ["a format that is none", ["--format", "xml", "nginx.conf"], '"xml" is no value of "--format": text, json, sarif'],
    ["--dry-run alone", ["--dry-run", "nginx.conf"], "--dry-run goes with --fix"],
    ["two configurations", ["-c", "nginx.conf", "nginx.conf"], "are given"],
  ];
  for (const [what, args, words] of REFUSED) {
    test(`${what}: exit code 2`, async () => {
      const { code, stdout, stderr } = await doctor(...args);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(words);
    });
  }

  test("hopway help shows a rule's page", async () => {
    const { code, stdout } = await run(HOPWAY, ["help", "read-timeout"], folder);
    expect([code, stdout.split("\n")[0]]).toEqual([0, "# read-timeout"]);
  });
});

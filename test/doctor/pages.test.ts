/**
 * Every rule has its page, and what the page shows is true: the first configuration has that finding before all others,
 * the second has none above a note; `--fix` heals the first, and real nginx takes what it wrote.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { memorySource } from "../../src/config/memory-source.ts";
import { type Diagnosis, diagnose, type RuleChoice } from "../../src/doctor/diagnose.ts";
import type { KnownFacts } from "../../src/doctor/examination.ts";
import { mend } from "../../src/doctor/mend.ts";
import { rules } from "../../src/doctor/rules/list.ts";
import { readConfig } from "../../src/explain/read-config.ts";
import { setDefaultErrorLog } from "../../src/net/error-log.ts";
import { LogFile } from "../../src/net/log-file.ts";
import { type CertificateFiles, makeCertificate } from "../harness/certificates.ts";
import { findNginx } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { PAGES, pageConfig, pagePaths } from "./page-config.ts";

setDefaultErrorLog(new LogFile("/dev/null"));

const MAIN = "/etc/nginx/nginx.conf";
const ALL: RuleChoice = { only: new Set(), ignored: new Set() };
/** Rules whose findings somebody has to decide about. */
const NOT_MENDED = new Set(
  rules
    .map(({ id }) => id)
    .filter((id) =>
      [
        ...["path-not-proxied", "proxy-loop", "slash-redirect", "ip-hash-behind-proxy", "limit-by-balancer"],
        ...["no-limit", "no-origin-check", "access-log-off", "no-effect-on-tunnels", "if-with-proxy", "syntax-error"],
        ...["resolver-missing", "add-header-lost", "line-refused", "localhost-upstream", "handshake-answered"],
      ].includes(id),
    ),
);
/** What nginx 1.22 does not take, or no nginx does. */
const NOT_FOR_NGINX = new Set([
  "syntax-error Breaks",
  "line-refused Breaks",
  "unknown-directive Breaks",
  "unknown-variable Breaks",
]);

let folder = "";
let nginx: string | undefined;
let certificate: CertificateFiles | undefined;
beforeAll(() => {
  folder = makeTempDir();
  mkdirSync(join(folder, "logs"));
  certificate = makeCertificate(folder, "example.com");
  nginx = findNginx();
});
afterAll(() => removeTempDir(folder));

function factsFor(id: string): KnownFacts {
  return { webSocketPaths: pagePaths(id), appPingMs: undefined };
}

async function findings(text: string, id: string): Promise<Diagnosis["findings"]> {
  const read = readConfig(MAIN, memorySource({ [MAIN]: text }));
  return (await diagnose(read, factsFor(id), ALL)).findings;
}

/** What `nginx -t` says, "" if it is content. Ports and certificates are such as a test has. */
function nginxSays(text: string, name: string): string {
  const conf = join(folder, `${name}.conf`);
  const ports = new Map<string, number>();
  const movable = text
    .replace(/(\blisten\s+)(\d+)/g, (_, before: string, port: string) => {
      if (!ports.has(port)) ports.set(port, freePort());
      return `${before}127.0.0.1:${ports.get(port)}`;
    })
    .replaceAll("/etc/ssl/example.com.pem", certificate?.certificate ?? "")
    .replaceAll("/etc/ssl/example.com.key", certificate?.key ?? "")
    .replaceAll(/(server|proxy_pass http:\/\/)websocket-app/g, "$1127.0.0.1")
    .replaceAll(/(proxy_pass https:\/\/)[\w-]+\.[\w.-]*[a-z]\b/g, "$1127.0.0.1");
  writeFileSync(conf, `pid ${folder}/nginx.pid;\nerror_log ${folder}/logs/error.log;\n${movable}`, "latin1");
  const { status, stderr } = spawnSync(nginx ?? "", ["-t", "-q", "-p", folder, "-c", conf], { encoding: "latin1" });
  return status === 0 ? "" : stderr;
}

const severe = (list: Diagnosis["findings"]): string[] =>
  list.filter(({ severity }) => severity !== "note").map(({ rule, message }) => `${rule.id}: ${message}`);

for (const { id } of rules) {
  describe(id, () => {
    const breaks = pageConfig(id, "Breaks");
    const works = pageConfig(id, "Works");

    test("is found first in what breaks", async () => {
      const [first] = await findings(breaks, id);
      expect(first?.rule.id).toBe(id);
    });

    test("is not found in what works, nor is anything else above a note", async () => {
      const found = await findings(works, id);
      expect(found.map(({ rule }) => rule.id)).not.toContain(id);
      expect(severe(found)).toEqual([]);
    });

    test(NOT_MENDED.has(id) ? "is left to whoever decides" : "is healed by --fix", async () => {
      const { diagnosis, files } = await mend(MAIN, memorySource({ [MAIN]: breaks }), factsFor(id), {
        ...ALL,
        only: new Set([id]),
      });
      expect(diagnosis.findings.map(({ rule }) => rule.id)).toEqual(NOT_MENDED.has(id) ? [id] : []);
      if (NOT_MENDED.has(id)) return;
      const [file] = files;
      expect(severe(await findings(file?.after ?? "", id))).toEqual([]);
      if (nginx !== undefined) expect(nginxSays(file?.after ?? "", `${id}-fixed`)).toBe("");
    });

    for (const heading of ["Breaks", "Works"] as const) {
      if (NOT_FOR_NGINX.has(`${id} ${heading}`)) continue;
      test.skipIf(findNginx() === undefined)(`nginx takes what is below "${heading}"`, () => {
        expect(nginxSays(heading === "Breaks" ? breaks : works, `${id}-${heading}`)).toBe("");
      });
    }
  });
}

describe("docs/doctor", () => {
  test("has a page for each rule and no other", () => {
    const pages = readdirSync(PAGES).filter((name) => name !== "README.md");
    expect(pages.sort()).toEqual(rules.map(({ id }) => `${id}.md`).sort());
  });

  test("its table says what the rules say", () => {
    const rows = rules.map(({ id, title }) => `[${id}](${id}.md) | ${title}`);
    const table = readFileSync(join(PAGES, "README.md"), "utf8").match(/^\| \[.*$/gm) ?? [];
    const cells = table.map((line) =>
      line
        .split(" | ")
        .slice(0, 2)
        .map((cell) => cell.replace(/^\| /, "").trim()),
    );
    expect(cells.map((row) => row.join(" | "))).toEqual(rows);
  });
});

/**
 * Every rule has its page, and what the page shows is true: the first configuration has that finding before all others,
 * the second has none above a note; `--fix` heals the first, and real nginx takes what it wrote.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { memorySource } from "../../src/config/memory-source.ts";
import { type Diagnosis, diagnose, type RuleChoice } from "../../src/doctor/diagnose.ts";
import type { KnownFacts } from "../../src/doctor/examination.ts";
import { mend } from "../../src/doctor/mend.ts";
import { rules } from "../../src/doctor/rules/list.ts";
import { readConfig } from "../../src/explain/read-config.ts";
import { setDefaultErrorLog } from "../../src/net/error-log.ts";
import { LogFile } from "../../src/net/log-file.ts";
import { findNginx } from "../harness/gateway.ts";
import { type NginxCheck, nginxCheck } from "./nginx-check.ts";
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

let nginx: NginxCheck | undefined;
beforeAll(() => {
  nginx = nginxCheck();
});
afterAll(() => nginx?.remove());

function factsFor(id: string): KnownFacts {
  return { webSocketPaths: pagePaths(id), appPingMs: undefined };
}

async function findings(text: string, id: string): Promise<Diagnosis["findings"]> {
  const read = readConfig(MAIN, memorySource({ [MAIN]: text }));
  return (await diagnose(read, factsFor(id), ALL)).findings;
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
      if (nginx !== undefined) expect(nginx.says(file?.after ?? "")).toBe("");
    });

    for (const heading of ["Breaks", "Works"] as const) {
      if (NOT_FOR_NGINX.has(`${id} ${heading}`)) continue;
      test.skipIf(findNginx() === undefined)(`nginx takes what is below "${heading}"`, () => {
        expect(nginx?.says(heading === "Breaks" ? breaks : works)).toBe("");
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

/**
 * Configurations as people post them when their WebSockets do not work: the first line of each says what they see, the
 * second which finding must come first. `--fix` leaves nothing above a note, where it is not for people to decide, and
 * what it writes is taken by real nginx.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { memorySource } from "../../src/config/memory-source.ts";
import { diagnose, type RuleChoice } from "../../src/doctor/diagnose.ts";
import { mend } from "../../src/doctor/mend.ts";
import { readConfig } from "../../src/explain/read-config.ts";
import { setDefaultErrorLog } from "../../src/net/error-log.ts";
import { LogFile } from "../../src/net/log-file.ts";
import { type NginxCheck, nginxCheck } from "./nginx-check.ts";

setDefaultErrorLog(new LogFile("/dev/null"));

let nginx: NginxCheck | undefined;
beforeAll(() => {
  nginx = nginxCheck();
});
afterAll(() => nginx?.remove());

const FOLDER = join(import.meta.dir, "posted");
const MAIN = "/etc/nginx/conf.d/default.conf";
const FACTS = { webSocketPaths: [], appPingMs: undefined };
const ALL: RuleChoice = { only: new Set(), ignored: new Set() };
/** What somebody has to decide: an address, a place for a line. */
const FOR_PEOPLE = new Set(["resolver-missing", "proxy-in-server"]);

const files = readdirSync(FOLDER).map((file) => file.replace(/\.conf$/, ""));

describe("configurations as people post them", () => {
  for (const name of files) {
    const text = readFileSync(join(FOLDER, `${name}.conf`), "latin1");
    const [, seen = "", first = ""] = /^# (.*)\n# first: (.*)\n/.exec(text) ?? [];
    const source = memorySource({ [MAIN]: text });

    test(`${name}: ${seen}: ${first}`, async () => {
      const { findings } = await diagnose(readConfig(MAIN, source), FACTS, ALL);
      if (first === "nothing") expect(findings.filter(({ severity }) => severity !== "note")).toEqual([]);
      else expect(findings[0]?.rule.id).toBe(first);
    });

    test(`${name}: --fix`, async () => {
      const { diagnosis, files: changed } = await mend(MAIN, source, FACTS, ALL);
      const left = diagnosis.findings.filter(({ severity }) => severity !== "note").map(({ rule }) => rule.id);
      if (FOR_PEOPLE.has(name) || FOR_PEOPLE.has(first)) return;
      expect(left).toEqual([]);
      const [file] = changed;
      if (file === undefined) return;
      const { after } = file;
      const whole = /^events\b/m.test(after) ? after : `events {}\nhttp {\n${after}}\n`;
      expect(nginx?.says(whole) ?? "").toBe("");
    });
  }
});

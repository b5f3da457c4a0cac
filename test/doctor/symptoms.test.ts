/**
 * The symptoms that rules speak of, on real nginx: there with the configuration that has the finding, gone with what
 * `--fix` has made of it, or with what the finding tells people to do.
 */
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { memorySource } from "../../src/config/memory-source.ts";
import { diagnose } from "../../src/doctor/diagnose.ts";
import { mend } from "../../src/doctor/mend.ts";
import { rules } from "../../src/doctor/rules/list.ts";
import { readConfig } from "../../src/explain/read-config.ts";
import { setDefaultErrorLog } from "../../src/net/error-log.ts";
import { LogFile } from "../../src/net/log-file.ts";
import { makeCertificate } from "../harness/certificates.ts";
import { findNginx, startNginx } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { strictBackend } from "./strict-backend.ts";
import { FIELDS } from "./symptoms/fields.ts";
import { LOAD } from "./symptoms/load.ts";
import type { Row } from "./symptoms/look.ts";
import { START } from "./symptoms/start.ts";
import { WAYS } from "./symptoms/ways.ts";

setDefaultErrorLog(new LogFile("/dev/null"));

const MAIN = "/etc/nginx/nginx.conf";
const ROWS: readonly Row[] = [...START, ...FIELDS, ...WAYS, ...LOAD];
/** What a test cannot wait for, or has no machine for: over two minutes until the system gives up; a container. */
const NOT_SHOWN = ["connect-timeout", "localhost-upstream"];

test("every rule has its symptom, but for those that are named", () => {
  const shown = new Set(ROWS.map(({ rule }) => rule));
  const missing = rules.map(({ id }) => id).filter((id) => !shown.has(id));
  expect(missing.sort()).toEqual(NOT_SHOWN);
});

/** A whole configuration, of which only the placeholders are not known yet. */
function whole(config: string): string {
  return `events { worker_connections 64; }\nhttp {\n${config}\n}\n`;
}

/** What a client sees with a configuration on real nginx. */
async function seen(text: string, row: Row, root: string): Promise<string> {
  const [port, backend, backend2, tls] = [freePort(), freePort(), freePort(), freePort()];
  const backends = [strictBackend(backend, row.habits), strictBackend(backend2, row.habits2)];
  const ready = text
    .replaceAll("{port}", String(port))
    .replaceAll("{backend}", String(backend))
    .replaceAll("{backend2}", String(backend2))
    .replaceAll("{tls}", String(tls))
    .replaceAll("{root}", root)
    .replace("http {", "http {\n  {temp_paths}\n  access_log off;");
  try {
    const gateway = await startNginx(`{main}\nerror_log {prefix}/error.log;\n${ready}`).catch(() => undefined);
    if (gateway === undefined) return "nginx does not start";
    try {
      return await row.look({ port, gateway, backends });
    } finally {
      await gateway.stop();
      gateway.remove();
    }
  } finally {
    for (const one of backends) one.stop();
  }
}

/** Ports stand in texts as numbers, which the doctor reads: the placeholders are numbers of their own meanwhile. */
const NUMBERS: readonly (readonly [string, string])[] = [
  ["{port}", "10001"],
  ["{backend}", "10002"],
  ["{backend2}", "10003"],
  ["{tls}", "8443"],
  ["{root}", "/srv/the-test"],
];

const withNumbers = (text: string): string => NUMBERS.reduce((t, [name, number]) => t.replaceAll(name, number), text);
const withNames = (text: string): string => NUMBERS.reduce((t, [name, number]) => t.replaceAll(number, name), text);

describe.skipIf(findNginx() === undefined)("on real nginx", () => {
  const root = makeTempDir();
  mkdirSync(join(root, "assets"));
  writeFileSync(join(root, "index.html"), "<!doctype html>");
  makeCertificate(root, "example.com", { rsa: true });
  process.on("exit", () => removeTempDir(root));

  for (const row of ROWS) {
    const { rule, config, byHand, broken, healed } = row;
    const tried = row.timed ? test : test.concurrent;
    tried(`${rule}: ${broken} before, ${healed} after${byHand === undefined ? " --fix" : ""}`, async () => {
      const facts = { webSocketPaths: rule === "path-not-proxied" ? ["/live"] : [], appPingMs: row.appPingMs };
      const choice = { only: new Set([rule]), ignored: new Set<string>() };
      const text = withNumbers(whole(config));
      const source = memorySource({ [MAIN]: text });
      const { findings } = await diagnose(readConfig(MAIN, source), facts, choice);
      expect(findings.map((finding) => finding.rule.id)).toContain(rule);
      expect(await seen(withNames(text), row, root)).toBe(broken);

      const { files, diagnosis } = await mend(MAIN, source, facts, choice);
      expect(files.length).toBe(byHand === undefined ? 1 : 0);
      if (byHand === undefined) expect(diagnosis.findings).toEqual([]);
      const after = byHand === undefined ? withNames(files[0]?.after ?? "") : whole(byHand(config));
      expect(await seen(after, row, root)).toBe(healed);
    });
  }
});

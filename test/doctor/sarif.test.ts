/** What `--format sarif` writes, against SARIF's own schema: with each finding that there is, and with none. */
import { describe, expect, test } from "bun:test";
import schema from "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json";
import Ajv from "ajv";
import draft04 from "ajv/lib/refs/json-schema-draft-04.json";
import { memorySource } from "../../src/config/memory-source.ts";
import { diagnose } from "../../src/doctor/diagnose.ts";
import { reportSarif } from "../../src/doctor/report-sarif.ts";
import { rules } from "../../src/doctor/rules/list.ts";
import { readConfig } from "../../src/explain/read-config.ts";
import { setDefaultErrorLog } from "../../src/net/error-log.ts";
import { LogFile } from "../../src/net/log-file.ts";
import { pageConfig, pagePaths } from "./page-config.ts";

setDefaultErrorLog(new LogFile("/dev/null"));

/** SARIF's schema is written in draft 4; its formats of URIs and times are checked too. */
const ajv = new Ajv({ schemaId: "auto", allErrors: true });
ajv.addMetaSchema(draft04);
const validate = ajv.compile(schema);

/** What the schema has against a text; nothing where it is valid. */
function faults(text: string): string[] {
  validate(JSON.parse(text));
  return (validate.errors ?? []).map(({ dataPath, message }) => `${dataPath} ${message}`);
}

/** The report about files, of which the first is the configuration; and how many findings are in it. */
async function sarif(files: Readonly<Record<string, string>>, paths: readonly string[] = []) {
  const read = readConfig(Object.keys(files)[0] ?? "", memorySource(files));
  const facts = { webSocketPaths: paths, appPingMs: undefined };
  const diagnosis = await diagnose(read, facts, { only: new Set(), ignored: new Set() });
  return { text: reportSarif(diagnosis), ids: diagnosis.findings.map(({ rule }) => rule.id) };
}

describe("SARIF 2.1.0", () => {
  test("the schema refuses what is none", () => {
    expect(faults('{"version":"2.1.0","runs":[{"tool":{}}]}')).toEqual([
      ".runs[0].tool should have required property 'driver'",
    ]);
  });

  for (const { id } of rules) {
    test(id, async () => {
      const { text, ids } = await sarif({ "/etc/nginx/nginx.conf": pageConfig(id, "Breaks") }, pagePaths(id));
      expect(ids).toContain(id);
      expect(faults(text)).toEqual([]);
    });
  }

  const BROKEN = "location /ws/ { proxy_pass http://127.0.0.1:3000; proxy_set_header Upgrade $http_upgrade; }";
  const FILES: readonly [what: string, files: Readonly<Record<string, string>>][] = [
    ["no finding", { "/etc/nginx/nginx.conf": "events {}\nhttp { server { listen 80; return 204; } }\n" }],
    ["an empty file", { "/etc/nginx/nginx.conf": "" }],
    ["a file that is not there", { "/etc/nginx/nginx.conf": "events {}\nhttp { include other.conf; }\n" }],
    [
      "a finding in a file whose name is no URI",
      {
        "/etc/nginx/nginx.conf": "events {}\nhttp { include conf.d/*.conf; }\n",
        "/etc/nginx/conf.d/caf\u00c3\u00a9 #1?%.conf": `server { ${BROKEN} }\n`,
      },
    ],
    [
      "lines that are not ASCII, nor UTF-8",
      { "/etc/nginx/nginx.conf": `events {}\nhttp { server { # caf\u00c3\u00a9 \u00ff\n${BROKEN} } }\n` },
    ],
  ];
  for (const [what, files] of FILES) {
    test(what, async () => expect(faults((await sarif(files)).text)).toEqual([]));
  }
});

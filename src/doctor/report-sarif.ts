/** Findings in SARIF 2.1.0 (OASIS), which code hosts show beside the lines of a change. */
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { shownPath } from "../usage/shown-path.ts";
import { VERSION } from "../version.ts";
import type { Diagnosis } from "./diagnose.ts";
import { editSplices } from "./edit.ts";
import type { Finding } from "./finding.ts";
import { pageText, pageUrl } from "./page.ts";
import { rules } from "./rules/list.ts";

const SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/** Relative to the folder it runs in, where that is possible: code hosts want paths of the repository. */
function uriOf(file: string): string {
  const shown = Buffer.from(shownPath(file), "latin1").toString();
  return isAbsolute(shown) ? pathToFileURL(shown).href : shown.split("/").map(encodeURIComponent).join("/");
}

/** Texts of the configuration are bytes; SARIF is UTF-8. */
function unicode(text: string): string {
  return Buffer.from(text, "latin1").toString();
}

/** One log with one run. */
export function reportSarif({ examination, findings }: Diagnosis): string {
  const { read } = examination;
  const texts = new Map(read.files.map(({ path, text }) => [path, text]));
  return JSON.stringify(
    {
      $schema: SCHEMA,
      version: "2.1.0",
      runs: [
        {
          tool: {
            driver: {
              name: "hopway doctor",
              version: VERSION,
              semanticVersion: VERSION,
              rules: rules.map(({ id, title }) => ({
                id,
                shortDescription: { text: title.replaceAll("`", "") },
                helpUri: pageUrl(id),
                help: { text: pageText(id), markdown: pageText(id) },
              })),
            },
          },
          columnKind: "utf16CodeUnits",
          results: findings.map((finding) => result(finding, texts, examination.read.spans)),
        },
      ],
    },
    undefined,
    2,
  );
}

function result(
  finding: Finding,
  texts: ReadonlyMap<string, string>,
  spans: Diagnosis["examination"]["read"]["spans"],
): object {
  const { rule, severity, at, message, consequence, remedy, edits } = finding;
  const line = Math.max(1, at.startLine);
  const files = [...new Set(edits.map(({ statement }) => statement.file))];
  const changes = files.map((file) => ({
    artifactLocation: { uri: uriOf(file) },
    replacements: editSplices(
      texts.get(file) ?? "",
      edits.filter(({ statement }) => statement.file === file),
      spans,
    ).map(({ offset, length, text }) => ({
      deletedRegion: { byteOffset: offset, byteLength: length },
      ...(text === "" ? {} : { insertedContent: { text: unicode(text) } }),
    })),
  }));
  return {
    ruleId: rule.id,
    ruleIndex: rules.indexOf(rule),
    level: severity,
    message: { text: unicode(`${message} ${consequence} ${remedy}`) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(at.file) },
          region: { startLine: line, endLine: at.block === undefined ? Math.max(line, at.line) : line },
        },
      },
    ],
    ...(changes.length === 0 ? {} : { fixes: [{ description: { text: unicode(remedy) }, artifactChanges: changes }] }),
  };
}

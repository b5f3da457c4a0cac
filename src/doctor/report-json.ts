/** Findings for programs: one JSON object. */
import { shownPath } from "../usage/shown-path.ts";
import type { Diagnosis } from "./diagnose.ts";
import { instruction } from "./edit-lines.ts";
import { SEVERITIES } from "./finding.ts";
import { pagePath } from "./page.ts";
import { foreignDirectives } from "./rules/spelling.ts";

/** Grows with changes that readers must know of. */
const FORMAT = 1;

/** A char for each byte, as in the configuration. */
export function reportJson({ examination, findings }: Diagnosis): string {
  const { read, unsimulated, places } = examination;
  const counts = SEVERITIES.map((severity) => [severity, findings.filter((one) => one.severity === severity).length]);
  return JSON.stringify(
    {
      format: FORMAT,
      configuration: read.mainPath,
      files: read.files.map(({ path }) => path),
      places: places.length,
      counts: Object.fromEntries(counts),
      findings: findings.map(({ rule, severity, at, message, consequence, remedy, edits, example }) => ({
        rule: rule.id,
        severity,
        file: shownPath(at.file),
        line: at.startLine,
        message,
        consequence,
        remedy,
        changes: edits.map((edit) => ({ file: shownPath(edit.statement.file), ...instruction(edit) })),
        example: example ?? [],
        page: pagePath(rule.id),
      })),
      notes: [...read.notes, ...(unsimulated === undefined ? [] : [{ file: read.mainPath, message: unsimulated }])],
      unknownDirectives: [...foreignDirectives(examination)],
    },
    undefined,
    2,
  );
}

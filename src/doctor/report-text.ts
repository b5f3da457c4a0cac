/** Findings for people to read. */
import { type Colour, type Paint, wrap } from "../usage/paint.ts";
import { printableBytes } from "../usage/printable.ts";
import { shownPath } from "../usage/shown-path.ts";
import type { Diagnosis } from "./diagnose.ts";
import { instruction } from "./edit-lines.ts";
import { type Finding, SEVERITIES, type Severity } from "./finding.ts";
import { pagePath } from "./page.ts";
import { foreignDirectives } from "./rules/spelling.ts";

const COLOURS: Readonly<Record<Severity, Colour>> = { error: "red", warning: "yellow", note: "blue" };
/** Lines shown before and after the one that a finding is about. */
const AROUND = 1;
const INDENT = "  ";

/** The whole report; ends with a line feed. */
export function reportText({ examination, findings }: Diagnosis, paint: Paint): string {
  const { read, unsimulated, places } = examination;
  const files = new Map(read.files.map(({ path, text }) => [path, text.split("\n")]));
  const unread = new Set(read.notes.map(({ file }) => file).filter((file) => files.get(file)?.join("") === "")).size;
  const shown = withoutRepetition(findings);
  const out = [...shown].map(([finding, alike]) => {
    return findingText(finding, alike, files.get(finding.at.file) ?? [], paint);
  });
  const remarks = [
    ...read.notes.map(({ file, message }) => `${shownPath(file)} ${message}.`),
    ...(unsimulated === undefined
      ? []
      : [
          examination.http === undefined
            ? `There is no "http" block: nothing to look at.${examination.root.lines.some(({ name }) => name === "stream") ? " Of stream, proxy_timeout is what WebSockets live by: it ends connections that were silent for so long, 10m by default." : ""}`
            : `Requests could not be tried on this configuration (${unsimulated}): much is not looked at.`,
        ]),
    ...foreignRemark(foreignDirectives(examination)),
  ];
  for (const remark of remarks) out.push(`${wrap(`Note: ${remark}`, "")}\n`);
  out.push(`${summary(findings, files.size - unread, places.length, paint)}\n`);
  return out.join("\n");
}

/** Notes of one rule are told once, with the places of the others. */
function withoutRepetition(findings: readonly Finding[]): ReadonlyMap<Finding, readonly Finding[]> {
  const shown = new Map<Finding, Finding[]>();
  for (const finding of findings) {
    const first = [...shown.keys()].find(({ rule, severity }) => rule === finding.rule && severity === "note");
    if (first === undefined || finding.severity !== "note") shown.set(finding, []);
    else shown.get(first)?.push(finding);
  }
  return shown;
}

function foreignRemark(names: ReadonlySet<string>): string[] {
  if (names.size === 0) return [];
  return [
    `not looked at, as nginx itself does not have ${names.size === 1 ? "it" : "them"}: ${[...names].join(", ")}.`,
  ];
}

function findingText(finding: Finding, alike: readonly Finding[], lines: readonly string[], paint: Paint): string {
  const { severity, rule, at, message, consequence, remedy, edits, example = [] } = finding;
  const place = `${shownPath(at.file)}:${at.startLine}`;
  const out = [
    `${paint(COLOURS[severity], severity)}  ${paint("bold", place)}  ${paint("dim", rule.id)}`,
    wrap(printableBytes(message), INDENT),
    "",
    ...sourceLines(lines, at.startLine, at.block === undefined ? at.line : at.startLine, paint),
    "",
    wrap(printableBytes(`What happens: ${consequence}`), INDENT),
    "",
    wrap(`What helps: ${remedy}`, INDENT),
  ];
  for (const edit of edits) {
    const { where, lines: added } = instruction(edit);
    const inFile = edit.statement.file === at.file ? "" : ` of ${shownPath(edit.statement.file)}`;
    out.push(`${INDENT}${where[0]?.toUpperCase()}${where.slice(1)}${inFile}${added.length > 0 ? ":" : "."}`);
    for (const line of added) out.push(`${INDENT}    ${paint("green", printableBytes(line))}`);
  }
  if (edits.length === 0 && example.length > 0) {
    out.push(`${INDENT}For example:`);
    for (const line of example) out.push(`${INDENT}    ${line}`);
  }
  if (alike.length > 0) {
    const places = [...new Set(alike.map(({ at: other }) => `${shownPath(other.file)}:${other.startLine}`))];
    out.push(wrap(`The same: ${places.join(", ")}.`, INDENT));
  }
  out.push(`${INDENT}${paint("dim", `More: ${pagePath(rule.id)}, or hopway help ${rule.id}`)}`, "");
  return out.join("\n");
}

/** Lines of a file with their numbers, those from `first` to `last` marked. */
function sourceLines(lines: readonly string[], first: number, last: number, paint: Paint): string[] {
  const out: string[] = [];
  const width = String(last + AROUND).length;
  for (let n = Math.max(1, first - AROUND); n <= Math.min(lines.length, last + AROUND); n++) {
    const marked = n >= first && n <= last;
    const text = `${marked ? ">" : " "} ${String(n).padStart(width)} | ${printableBytes((lines[n - 1] ?? "").trimEnd())}`;
    out.push(INDENT + (marked ? paint("bold", text) : paint("dim", text)));
  }
  return out;
}

function summary(findings: readonly Finding[], files: number, places: number, paint: Paint): string {
  const counts = SEVERITIES.map(
    (severity) => [severity, findings.filter((finding) => finding.severity === severity).length] as const,
  );
  const said = counts.filter(([, n]) => n > 0).map(([severity, n]) => paint(COLOURS[severity], countOf(n, severity)));
  const looked = `${countOf(files, "file")}, ${countOf(places, "place")} that prox${places === 1 ? "ies" : "y"}`;
  return `${said.length === 0 ? paint("green", "Nothing found") : said.join(", ")} in ${looked}.`;
}

function countOf(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

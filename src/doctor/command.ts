/** `hopway doctor`. */
import { createInterface } from "node:readline/promises";
import type { ConfigSource } from "../config/load-context.ts";
import { parseTime } from "../config/units.ts";
import { openSource, PIPE } from "../explain/open-config.ts";
import { readConfig } from "../explain/read-config.ts";
import { setDefaultErrorLog } from "../net/error-log.ts";
import { LogFile } from "../net/log-file.ts";
import type { GivenOptions } from "../usage/command-table.ts";
import { paintFor } from "../usage/paint.ts";
import { complain, print, printBytes, remark } from "../usage/print.ts";
import { shownPath } from "../usage/shown-path.ts";
import { type Diagnosis, diagnose, type RuleChoice } from "./diagnose.ts";
import { unifiedDiff } from "./diff.ts";
import type { KnownFacts } from "./examination.ts";
import { type Mended, mend } from "./mend.ts";
import { reportJson } from "./report-json.ts";
import { reportSarif } from "./report-sarif.ts";
import { reportText } from "./report-text.ts";
import { rules } from "./rules/list.ts";
import { writeFiles } from "./write-files.ts";

const FOUND = 1;
const FAILED = 2;

/** Runs it; the exit code. */
export async function run(options: GivenOptions): Promise<number> {
  const [word] = options.words;
  const named = options.value("-c") ?? word;
  if (word !== undefined && options.has("-c")) return failed(`both -c ${options.value("-c")} and ${word} are given`);
  const opened = openSource(named);
  const { mainPath, source } = opened;
  const main = source.read(mainPath);
  if (typeof main !== "string") return failed(`open() "${mainPath}" failed (${main.errno}: ${main.text})`);
  const facts = factsOf(options);
  const choice = choiceOf(options);
  if (typeof facts === "string") return failed(facts);
  if (typeof choice === "string") return failed(choice);
  if (options.has("--dry-run") && !options.has("--fix")) return failed("--dry-run goes with --fix");
  if (options.has("--fix") && named === PIPE && !options.has("--dry-run")) {
    return failed("what comes from standard input cannot be written: use --dry-run");
  }
  // What requests would have logged is of no interest to whoever asks.
  setDefaultErrorLog(new LogFile("/dev/null"));
  if (options.has("--fix")) return fix(options, mainPath, source, facts, choice);
  const diagnosis = await diagnose(readConfig(mainPath, source), facts, choice);
  report(options, diagnosis);
  return exitCode(options, diagnosis);
}

function factsOf(options: GivenOptions): KnownFacts | string {
  const webSocketPaths = options.values("--ws");
  const relative = webSocketPaths.find((path) => !path.startsWith("/"));
  if (relative !== undefined) return `"${relative}" is no path: it begins with a slash`;
  const ping = options.value("--app-ping");
  const appPingMs = ping === undefined ? undefined : parseTime(ping);
  if (ping !== undefined && appPingMs === undefined) return `"${ping}" is no time: 25s, 1m`;
  return { webSocketPaths, appPingMs };
}

function choiceOf(options: GivenOptions): RuleChoice | string {
  const only = new Set(options.values("--only"));
  const ignored = new Set(options.values("--ignore"));
  const unknown = [...only, ...ignored].find((id) => !rules.some((rule) => rule.id === id));
  return unknown === undefined ? { only, ignored } : `there is no rule "${unknown}"`;
}

function report(options: GivenOptions, diagnosis: Diagnosis): void {
  switch (options.value("--format")) {
    case "json":
      printBytes(`${reportJson(diagnosis)}\n`);
      return;
    case "sarif":
      print(`${reportSarif(diagnosis)}\n`);
      return;
    default:
      printBytes(reportText(diagnosis, paintFor(process.stdout)));
  }
}

async function fix(
  options: GivenOptions,
  mainPath: string,
  source: ConfigSource,
  facts: KnownFacts,
  choice: RuleChoice,
): Promise<number> {
  const result = await mend(mainPath, source, facts, choice);
  const { files, diagnosis } = result;
  const dryRun = options.has("--dry-run");
  for (const { path, before, after } of files) printBytes(coloured(unifiedDiff(shownPath(path), before, after)));
  if (dryRun) return files.length > 0 ? FOUND : exitCode(options, diagnosis);
  if (files.length > 0) {
    if (process.stdin.isTTY && process.stdout.isTTY && !(await agreed())) return FOUND;
    const failures = writeFiles(files);
    for (const failure of failures) failed(failure);
    if (failures.length > 0) return FAILED;
  }
  sayMended(result);
  report(options, diagnosis);
  return exitCode(options, diagnosis);
}

function coloured(diff: string): string {
  const paint = paintFor(process.stdout);
  return diff
    .split("\n")
    .map((line) => {
      if (line.startsWith("+")) return paint("green", line);
      return line.startsWith("-") ? paint("red", line) : line;
    })
    .join("\n");
}

async function agreed(): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question("\nWrite these changes? [y/N] ");
  terminal.close();
  return /^y(?:es)?$/i.test(answer.trim());
}

function sayMended({ files, mended }: Mended): void {
  const what = mended.map(({ rule, at }) => `  ${rule.id}  ${shownPath(at.file)}:${at.startLine}`);
  const head =
    files.length === 0
      ? "Nothing that could be mended."
      : `Mended, in ${files.map(({ path }) => shownPath(path)).join(", ")}:`;
  remark(`${[head, ...what].join("\n")}\n\n`);
}

function exitCode(options: GivenOptions, { findings }: Diagnosis): number {
  const counts = findings.some(({ severity }) => severity !== "note" || options.has("--strict"));
  return counts ? FOUND : 0;
}

function failed(message: string): number {
  complain(message);
  return FAILED;
}

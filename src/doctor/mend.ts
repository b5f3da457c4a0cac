/** Applies the changes of findings, one finding after the other, until nothing is left that has one. */
import type { ConfigSource } from "../config/load-context.ts";
import type { Statement } from "../config/syntax.ts";
import { type ReadConfig, readConfig } from "../explain/read-config.ts";
import { type Diagnosis, diagnose, type RuleChoice } from "./diagnose.ts";
import { editText } from "./edit.ts";
import type { KnownFacts } from "./examination.ts";
import type { Finding } from "./finding.ts";

/** More than any configuration has findings. */
const MAX_ROUNDS = 500;

/** A file that was changed. */
export interface ChangedFile {
  /** Where it is on the disk. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

export interface Mended {
  readonly files: readonly ChangedFile[];
  /** Findings whose changes are in them. */
  readonly mended: readonly Finding[];
  /** What is left. */
  readonly diagnosis: Diagnosis;
}

/** The same finding in another round, where statements are other objects. */
function identity({ rule, message, at }: Finding): string {
  return JSON.stringify([rule.id, at.file, message]);
}

/** A configuration in the middle of being mended. */
interface State {
  readonly texts: ReadonlyMap<string, string>;
  readonly read: ReadConfig;
  readonly diagnosis: Diagnosis;
  /** How many findings are the same but for their line. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Mends what can be mended, in memory. What does not end its finding, or brings an error about, is taken back. */
export async function mend(
  mainPath: string,
  source: ConfigSource,
  facts: KnownFacts,
  choice: RuleChoice,
): Promise<Mended> {
  const look = async (texts: ReadonlyMap<string, string>): Promise<State> => {
    const read = readConfig(mainPath, overlay(source, texts));
    const diagnosis = await diagnose(read, facts, choice);
    return { texts, read, diagnosis, counts: countsOf(diagnosis) };
  };
  let state = await look(new Map());
  const mended: Finding[] = [];
  /** Those whose changes did not help. */
  const vain = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const batch = nextBatch(state.diagnosis.findings.filter((one) => !vain.has(identity(one))));
    const [first] = batch;
    if (first === undefined) break;
    let tried: readonly Finding[] = batch;
    let next = await look(withEdits(state, source, tried));
    if (!helps(state, next, tried) && batch.length > 1) {
      tried = [first];
      next = await look(withEdits(state, source, tried));
    }
    if (helps(state, next, tried)) {
      for (const one of tried) {
        if (fewer(state, next, one)) mended.push(one);
        else vain.add(identity(one));
      }
      state = next;
    } else vain.add(identity(first));
  }
  const files = [...state.texts].map(([path, after]) => ({ path, before: originalText(source, path), after }));
  return { files, mended, diagnosis: state.diagnosis };
}

/** Findings of the first rule that has changes, whose changes do not meet. What is put before a server stands there once. */
function nextBatch(findings: readonly Finding[]): Finding[] {
  const rule = findings.find(({ edits }) => edits.length > 0)?.rule;
  const touched = new Set<Statement>();
  const batch: Finding[] = [];
  let hasDefinition = false;
  for (const finding of findings) {
    const { edits } = finding;
    const defines = edits.some(({ kind }) => kind === "before");
    if (finding.rule !== rule || edits.length === 0 || (defines && hasDefinition)) continue;
    if (edits.some(({ statement }) => touched.has(statement))) continue;
    for (const { statement } of edits) touched.add(statement);
    hasDefinition ||= defines;
    batch.push(finding);
  }
  return batch;
}

/** Whether changes were for the better: some of what they are for has ended, and nothing has become worse. */
function helps(before: State, after: State, tried: readonly Finding[]): boolean {
  if (after.read.error !== undefined && before.read.error === undefined) return false;
  if (errors(after.diagnosis) > errors(before.diagnosis)) return false;
  return tried.some((one) => fewer(before, after, one));
}

/** Whether there are fewer findings like this one than before. */
function fewer(before: State, after: State, finding: Finding): boolean {
  const key = identity(finding);
  return (after.counts.get(key) ?? 0) < (before.counts.get(key) ?? 0);
}

function countsOf({ findings }: Diagnosis): Map<string, number> {
  const counts = new Map<string, number>();
  for (const finding of findings) {
    const key = identity(finding);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

function errors({ findings }: Diagnosis): number {
  return findings.filter(({ severity }) => severity === "error").length;
}

function originalText(source: ConfigSource, path: string): string {
  const text = source.read(path);
  return typeof text === "string" ? text : "";
}

function withEdits({ read, texts }: State, source: ConfigSource, findings: readonly Finding[]): Map<string, string> {
  const changed = new Map(texts);
  const edits = findings.flatMap((finding) => finding.edits);
  for (const file of new Set(edits.map(({ statement }) => statement.file))) {
    const path = read.elsewhere.get(file) ?? file;
    const own = edits.filter(({ statement }) => statement.file === file);
    changed.set(path, editText(changed.get(path) ?? originalText(source, path), own, read.spans));
  }
  return changed;
}

/** A source in which some files have other texts. */
function overlay(source: ConfigSource, texts: ReadonlyMap<string, string>): ConfigSource {
  return { read: (path) => texts.get(path) ?? source.read(path), glob: (pattern) => source.glob(pattern) };
}

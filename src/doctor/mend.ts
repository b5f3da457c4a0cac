/** Applies the changes of findings, one finding after the other, until nothing is left that has one. */
import type { ConfigSource } from "../config/load-context.ts";
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

/**
 * Mends what can be mended, in memory. A change that does not end its finding, or that brings an error about, is taken
 * back.
 */
export async function mend(
  mainPath: string,
  source: ConfigSource,
  facts: KnownFacts,
  choice: RuleChoice,
): Promise<Mended> {
  let texts = new Map<string, string>();
  let read = readConfig(mainPath, overlay(source, texts));
  let diagnosis = await diagnose(read, facts, choice);
  const mended: Finding[] = [];
  /** Those whose changes did not help. */
  const vain = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const finding = diagnosis.findings.find((one) => one.edits.length > 0 && !vain.has(identity(one)));
    if (finding === undefined) break;
    const changed = withEdits(read, source, texts, finding);
    const nextRead = readConfig(mainPath, overlay(source, changed));
    const next = await diagnose(nextRead, facts, choice);
    const ended = alike(next, finding) < alike(diagnosis, finding);
    const unreadable = nextRead.error !== undefined && read.error === undefined;
    if (!ended || unreadable || errors(next) > errors(diagnosis)) {
      vain.add(identity(finding));
      continue;
    }
    mended.push(finding);
    texts = changed;
    read = nextRead;
    diagnosis = next;
  }
  const files = [...texts].map(([path, after]) => ({ path, before: originalText(source, path), after }));
  return { files, mended, diagnosis };
}

/** How many findings are the same as one, but for the line. */
function alike({ findings }: Diagnosis, finding: Finding): number {
  return findings.filter((one) => identity(one) === identity(finding)).length;
}

function errors({ findings }: Diagnosis): number {
  return findings.filter(({ severity }) => severity === "error").length;
}

function originalText(source: ConfigSource, path: string): string {
  const text = source.read(path);
  return typeof text === "string" ? text : "";
}

function withEdits(
  read: ReadConfig,
  source: ConfigSource,
  texts: ReadonlyMap<string, string>,
  { edits }: Finding,
): Map<string, string> {
  const changed = new Map(texts);
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

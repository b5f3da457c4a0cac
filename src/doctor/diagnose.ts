/** Runs the rules over a configuration. */
import type { ReadConfig } from "../explain/read-config.ts";
import { type Examination, examine, type KnownFacts } from "./examination.ts";
import { type Finding, SEVERITIES } from "./finding.ts";
import { rules } from "./rules/list.ts";

/** Which rules count. */
export interface RuleChoice {
  /** Only these, unless empty. */
  readonly only: ReadonlySet<string>;
  readonly ignored: ReadonlySet<string>;
}

export interface Diagnosis {
  readonly examination: Examination;
  /** The gravest first; of equal ones, in the order of the rules, then of the files. */
  readonly findings: readonly Finding[];
}

/** Examines a configuration and gives what the rules find. */
export async function diagnose(read: ReadConfig, facts: KnownFacts, choice: RuleChoice): Promise<Diagnosis> {
  const examination = await examine(read, facts);
  const chosen = rules.filter(({ id }) => (choice.only.size === 0 || choice.only.has(id)) && !choice.ignored.has(id));
  const findings = chosen.flatMap((rule) => rule.find(examination).map((symptom) => ({ ...symptom, rule })));
  const order = new Map(rules.map((rule, i) => [rule, i]));
  const files = new Map(read.files.map(({ path }, i) => [path, i]));
  const rank = ({ severity, rule, at }: Finding): number[] => [
    SEVERITIES.indexOf(severity),
    order.get(rule) ?? 0,
    files.get(at.file) ?? 0,
    at.startLine,
  ];
  return { examination, findings: findings.sort((a, b) => compare(rank(a), rank(b))) };
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) {
    const difference = value - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** What the doctor finds, and what can be done about it. */
import type { Statement } from "../config/syntax.ts";
import type { Edit } from "./edit.ts";
import type { Examination } from "./examination.ts";

/**
 * `error`: it breaks. `warning`: it breaks some clients, or after a while, or under load. `note`: it depends on what the
 * configuration does not tell.
 */
export type Severity = "error" | "warning" | "note";

export const SEVERITIES: readonly Severity[] = ["error", "warning", "note"];

/** What a rule reports. */
export interface Symptom {
  readonly severity: Severity;
  /** The line to look at. */
  readonly at: Statement;
  /** What is wrong, in a sentence. */
  readonly message: string;
  /** What a client sees because of it, and when: statuses and close codes as they appear to it. */
  readonly consequence: string;
  /** How to mend it, in a sentence. */
  readonly remedy: string;
  /** The change that mends it; none where somebody has to decide. */
  readonly edits: readonly Edit[];
  /** Lines to start from, where there is no change that fits every case. */
  readonly example?: readonly string[];
}

/** A symptom with the rule that found it. */
export interface Finding extends Symptom {
  readonly rule: Rule;
}

/** One thing that the doctor looks for. Its page is docs/doctor/ID.md. */
export interface Rule {
  /** In words with hyphens, as in the name of its page. */
  readonly id: string;
  /** What triggers it: a line of the table in docs/doctor/README.md. */
  readonly title: string;
  find(examination: Examination): readonly Symptom[];
}

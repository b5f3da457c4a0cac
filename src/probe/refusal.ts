/** An answer other than 101, with what is known about it, and what is made of it. */
import type { Complaint } from "./app-words.ts";
import type { HttpAnswer } from "./http-answer.ts";
import type { Responder } from "./product.ts";
import type { ProbeTarget } from "./target.ts";
import type { Verdict } from "./verdict.ts";

/** An answer, and what other requests of the same path got. */
export interface Refusal {
  readonly answer: HttpAnswer;
  readonly target: ProbeTarget;
  readonly responder: Responder;
  readonly complaint: Complaint | undefined;
  /** A plain GET gets the same status and kind of page. */
  readonly sameAsPlain: boolean;
  /** What a plain GET gets; undefined where it gets nothing, or was not tried. */
  readonly plainStatus: number | undefined;
  readonly originMatters: boolean;
}

/** What a verdict says of its own. */
export type Judgement = Pick<Verdict, "id" | "what" | "lines"> & {
  /** Default: who answered. */
  readonly hop?: string;
  readonly evidence?: readonly string[];
};

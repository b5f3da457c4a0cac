/** What a probe concludes. */
import type { ProductLines } from "./cause-lines.ts";
import type { Responder } from "./product.ts";

/** `broken`: browsers get no WebSocket, or lose it. `doubtful`: they do, but not all or not always. */
export type Weight = "broken" | "doubtful";

export interface Verdict {
  /** In words with hyphens, for programs. */
  readonly id: string;
  readonly weight: Weight;
  /** Where on the way: "the name server", "nginx/1.22.1", "the application". */
  readonly hop: string;
  /** In a sentence. */
  readonly what: string;
  /** What speaks for it. */
  readonly evidence: readonly string[];
  /** What proxies usually say that brings it about, or mends it. */
  readonly lines: ProductLines;
  /** Who answered, for choosing among the lines. */
  readonly responder: Responder | undefined;
}

/** A verdict about a step before any answer. */
export function verdict(
  id: string,
  hop: string,
  what: string,
  evidence: readonly string[] = [],
  lines: ProductLines = {},
): Verdict {
  return { id, weight: "broken", hop, what, evidence, lines, responder: undefined };
}

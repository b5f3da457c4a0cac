/** Where a span stands in its trace, and how that is written in `traceparent` (W3C Trace Context, level 1). */
import { randomBytes } from "node:crypto";

/** A span as others name it. */
export interface SpanPlace {
  /** 32 hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all zero. */
  readonly spanId: string;
  /** Somebody records it. */
  sampled: boolean;
  /** `tracestate`: what tracing systems tell each other, "" for nothing. */
  readonly state: string;
}

/** Version, trace, span and flags; later versions may have more behind them. */
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const SAMPLED = 1;
const TRACE_BYTES = 16;
const SPAN_BYTES = 8;
const NO_TRACE = "0".repeat(2 * TRACE_BYTES);
const NO_SPAN = "0".repeat(2 * SPAN_BYTES);

/** The span that a `traceparent` names; undefined for what is none, which counts as not sent (section 4.3). */
export function parseTraceparent(text: string, state: string): SpanPlace | undefined {
  const [, version = "", traceId = "", spanId = "", flags = "", rest] = FORM.exec(text) ?? [];
  if (version === "" || version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0, state };
}

/** The `traceparent` that tells others of a span. */
export function traceparent({ traceId, spanId, sampled }: SpanPlace): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/** A new span, not sampled so far: in its parent's trace, or in one of its own. */
export function newSpan(parent: SpanPlace | undefined): SpanPlace {
  // All zero would not be valid; it comes once in 2^64 times, and nobody is hurt then.
  const random = randomBytes(SPAN_BYTES + TRACE_BYTES).toString("hex");
  return {
    traceId: parent?.traceId ?? random.slice(2 * SPAN_BYTES),
    spanId: random.slice(0, 2 * SPAN_BYTES),
    sampled: false,
    state: parent?.state ?? "",
  };
}

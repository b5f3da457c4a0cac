import { describe, expect, test } from "bun:test";
import { newSpan, parseTraceparent, traceparent } from "./otel-context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

describe("traceparent", () => {
  const cases: readonly (readonly [text: string, sampled: boolean | undefined, why: string])[] = [
    [`00-${TRACE}-${SPAN}-01`, true, "sampled"],
    [`00-${TRACE}-${SPAN}-00`, false, "not sampled"],
    [`00-${TRACE}-${SPAN}-03`, true, "other flags count for nothing"],
    [`00-${TRACE}-${SPAN}-02`, false, "other flags are not the sampled flag"],
    [`01-${TRACE}-${SPAN}-01`, true, "a later version"],
    [`cc-${TRACE}-${SPAN}-01-what-the-future-brings`, true, "a later version may be longer"],
    [`cc-${TRACE}-${SPAN}-01.what`, undefined, "a later version goes on with a dash"],
    [`00-${TRACE}-${SPAN}-01-more`, undefined, "version 00 has four parts"],
    [`ff-${TRACE}-${SPAN}-01`, undefined, "no version"],
    [`00-${"0".repeat(32)}-${SPAN}-01`, undefined, "no trace"],
    [`00-${TRACE}-${"0".repeat(16)}-01`, undefined, "no span"],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`, undefined, "upper case"],
    [`00-${TRACE.slice(1)}-${SPAN}-01`, undefined, "a short trace"],
    [`00-${TRACE}-${SPAN}0-01`, undefined, "a long span"],
    [`00-${TRACE}-${SPAN}-1`, undefined, "short flags"],
    [`00-${TRACE}-${SPAN}-0x`, undefined, "flags that are no number"],
    [`00-${TRACE}-${SPAN}`, undefined, "no flags"],
    [` 00-${TRACE}-${SPAN}-01`, undefined, "a space"],
    [`00_${TRACE}_${SPAN}_01`, undefined, "other separators"],
    ["", undefined, "empty"],
  ];
  for (const [text, sampled, why] of cases) {
    test(`${why}: ${text}`, () => {
      expect(parseTraceparent(text, "a=b")).toEqual(
        sampled === undefined ? undefined : { traceId: TRACE, spanId: SPAN, sampled, state: "a=b" },
      );
    });
  }
});

test("a span goes on with its parent's trace and state", () => {
  const parent = parseTraceparent(`00-${TRACE}-${SPAN}-01`, "vendor=1");
  const span = newSpan(parent);
  expect(span).toMatchObject({ traceId: TRACE, sampled: false, state: "vendor=1" });
  expect(span.spanId).toMatch(/^[0-9a-f]{16}$/);
  expect(span.spanId).not.toBe(SPAN);
  expect(traceparent(span)).toBe(`00-${TRACE}-${span.spanId}-00`);
});

test("a span without a parent begins a trace", () => {
  const span = newSpan(undefined);
  expect(parseTraceparent(traceparent(span), "")).toEqual(span);
  expect(newSpan(undefined).traceId).not.toBe(span.traceId);
});

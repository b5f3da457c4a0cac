import { describe, expect, test } from "bun:test";
import { loadSettings } from "./load-fixture.ts";
import { type FailureKind, failureStatus, mayTryNext, nextUpstreamExpired, statusFailure } from "./next-upstream.ts";

const SENT = true;
const KEPT = false;

describe("mayTryNext", () => {
  const cases: readonly (readonly [
    config: string,
    kind: FailureKind,
    method: string,
    sent: boolean,
    unbuffered: boolean,
    expected: boolean,
  ])[] = [
    ["", "error", "GET", SENT, KEPT, true],
    ["", "timeout", "GET", SENT, KEPT, true],
    ["", "invalid_header", "GET", SENT, KEPT, false],
    ["", "http_502", "GET", SENT, KEPT, false],
    ["", "no_live", "GET", !SENT, KEPT, false],
    ["", "error", "POST", !SENT, KEPT, true],
    ["", "error", "POST", SENT, KEPT, false],
    ["", "error", "PATCH", SENT, KEPT, false],
    ["", "error", "LOCK", SENT, KEPT, false],
    ["", "error", "PUT", SENT, KEPT, true],
    ["", "error", "PUT", SENT, !KEPT, false],
    ["", "error", "PUT", !SENT, !KEPT, true],
    ["proxy_next_upstream error non_idempotent;", "error", "POST", SENT, KEPT, true],
    ["proxy_next_upstream http_500 http_404;", "http_404", "GET", SENT, KEPT, true],
    ["proxy_next_upstream http_500 http_404;", "error", "GET", SENT, KEPT, false],
    ["proxy_next_upstream off;", "error", "GET", !SENT, KEPT, false],
    ["proxy_next_upstream error off;", "error", "GET", !SENT, KEPT, false],
  ];
  for (const [config, kind, method, sent, unbuffered, expected] of cases) {
    test(`${config} ${kind} ${method} sent=${sent} unbuffered=${unbuffered}`, async () => {
      const { nextUpstream } = (await loadSettings(config)).settings;
      expect(mayTryNext(nextUpstream ?? new Set(), kind, method, sent, unbuffered)).toBe(expected);
    });
  }
});

test("statuses", () => {
  const kinds = [500, 502, 503, 504, 403, 404, 429, 200, 501].map(statusFailure);
  expect(kinds).toEqual([
    "http_500",
    "http_502",
    "http_503",
    "http_504",
    "http_403",
    "http_404",
    "http_429",
    undefined,
    undefined,
  ]);
  expect(kinds.map((kind) => kind && failureStatus(kind))).toEqual([
    500,
    502,
    503,
    504,
    403,
    404,
    429,
    undefined,
    undefined,
  ]);
  expect((["error", "timeout", "invalid_header", "no_live"] as const).map(failureStatus)).toEqual([502, 504, 502, 502]);
});

test("time limit", () => {
  expect([nextUpstreamExpired(0, 0, 9e9), nextUpstreamExpired(10, 5, 14), nextUpstreamExpired(10, 5, 15)]).toEqual([
    false,
    false,
    true,
  ]);
});

test("unknown condition", async () => {
  expect((await loadSettings("proxy_next_upstream http_501;")).faults).toEqual(['invalid value "http_501"']);
});

import { describe, expect, test } from "bun:test";
import { httpDate, isoDate, logDate, parseHttpDate, secondsText } from "./date.ts";

const SOME_TIME_MS = Date.UTC(2026, 10, 21, 7, 0, 0);

test("httpDate", () => {
  expect(httpDate(SOME_TIME_MS)).toBe("Sat, 21 Nov 2026 07:00:00 GMT");
  expect(httpDate(SOME_TIME_MS + 999)).toBe("Sat, 21 Nov 2026 07:00:00 GMT");
  expect(httpDate(SOME_TIME_MS + 1000)).toBe("Sat, 21 Nov 2026 07:00:01 GMT");
  expect(httpDate(0)).toBe("Thu, 01 Jan 1970 00:00:00 GMT");
});

/** The local dates in a process of that time zone. */
function localDates(zone: string): string {
  const code = `import { isoDate, logDate } from "${import.meta.dir}/date.ts";
    console.log(logDate(${SOME_TIME_MS}), isoDate(${SOME_TIME_MS}));`;
  const run = Bun.spawnSync([process.execPath, "-e", code], { env: { ...process.env, TZ: zone } });
  return run.stdout.toString().trim();
}

describe("local dates", () => {
  const rows: [zone: string, expected: string][] = [
    ["UTC", "21/Nov/2026:07:00:00 +0000 2026-11-21T07:00:00+00:00"],
    ["Asia/Kolkata", "21/Nov/2026:12:30:00 +0530 2026-11-21T12:30:00+05:30"],
    ["America/New_York", "21/Nov/2026:02:00:00 -0500 2026-11-21T02:00:00-05:00"],
  ];
  for (const [zone, expected] of rows) test(zone, () => expect(localDates(zone)).toBe(expected));

  test("here", () => {
    for (const date of [logDate, isoDate]) expect(date(SOME_TIME_MS)).toContain("2026");
  });
});

describe("parseHttpDate", () => {
  const some = 784111777;
  const rows: [text: string, expected: number][] = [
    ["Sun, 06 Nov 1994 08:49:37 GMT", some],
    ["Sunday, 06-Nov-94 08:49:37 GMT", some],
    ["Sun Nov  6 08:49:37 1994", some],
    ["Wed Nov 16 08:49:37 1994", some + 864000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["Tue, 29 Feb 2000 00:00:00 GMT", 951782400],
    ["Monday, 01-Jan-69 00:00:00 GMT", 3124224000],
    ["Tue, 29 Feb 2100 00:00:00 GMT", -1],
    ["Sun, 06 Nov 1969 08:49:37 GMT", -1],
    ["Sun, 31 Nov 1994 08:49:37 GMT", -1],
    ["Sun, 00 Nov 1994 08:49:37 GMT", -1],
    ["Sun, 06 Nov 1994 24:00:00 GMT", -1],
    ["Sun, 06 Nov 1994 08:60:37 GMT", -1],
    ["Sun, 06 Nov 1994 08:49:60 GMT", -1],
    ["Sun, 06 Xyz 1994 08:49:37 GMT", -1],
    ["Sun, 6 Nov 1994 08:49:37 GMT", -1],
    ["Sun, 06 Nov 1994 08.49.37 GMT", -1],
    ["Sun, 06 Nov 1994", -1],
    ["yesterday", -1],
    ["", -1],
    [",", -1],
    ["784111777", -1],
  ];
  for (const [text, expected] of rows) test(JSON.stringify(text), () => expect(parseHttpDate(text)).toBe(expected));

  test("reads what httpDate writes", () => {
    for (let day = 0; day < 40000; day += 37) expect(parseHttpDate(httpDate(day * 86400000))).toBe(day * 86400);
  });
});

const times: readonly (readonly [ms: number, text: string])[] = [
  [0, "0.000"],
  [-5, "0.000"],
  [7.9, "0.007"],
  [42, "0.042"],
  [999.99, "0.999"],
  [1000, "1.000"],
  [1_795_000_000_123, "1795000000.123"],
];

describe("secondsText", () => {
  for (const [ms, text] of times) test(text, () => expect(secondsText(ms)).toBe(text));
});

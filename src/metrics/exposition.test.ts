import { describe, expect, test } from "bun:test";
import { parseExposition } from "../../test/metrics/exposition-parser.ts";
import { LOCATION_ROW, NOWHERE_CELLS, PEER_ROW, TUNNELS_ROW, WAY_ROW } from "./cells.ts";
import { Exposition, escapeLabel, type Format, formatFor } from "./exposition.ts";
import type { Histogram } from "./histogram.ts";

describe("the format that is asked for", () => {
  const rows: readonly (readonly [accept: string | undefined, format: Format])[] = [
    [undefined, "prometheus"],
    ["", "prometheus"],
    ["*/*", "prometheus"],
    ["text/html", "prometheus"],
    ["text/plain;version=0.0.4", "prometheus"],
    ["application/openmetrics-text", "openmetrics"],
    ["application/openmetrics-text; version=1.0.0", "openmetrics"],
    // Prometheus 2.42.
    [
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      "openmetrics",
    ],
    ["application/openmetrics-text;q=0.1,text/plain;q=0.9", "prometheus"],
    ["text/plain,application/openmetrics-text", "openmetrics"],
    ["Application/OpenMetrics-Text", "openmetrics"],
    ["application/openmetrics-text;q=0", "prometheus"],
    ["application/openmetrics-text;q=x,text/plain;q=0.1", "prometheus"],
  ];
  for (const [accept, format] of rows) test(`${accept}`, () => expect(formatFor(accept)).toBe(format));
});

describe("labels", () => {
  const rows: readonly (readonly [value: string, text: string, why: string])[] = [
    ["plain", "plain", "nothing to do"],
    ['a"b', 'a\\"b', "quotes"],
    ["a\\b", "a\\\\b", "backslashes"],
    ["a\nb", "a\\nb", "line ends"],
    ["\\n", "\\\\n", "not a line end"],
    ["gr\xc3\xbc\xc3\x9fe", "gr\xc3\xbc\xc3\x9fe", "UTF-8 stays"],
    ["\xff\xfea", "\xef\xbf\xbd\xef\xbf\xbda", "what is none is replaced"],
    ["{},=", "{},=", "other signs mean nothing here"],
  ];
  for (const [value, text, why] of rows) test(why, () => expect(escapeLabel(value)).toBe(text));
});

const SMALL: Histogram = { bounds: [10, 2000], unit: "seconds" };

/** A text with everything in it. */
function write(format: Format): string {
  const out = new Exposition(format);
  out.counter("a_total", "As.", [
    { labels: {}, value: 3 },
    { labels: { x: 'q"\\\n' }, value: 1e21 },
  ]);
  out.gauge("b", "Bs.", [{ labels: { y: "" }, value: -1.5 }]);
  out.gauge("none", "Without samples.", []);
  out.histogram("c_seconds", "Cs.", SMALL, [
    { labels: {}, cells: [1, 2, 3, 4000] },
    { labels: { z: "1" }, cells: [0, 0, 0, 0] },
  ]);
  return out.end();
}

test("Prometheus text", () => {
  expect(write("prometheus").split("\n")).toEqual([
    "# HELP a_total As.",
    "# TYPE a_total counter",
    "a_total 3",
    'a_total{x="q\\"\\\\\\n"} 1e+21',
    "# HELP b Bs.",
    "# TYPE b gauge",
    'b{y=""} -1.5',
    "# HELP c_seconds Cs.",
    "# TYPE c_seconds histogram",
    'c_seconds_bucket{le="0.01"} 1',
    'c_seconds_bucket{le="2.0"} 3',
    'c_seconds_bucket{le="+Inf"} 6',
    "c_seconds_sum 4",
    "c_seconds_count 6",
    'c_seconds_bucket{z="1",le="0.01"} 0',
    'c_seconds_bucket{z="1",le="2.0"} 0',
    'c_seconds_bucket{z="1",le="+Inf"} 0',
    'c_seconds_sum{z="1"} 0',
    'c_seconds_count{z="1"} 0',
    "",
  ]);
  expect([...parseExposition(write("prometheus"), false).keys()]).toEqual(["a_total", "b", "c_seconds"]);
});

test("OpenMetrics differs in the names of counters and the end", () => {
  const text = write("openmetrics");
  expect(text).toStartWith("# HELP a As.\n# TYPE a counter\na_total 3\n");
  expect(text).toEndWith("\n# EOF\n");
  expect([...parseExposition(text, true).keys()]).toEqual(["a", "b", "c_seconds"]);
});

test("rows that have no place find room in nowhere", () => {
  for (const kind of [LOCATION_ROW, PEER_ROW, TUNNELS_ROW, WAY_ROW]) expect(kind.cells).toBeLessThan(NOWHERE_CELLS);
});

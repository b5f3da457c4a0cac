/** A strict reader of Prometheus text (0.0.4) and OpenMetrics (1.0): throws where a scraper might stumble. */

export interface Family {
  readonly type: string;
  readonly help: string;
  /** By name and labels as they stand in the text: `x_total{a="b"}`. */
  readonly samples: ReadonlyMap<string, number>;
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const META = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (-?[0-9.e+-]+|[+-]Inf|NaN)$`);
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
};

interface Open {
  readonly name: string;
  readonly help: string;
  type: string | undefined;
  readonly samples: Map<string, number>;
}

/** Reads a whole body (bytes as latin1); `openMetrics` tells which of the two formats it is to be. */
export function parseExposition(body: string, openMetrics: boolean): ReadonlyMap<string, Family> {
  new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(body, "latin1"));
  const families = new Map<string, Family>();
  if (!body.endsWith("\n")) throw new Error("the last line has no end");
  const lines = body.slice(0, -1).split("\n");
  if (openMetrics && lines.pop() !== "# EOF") throw new Error("no # EOF at the end");
  let open: Open | undefined;
  const close = (): void => {
    if (open === undefined) return;
    const { name, type, help, samples } = open;
    if (type === undefined) throw new Error(`${name} has no type`);
    if (samples.size === 0) throw new Error(`${name} has no samples`);
    if (type === "histogram") checkHistogram(name, samples);
    families.set(name, { type, help, samples });
  };
  for (const line of lines) {
    const meta = META.exec(line);
    if (meta !== null) {
      const [, what, name = "", rest = ""] = meta;
      if (what === "HELP") {
        close();
        if (families.has(name)) throw new Error(`${name} comes twice`);
        open = { name, help: rest, type: undefined, samples: new Map() };
        continue;
      }
      if (open?.name !== name || open.type !== undefined) throw new Error(`TYPE without HELP: ${line}`);
      if (!(rest in SUFFIXES)) throw new Error(`unknown type: ${line}`);
      const total = name.endsWith("_total");
      if (total !== (rest === "counter" && !openMetrics)) throw new Error(`wrong name of a ${rest}: ${name}`);
      open.type = rest;
      continue;
    }
    if (open === undefined) throw new Error(`sample without a family: ${line}`);
    readSample(line, open, openMetrics);
  }
  close();
  return families;
}

function readSample(line: string, { name, type = "", samples }: Open, openMetrics: boolean): void {
  const [, sampleName = "", labels, value = ""] = SAMPLE.exec(line) ?? [];
  if (sampleName === "") throw new Error(`no sample: ${line}`);
  const suffixes = type === "counter" && !openMetrics ? [""] : (SUFFIXES[type] ?? []);
  if (!suffixes.some((suffix) => sampleName === name + suffix)) throw new Error(`not of ${name}: ${line}`);
  if (labels !== undefined) checkLabels(labels, line);
  const number = Number(value.replace("Inf", "Infinity"));
  if (Number.isNaN(number)) throw new Error(`no number: ${line}`);
  if (type !== "gauge" && number < 0) throw new Error(`below zero: ${line}`);
  const key = labels === undefined ? sampleName : `${sampleName}{${labels}}`;
  if (samples.has(key)) throw new Error(`comes twice: ${line}`);
  samples.set(key, number);
}

function checkLabels(labels: string, line: string): void {
  const seen = new Set<string>();
  LABEL.lastIndex = 0;
  for (let at = 0; at < labels.length; at = LABEL.lastIndex) {
    LABEL.lastIndex = at;
    const [, name = ""] = LABEL.exec(labels) ?? [];
    if (name === "" || seen.has(name)) throw new Error(`labels: ${line}`);
    seen.add(name);
  }
  if (labels === "" || labels.endsWith(",")) throw new Error(`labels: ${line}`);
}

/** Sizes ascend, each holds the ones before it, the last is +Inf and says as much as _count. */
function checkHistogram(name: string, samples: ReadonlyMap<string, number>): void {
  const rows = new Map<string, { last: number; bound: number }>();
  for (const [key, value] of samples) {
    if (!key.startsWith(`${name}_bucket`)) continue;
    const [, before = "", le = ""] = /\{(.*?),?le="([^"]+)"\}$/.exec(key) ?? [];
    const bound = le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le);
    if (le !== "+Inf" && !le.includes(".")) throw new Error(`le is no float: ${key}`);
    const row = rows.get(before) ?? { last: 0, bound: Number.NEGATIVE_INFINITY };
    if (!(bound > row.bound)) throw new Error(`order of le: ${key}`);
    if (value < row.last) throw new Error(`less than before: ${key}`);
    rows.set(before, { last: value, bound });
  }
  for (const [labels, { last, bound }] of rows) {
    const after = labels === "" ? "" : `{${labels}}`;
    if (bound !== Number.POSITIVE_INFINITY) throw new Error(`${name}${after} has no +Inf`);
    if (samples.get(`${name}_count${after}`) !== last) throw new Error(`${name}_count${after} is not ${last}`);
    if (!samples.has(`${name}_sum${after}`)) throw new Error(`${name}_sum${after} is missing`);
  }
}

/**
 * Numbers as Prometheus reads them: its text format 0.0.4, or OpenMetrics 1.0 where that is asked for. Written as latin1,
 * one char for each byte of UTF-8.
 */
import { validUtf8 } from "../net/utf8.ts";
import { type Histogram, histogramCells, sumCell } from "./histogram.ts";

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** One number of a family. */
export const sample = (labels: Labels, value: number): Sample => ({ labels, value });

/** A histogram's cells, from its first one on. */
export interface HistogramSample {
  readonly labels: Labels;
  readonly cells: ArrayLike<number>;
}

export type Format = "prometheus" | "openmetrics";

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** The format that an Accept field prefers; OpenMetrics has to be named. */
export function formatFor(accept: string | undefined): Format {
  let best = 0;
  let format: Format = "prometheus";
  for (const range of (accept ?? "").split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith("q="));
    const weight = quality === undefined ? 1 : Number(quality.slice(2));
    const openMetrics = type === "application/openmetrics-text";
    if (!openMetrics && type !== "text/plain" && type !== "text/*" && type !== "*/*") continue;
    // Of two that are as welcome, the more telling one.
    if (weight > best || (openMetrics && weight > 0 && weight === best)) {
      best = weight;
      format = openMetrics ? "openmetrics" : "prometheus";
    }
  }
  return format;
}

/** What a label's value looks like between its quotes. Bytes that are no UTF-8 are replaced: readers refuse them. */
export function escapeLabel(value: string): string {
  return validUtf8(value).replace(/[\\"\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`));
}

export class Exposition {
  private readonly format: Format;
  private readonly parts: string[] = [];

  constructor(format: Format) {
    this.format = format;
  }

  /** What only goes up; `name` ends in `_total`. */
  counter(name: string, help: string, samples: readonly Sample[]): void {
    if (samples.length === 0) return;
    this.head(this.format === "openmetrics" ? name.replace(/_total$/, "") : name, "counter", help);
    this.samples(name, samples);
  }

  /** What goes up and down. */
  gauge(name: string, help: string, samples: readonly Sample[]): void {
    if (samples.length === 0) return;
    this.head(name, "gauge", help);
    this.samples(name, samples);
  }

  histogram(name: string, help: string, histogram: Histogram, samples: readonly HistogramSample[]): void {
    if (samples.length === 0) return;
    this.head(name, "histogram", help);
    const { bounds, unit } = histogram;
    const scale = unit === "seconds" ? 1000 : 1;
    for (const { labels, cells } of samples) {
      const inside = labelText(labels);
      const before = inside === "" ? "" : `${inside},`;
      let total = 0;
      for (let i = 0; i <= bounds.length; i++) {
        total += cells[i]!;
        const bound = bounds[i];
        const le = bound === undefined ? "+Inf" : boundText(bound / scale);
        this.parts.push(`${name}_bucket{${before}le="${le}"} ${total}\n`);
      }
      const after = inside === "" ? "" : `{${inside}}`;
      this.parts.push(`${name}_sum${after} ${cells[sumCell(histogram)]! / scale}\n${name}_count${after} ${total}\n`);
    }
  }

  /** The whole. */
  end(): string {
    return this.parts.join("") + (this.format === "openmetrics" ? "# EOF\n" : "");
  }

  private head(name: string, type: string, help: string): void {
    this.parts.push(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
  }

  private samples(name: string, samples: readonly Sample[]): void {
    for (const { labels, value } of samples) {
      const inside = labelText(labels);
      this.parts.push(`${name}${inside === "" ? "" : `{${inside}}`} ${value}\n`);
    }
  }
}

/** Whether anything has been counted in a histogram's cells. */
export function hasValues(histogram: Histogram, cells: ArrayLike<number>): boolean {
  for (let i = 0; i < histogramCells(histogram) - 1; i++) if (cells[i] !== 0) return true;
  return false;
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(",");
}

/** `1.0`: the form that OpenMetrics wants for whole numbers, too. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : `${bound}`;
}

/** What all processes have counted at one moment, as one configuration sees it. */
import type { LoadContext } from "../config/load-context.ts";
import { metricsMemory } from "../metrics/attached-metrics.ts";
import { FIRST_ROW_AT, NOWHERE, type RowKind } from "../metrics/cells.ts";
import { type Histogram, histogramCells } from "../metrics/histogram.ts";
import type { MetricsMemory, Present } from "../metrics/metrics-memory.ts";
import { type Row, rows, rowsInUse } from "../metrics/rows.ts";

export class Reading {
  readonly load: LoadContext;
  readonly memory: MetricsMemory;
  readonly workers: readonly Present[];
  private readonly total: Float64Array;
  /** Of earlier configurations, as long as they are in use. */
  private readonly former: readonly Row[];

  private constructor(load: LoadContext, memory: MetricsMemory) {
    this.load = load;
    this.memory = memory;
    this.workers = memory.present();
    const { former } = rows(load);
    let end = FIRST_ROW_AT;
    for (const { at, kind } of [...rows(load), ...former]) end = Math.max(end, at + kind.cells);
    const total = memory.sum(end);
    this.total = total;
    this.former = [...rowsInUse(former, ({ at, kind }) => kind.open.some((cell) => total[at + cell] !== 0))];
  }

  /** Adds up what is there now; undefined in a process that does not serve. */
  static take(load: LoadContext): Reading | undefined {
    const memory = metricsMemory();
    return memory === undefined ? undefined : new Reading(load, memory);
  }

  /** One number. */
  value(cell: number): number {
    return this.total[cell]!;
  }

  /** The numbers of a histogram. */
  histogram(at: number, histogram: Histogram): Float64Array {
    return this.total.subarray(at, at + histogramCells(histogram));
  }

  /** The rows of a kind that have a place. */
  rows(kind: RowKind): Row[] {
    const present = rows(this.load).ofKind(kind);
    const former = this.former.filter((row) => row.kind === kind);
    return [...present, ...former].filter(({ at }) => at !== NOWHERE);
  }

  /** Those of them in which anything has been counted: few of many, as a rule. */
  usedRows(kind: RowKind): Row[] {
    return this.rows(kind).filter(({ at }) => {
      for (let i = at; i < at + kind.cells; i++) if (this.total[i] !== 0) return true;
      return false;
    });
  }
}

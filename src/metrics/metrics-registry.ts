/**
 * The counters as the master (or the only process) keeps them, from configuration to configuration: what has the same
 * labels goes on where it was.
 */
import type { LoadContext } from "../config/load-context.ts";
import {
  DYNAMIC_PEER_AT,
  FIRST_ROW_AT,
  LAST_RELOAD_S,
  NOWHERE,
  PEER_ROW,
  PROCESS_AT,
  PROCESS_ROW,
  RELOADS,
  RELOADS_FAILED,
  type RowKind,
  STARTED_S,
  WORKERS_DIED,
  WORKERS_STARTED,
} from "./cells.ts";
import { BLOCK_CELLS, MetricsMemory } from "./metrics-memory.ts";
import { type FormerRow, type Places, type Row, rows, rowsInUse } from "./rows.ts";

/** What a worker is told when it starts. */
export interface MetricsHandover {
  /** Descriptor of the memory file in the worker. */
  readonly fd: number;
  readonly places: Places;
}

interface PlacedRow extends Pick<Row, "kind" | "labels"> {
  readonly at: number;
  /** Number of the last configuration that had it. */
  usedBy: number;
}

/** Rows that are there whatever the configuration says. */
const FIXED: readonly { readonly at: number; readonly kind: RowKind }[] = [
  { at: PROCESS_AT, kind: PROCESS_ROW },
  { at: DYNAMIC_PEER_AT, kind: PEER_ROW },
];

export class MetricsRegistry {
  readonly memory = MetricsMemory.create();
  private readonly placed = new Map<string, PlacedRow>();
  private end = FIRST_ROW_AT;
  private configurations = 0;

  constructor() {
    this.memory.common.cells[STARTED_S] = now();
    this.memory.common.cells[LAST_RELOAD_S] = now();
  }

  get fd(): number {
    return this.memory.fd;
  }

  /** Where the rows of a configuration are, and those of earlier ones that are in use. */
  place(load: LoadContext): Places {
    const number = ++this.configurations;
    const wanted = [...rows(load)];
    // First those that are there, so that none of them makes room for another.
    for (const row of wanted) {
      const known = this.placed.get(row.key);
      if (known !== undefined) known.usedBy = number;
    }
    const present = wanted.map((row) => this.placed.get(row.key)?.at ?? this.placeNew(row, number));
    return { present, former: this.former(number) };
  }

  /** Requests of the last configuration go on, and may open a tunnel yet; of older ones, what is open counts. */
  private former(number: number): FormerRow[] {
    const inUse = this.inUse();
    const former = [...this.placed.values()].filter((row) => {
      return row.usedBy === number - 1 || (row.usedBy < number && inUse.has(row));
    });
    return former.map(({ kind, labels, at }) => ({ kind: kind.name, labels, at }));
  }

  private placeNew(row: Row, usedBy: number): number {
    const at = this.end + row.kind.cells <= BLOCK_CELLS ? this.end : this.leftBehind(row.kind, usedBy);
    if (at === NOWHERE) return NOWHERE;
    if (at === this.end) this.end += row.kind.cells;
    this.placed.set(row.key, { at, kind: row.kind, labels: row.labels, usedBy });
    return at;
  }

  /** The place of a row that no configuration has any more and no tunnel counts in, emptied; the oldest comes first. */
  private leftBehind(kind: RowKind, usedBy: number): number {
    let oldest: string | undefined;
    let oldestUse = usedBy;
    const inUse = this.inUse();
    for (const [key, row] of this.placed) {
      if (row.kind !== kind || row.usedBy >= oldestUse || inUse.has(row)) continue;
      oldest = key;
      oldestUse = row.usedBy;
    }
    if (oldest === undefined) return NOWHERE;
    const { at } = this.placed.get(oldest)!;
    this.placed.delete(oldest);
    const { memory } = this;
    const blocks = [memory.common, ...memory.present().map(({ slot }) => memory.block(slot))];
    for (const { cells } of blocks) cells.fill(0, at, at + kind.cells);
    return at;
  }

  private inUse(): Set<PlacedRow> {
    return rowsInUse(this.placed.values(), ({ at, kind }) => {
      return kind.open.some((cell) => this.memory.sumOf(at + cell) !== 0);
    });
  }

  /** Before a worker starts: makes sure that nothing is needed of the system when it ends. */
  prepareWorker(slot: number): void {
    this.memory.block(slot);
  }

  /** A worker has ended, in whatever way: what it has counted stays, what it had goes. */
  releaseWorker(slot: number): void {
    this.memory.leave(slot, (from, to) => {
      for (const { at, kind } of [...FIXED, ...this.placed.values()]) {
        for (let i = 0; i < kind.cells; i++) if (!kind.gauges.includes(i)) to[at + i]! += from[at + i]!;
      }
      from.fill(0, 0, this.end);
    });
  }

  // What the master itself counts

  workerStarted(): void {
    this.memory.common.cells[WORKERS_STARTED]!++;
  }

  /** One has ended that nobody had asked to. */
  workerDied(): void {
    this.memory.common.cells[WORKERS_DIED]!++;
  }

  /** A reload has been asked for; `ok`: it came into force. */
  reloaded(ok: boolean): void {
    const { cells } = this.memory.common;
    cells[ok ? RELOADS : RELOADS_FAILED]!++;
    if (ok) cells[LAST_RELOAD_S] = now();
  }

  close(): void {
    this.memory.close();
  }
}

function now(): number {
  return Date.now() / 1000;
}

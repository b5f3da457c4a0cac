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
import { type Places, type Row, rows, rowsInUse } from "./rows.ts";

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
  /** When the first one came that does not, in monotonic ms; Infinity while there is none. */
  leftMs: number;
}

/** Requests of a configuration go on when it is replaced, and may open tunnels yet: for as long as usual timeouts. */
const LINGER_MS = 120_000;

/** Rows that are there whatever the configuration says. */
const FIXED: readonly { readonly at: number; readonly kind: RowKind }[] = [
  { at: PROCESS_AT, kind: PROCESS_ROW },
  { at: DYNAMIC_PEER_AT, kind: PEER_ROW },
];

/** Rows that others may have the places of. Sorted when the first one is asked for: as a rule there is room without them. */
class SpareRows {
  private readonly placed: ReadonlyMap<string, PlacedRow>;
  private readonly isSpare: (row: PlacedRow) => boolean;
  /** Keys by kind, the oldest last. */
  private byKind: Map<RowKind, string[]> | undefined = undefined;

  constructor(placed: ReadonlyMap<string, PlacedRow>, isSpare: (row: PlacedRow) => boolean) {
    this.placed = placed;
    this.isSpare = isSpare;
  }

  /** The key of the oldest one of a kind; each is given out once. */
  take(kind: RowKind): string | undefined {
    this.byKind ??= this.sorted();
    return this.byKind.get(kind)?.pop();
  }

  private sorted(): Map<RowKind, string[]> {
    const rows = [...this.placed].filter(([, row]) => this.isSpare(row)).sort(([, a], [, b]) => b.usedBy - a.usedBy);
    const out = new Map<RowKind, string[]>();
    for (const [key, { kind }] of rows) {
      const keys = out.get(kind);
      if (keys === undefined) out.set(kind, [key]);
      else keys.push(key);
    }
    return out;
  }
}

export class MetricsRegistry {
  readonly memory = MetricsMemory.create();
  private readonly placed = new Map<string, PlacedRow>();
  private end = FIRST_ROW_AT;
  private configurations = 0;
  private readonly clock: () => number;

  /** `clock`: in ms. */
  constructor(clock: () => number = () => performance.now()) {
    this.clock = clock;
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
      if (known === undefined) continue;
      known.usedBy = number;
      known.leftMs = Number.POSITIVE_INFINITY;
    }
    const nowMs = this.clock();
    const left = [...this.placed.values()].filter(({ usedBy }) => usedBy < number);
    for (const row of left) row.leftMs = Math.min(row.leftMs, nowMs);
    const inUse = rowsInUse(left, ({ at, kind }) => {
      return kind.open.some((cell) => this.memory.sumOf(at + cell) !== 0);
    });
    const spare = new SpareRows(this.placed, (row) => row.usedBy < number && !inUse.has(row));
    const present = wanted.map((row) => this.placed.get(row.key)?.at ?? this.placeNew(row, number, spare));
    const former = [...this.placed.values()].filter((row) => {
      return row.usedBy < number && (row.leftMs > nowMs - LINGER_MS || inUse.has(row));
    });
    return { present, former: former.map(({ kind, labels, at }) => ({ kind: kind.name, labels, at })) };
  }

  private placeNew(row: Row, usedBy: number, spare: SpareRows): number {
    const at = this.end + row.kind.cells <= BLOCK_CELLS ? this.end : this.leftBehind(row.kind, spare);
    if (at === NOWHERE) return NOWHERE;
    if (at === this.end) this.end += row.kind.cells;
    const { kind, labels } = row;
    this.placed.set(row.key, { at, kind, labels, usedBy, leftMs: Number.POSITIVE_INFINITY });
    return at;
  }

  /** The place of a row that no configuration has any more and no tunnel counts in, emptied; the oldest comes first. */
  private leftBehind(kind: RowKind, spare: SpareRows): number {
    const oldest = spare.take(kind);
    if (oldest === undefined) return NOWHERE;
    const { at } = this.placed.get(oldest)!;
    this.placed.delete(oldest);
    const { memory } = this;
    const blocks = [memory.common, ...memory.present().map(({ slot }) => memory.block(slot))];
    for (const { cells } of blocks) cells.fill(0, at, at + kind.cells);
    return at;
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

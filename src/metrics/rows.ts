/** The rows that one configuration counts in, and where they are. */
import { perLoad } from "../config/load-context.ts";
import {
  DYNAMIC_PEER_AT,
  LOCATION_ROW,
  NOWHERE,
  PEER_ROW,
  ROW_KINDS,
  type RowKind,
  TUNNELS_ROW,
  WAY_ROW,
} from "./cells.ts";

/** Whoever counts holds one, and counts at `at` and behind it. */
export class Row {
  /** The first cell; NOWHERE until the process is bound to its memory, or when there is no room. */
  at = NOWHERE;
  readonly kind: RowKind;
  /** What it is about, in the order of the kind: names of servers, locations, upstreams, peers. */
  readonly labels: readonly string[];
  /** By this it is found again after a reload. */
  readonly key: string;

  constructor(kind: RowKind, labels: readonly string[]) {
    this.kind = kind;
    this.labels = labels;
    this.key = [kind.name, ...labels].join("\0");
  }
}

/** A row that has no place: for what is not counted. */
export const NO_ROW = new Row({ name: "none", cells: 0, gauges: [], open: [] }, []);

/** Stands for upstreams and peers that only a request's variables name. */
export const DYNAMIC = "*";

/** The row of all of them. */
export const DYNAMIC_PEER = new Row(PEER_ROW, [DYNAMIC, DYNAMIC]);
DYNAMIC_PEER.at = DYNAMIC_PEER_AT;

/** A row of an earlier configuration. */
export interface FormerRow {
  /** Name of its kind. */
  readonly kind: string;
  readonly labels: readonly string[];
  readonly at: number;
}

/** Where rows are. */
export interface Places {
  /** Those of a configuration, in their order; NOWHERE for which there is no room. */
  readonly present: readonly number[];
  /** Those of earlier ones in which something may still count. */
  readonly former: readonly FormerRow[];
}

/**
 * Those of the rows that are in use: in which something is open (`isOpen`), and those of the locations that it came by,
 * whose labels are the first two of a way's.
 */
export function rowsInUse<One extends Pick<Row, "kind" | "labels">>(
  all: Iterable<One>,
  isOpen: (row: One) => boolean,
): Set<One> {
  const candidates = [...all];
  const used = new Set(candidates.filter(isOpen));
  const locations = new Set<string>();
  for (const { kind, labels } of used) if (kind === WAY_ROW) locations.add(labels.slice(0, 2).join("\0"));
  for (const row of candidates) {
    const ofLocation = row.kind === LOCATION_ROW || row.kind === TUNNELS_ROW;
    if (ofLocation && locations.has(row.labels.join("\0"))) used.add(row);
  }
  return used;
}

/** The rows of one configuration, in an order that every process that reads it comes to. */
export class RowSet {
  private readonly byKey = new Map<string, Row>();
  private readonly byKind = new Map<RowKind, Row[]>();
  /** Of earlier configurations: see `Places`. */
  former: readonly Row[] = [];

  /** The row for these labels: the same one for the same labels. */
  declare(kind: RowKind, labels: readonly string[]): Row {
    const row = new Row(kind, labels);
    const known = this.byKey.get(row.key);
    if (known !== undefined) return known;
    this.byKey.set(row.key, row);
    const ofKind = this.byKind.get(kind);
    if (ofKind === undefined) this.byKind.set(kind, [row]);
    else ofKind.push(row);
    return row;
  }

  /** Whether the configuration counts in such a row, too. */
  has(row: Row): boolean {
    return this.byKey.has(row.key);
  }

  *[Symbol.iterator](): Iterator<Row> {
    yield* this.byKey.values();
  }

  /** Rows of one kind. */
  ofKind(kind: RowKind): readonly Row[] {
    return this.byKind.get(kind) ?? [];
  }

  /** Tells each row where it is: as many places as there are rows, in their order. */
  place({ present, former }: Places): void {
    if (present.length !== this.byKey.size)
      throw new Error("the places of counters are those of another configuration");
    let i = 0;
    for (const row of this) row.at = present[i++]!;
    this.former = former.flatMap(({ kind: name, labels, at }) => {
      const kind = ROW_KINDS.get(name);
      if (kind === undefined) return [];
      const row = new Row(kind, labels);
      row.at = at;
      return [row];
    });
  }
}

/** The rows of a load. */
export const rows = perLoad(() => new RowSet());

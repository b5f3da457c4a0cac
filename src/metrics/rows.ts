/** The rows that one configuration counts in, and where they are. */
import { perLoad } from "../config/load-context.ts";
import { DYNAMIC_PEER_AT, NOWHERE, PEER_ROW, type RowKind } from "./cells.ts";

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

/** The rows of one configuration, in an order that every process that reads it comes to. */
export class RowSet {
  private readonly byKey = new Map<string, Row>();
  private readonly byKind = new Map<RowKind, Row[]>();

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
  place(places: readonly number[]): void {
    if (places.length !== this.byKey.size) throw new Error("the places of counters are those of another configuration");
    let i = 0;
    for (const row of this) row.at = places[i++]!;
  }
}

/** The rows of a load. */
export const rows = perLoad(() => new RowSet());

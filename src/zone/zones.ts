/** The shared zones that one configuration declares, by name (ngx_shared_memory_add). */
import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import type { TableLayout } from "./table-shape.ts";
import type { ZoneTable } from "./zone-table.ts";

/** What a zone is for. Each use has one object of this type, by which it is told from others. */
export interface ZoneKind {
  /** Name of the module: a zone survives a reload only with the same one. */
  readonly owner: string;
  readonly layout: TableLayout;
  /** Why a zone cannot go on with another key expression. */
  keyFault(zone: string, key: string, before: string): string;
}

/** A zone of one configuration; `table` is there from the moment in which the process is bound to the memory. */
export class DeclaredZone {
  readonly name: string;
  readonly kind: ZoneKind;
  /** 0 until a directive gives it. */
  bytes: number;
  /** Source of the key expression, where the directive that makes the zone has one. */
  key: string | undefined = undefined;
  /** Called when the process has been bound to the memory, before it serves by this configuration. */
  readonly onBound: (() => void)[] = [];
  private bound: ZoneTable | undefined = undefined;
  /** Column of this process in the counts of the zone. */
  slot = 0;

  constructor(name: string, kind: ZoneKind, bytes: number) {
    this.name = name;
    this.kind = kind;
    this.bytes = bytes;
  }

  /** The zone's memory; throws when the process has not been bound to it (see `bindZones`). */
  get table(): ZoneTable {
    if (this.bound === undefined) throw new Error(`zone "${this.name}" has no memory`);
    return this.bound;
  }

  /** Ties the zone to its memory. */
  bind(table: ZoneTable, slot: number): void {
    this.bound = table;
    this.slot = slot;
    for (const ready of this.onBound) ready();
  }
}

class ZoneSet {
  private readonly byName = new Map<string, DeclaredZone>();

  /** The zone that a directive names; `bytes` is 0 where it does not give a size. Faults are nginx's. */
  declare(name: string, bytes: number, kind: ZoneKind): DeclaredZone | ConfigFault {
    const known = this.byName.get(name);
    if (known === undefined) {
      const zone = new DeclaredZone(name, kind, bytes);
      this.byName.set(name, zone);
      return zone;
    }
    if (known.kind !== kind) {
      return new ConfigFault(`the shared memory zone "${name}" is already declared for a different use`);
    }
    if (known.bytes === 0) known.bytes = bytes;
    if (bytes !== 0 && bytes !== known.bytes) {
      return new ConfigFault(
        `the size ${bytes} of shared memory zone "${name}" conflicts with already declared size ${known.bytes}`,
      );
    }
    return known;
  }

  [Symbol.iterator](): Iterator<DeclaredZone> {
    return this.byName.values();
  }
}

/** The zones of a load. */
export const zones = perLoad(() => new ZoneSet());

/** When all directives are read: refuses zones of this kind that none has given a size. */
export function refuseZonesWithoutSize(load: LoadContext, kind: ZoneKind): void {
  for (const zone of zones(load)) {
    if (zone.kind === kind && zone.bytes === 0) load.failLate(`zero size shared memory zone "${zone.name}"`);
  }
}

/** nginx's least size: eight pages. */
const PAGE_BYTES = 4096;
export const MIN_ZONE_BYTES = 8 * PAGE_BYTES;

/** Declares the zone of a directive, for its `zone=` parameter; `key` as written. For `limit_*_zone`. */
export function declareKeyed(
  site: DirectiveSite,
  name: string,
  bytes: number,
  kind: ZoneKind,
  key: string,
): DeclaredZone | ConfigFault {
  const zone = zones(site.load).declare(name, bytes, kind);
  if (zone instanceof ConfigFault) return zone;
  if (zone.key !== undefined) {
    return new ConfigFault(`${site.statement.name} "${name}" is already bound to key "${zone.key}"`);
  }
  zone.key = key;
  return zone;
}

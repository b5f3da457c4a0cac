/**
 * The memory of the zones, from configuration to configuration: a zone goes on where name, size and use stay the same
 * (ngx_init_cycle), others begin empty.
 *
 * The master (or the only process) has a `ZoneRegistry`. It plans the zones of a new configuration, and tells its workers
 * with `ZoneGrant`s, which are plain data, where they are in the memory file whose descriptor they inherit. A worker
 * reads them with `AttachedZones`. Both are `ZoneSource`s for `bindZones`.
 */
import type { LoadContext } from "../config/load-context.ts";
import {
  closeMemoryFile,
  createMemoryFile,
  dropMemory,
  MAPPING_ALIGNMENT,
  mapMemory,
  resizeMemoryFile,
} from "../net/shared-memory.ts";
import type { TableLayout } from "./table-shape.ts";
import { MAX_SLOTS } from "./zone-holders.ts";
import { ZoneTable } from "./zone-table.ts";
import { type DeclaredZone, zones } from "./zones.ts";

/** Where a zone of a configuration is. */
export interface ZoneGrant {
  readonly name: string;
  /** Bytes from the start of the memory file: what tells one memory from another. */
  readonly offset: number;
  readonly bytes: number;
}

/** What a worker is told when it starts. */
export interface ZoneHandover {
  /** Descriptor of the memory file in the worker. */
  readonly fd: number;
  /** The worker's column, unique among the processes that live. */
  readonly slot: number;
  readonly grants: readonly ZoneGrant[];
}

/** Gives the tables of granted zones. */
export interface ZoneSource {
  table(grant: ZoneGrant, layout: TableLayout): ZoneTable;
  /** What is not granted any more is let go. */
  keepOnly(grants: readonly ZoneGrant[]): void;
}

/** Ties every zone of a configuration to its memory. To be called before a process serves by it. */
export function bindZones(load: LoadContext, source: ZoneSource, grants: readonly ZoneGrant[], slot: number): void {
  for (const zone of zones(load)) {
    const grant = grants.find(({ name }) => name === zone.name);
    if (grant === undefined) throw new Error(`zone "${zone.name}" was not granted`);
    zone.bind(source.table(grant, zone.kind.layout), slot);
  }
  source.keepOnly(grants);
}

/** A zone that the running configuration has. */
interface KeptZone {
  readonly grant: ZoneGrant;
  readonly owner: string;
  readonly layout: TableLayout;
  readonly key: string | undefined;
}

/** Tables by offset: one per memory, however many configurations use it. */
class TableCache {
  private readonly tables = new Map<number, ZoneTable>();

  table(offset: number, make: () => ZoneTable): ZoneTable {
    let table = this.tables.get(offset);
    if (table === undefined) {
      table = make();
      this.tables.set(offset, table);
    }
    return table;
  }

  drop(offset: number): void {
    this.tables.delete(offset);
  }

  keepOnly(grants: readonly ZoneGrant[]): void {
    const kept = new Set(grants.map(({ offset }) => offset));
    for (const offset of this.tables.keys()) if (!kept.has(offset)) this.tables.delete(offset);
  }
}

/** The zones of a configuration that is not in force yet. Either `commit` or `abandon` ends it. */
export class ZonePlan {
  readonly grants: readonly ZoneGrant[];
  private readonly finish: (kept: boolean) => void;

  constructor(grants: readonly ZoneGrant[], finish: (kept: boolean) => void) {
    this.grants = grants;
    this.finish = finish;
  }

  /** The configuration comes into force: zones that it does not have give their memory back. */
  commit(): void {
    this.finish(true);
  }

  /** It does not: what it would have added goes. */
  abandon(): void {
    this.finish(false);
  }
}

export class ZoneRegistry implements ZoneSource {
  /** Descriptor of the memory file that workers inherit; -1 when the memory is this process's own. */
  readonly fd: number;
  private kept = new Map<string, KeptZone>();
  /** All that have memory: those kept, and those of a plan that is not decided yet. */
  private readonly living = new Set<KeptZone>();
  private readonly cache = new TableCache();
  private endBytes = 0;
  private readonly slots = new Set<number>();

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** For a master: memory that its workers map, too. */
  static shared(): ZoneRegistry {
    return new ZoneRegistry(createMemoryFile());
  }

  /** For a process that serves alone. */
  static alone(): ZoneRegistry {
    return new ZoneRegistry(-1);
  }

  /**
   * Finds or makes the memory of all zones of a configuration. What runs is not touched. Gives nginx's words instead
   * where a zone cannot go on as the configuration wants it.
   */
  plan(load: LoadContext): ZonePlan | string {
    const next = new Map<string, KeptZone>();
    const faults: string[] = [];
    for (const zone of zones(load)) {
      const before = this.kept.get(zone.name);
      const same = before !== undefined && before.owner === zone.kind.owner && before.grant.bytes === zone.bytes;
      if (same && before.key !== zone.key) {
        faults.push(zone.kind.keyFault(zone.name, zone.key ?? "", before.key ?? ""));
      }
      next.set(zone.name, same ? before : this.add(zone));
    }
    const plan = new ZonePlan(
      [...next.values()].map(({ grant }) => grant),
      (inForce) => {
        const gone = inForce ? this.kept : next;
        const stays = inForce ? next : this.kept;
        for (const [name, zone] of gone) if (stays.get(name) !== zone) this.forget(zone);
        this.kept = stays;
      },
    );
    if (faults[0] === undefined) return plan;
    plan.abandon();
    return faults[0];
  }

  table(grant: ZoneGrant, layout: TableLayout): ZoneTable {
    return this.cache.table(grant.offset, () => {
      const { fd } = this;
      const memory = fd < 0 ? new Uint8Array(grant.bytes) : mapMemory(fd, grant.offset, grant.bytes);
      return new ZoneTable(memory, layout, process.pid);
    });
  }

  keepOnly(): void {
    // Its plans say what goes.
  }

  /** A column for a worker that is about to start: no other process that lives has it. */
  takeSlot(): number {
    for (let slot = 0; slot < MAX_SLOTS; slot++) {
      if (this.slots.has(slot)) continue;
      this.slots.add(slot);
      return slot;
    }
    throw new Error("more worker processes than zones can count for");
  }

  /**
   * A worker has ended, in whatever way: what it held is free, a lock that it had too. To be called before its
   * successor takes a slot.
   */
  releaseWorker(slot: number, pid: number): void {
    for (const { grant, layout } of this.living) this.table(grant, layout).releaseWorker(slot, pid);
    this.slots.delete(slot);
  }

  /** Lets go of the memory file; workers keep what they have mapped. */
  close(): void {
    if (this.fd >= 0) closeMemoryFile(this.fd);
  }

  private add(zone: DeclaredZone): KeptZone {
    const { name, bytes, key, kind } = zone;
    const grant = { name, offset: this.endBytes, bytes };
    this.endBytes += aligned(bytes);
    if (this.fd >= 0) resizeMemoryFile(this.fd, this.endBytes);
    const { owner, layout } = kind;
    // Made ready here, so that no two workers do it at once.
    this.table(grant, layout);
    const added = { grant, owner, layout, key };
    this.living.add(added);
    return added;
  }

  private forget(zone: KeptZone): void {
    const { grant, layout } = zone;
    this.living.delete(zone);
    // A worker on its way out may still count in it: not in the middle of a change. With the memory the lock is free.
    if (this.fd >= 0) {
      this.table(grant, layout).acquire();
      dropMemory(this.fd, grant.offset, aligned(grant.bytes));
    }
    this.cache.drop(grant.offset);
  }
}

/** The zones as a worker sees them. */
export class AttachedZones implements ZoneSource {
  private readonly fd: number;
  private readonly cache = new TableCache();

  /** `fd`: the inherited descriptor of the master's memory file; it has to stay open for reloads. */
  constructor(fd: number) {
    this.fd = fd;
  }

  table(grant: ZoneGrant, layout: TableLayout): ZoneTable {
    return this.cache.table(grant.offset, () => {
      return new ZoneTable(mapMemory(this.fd, grant.offset, grant.bytes), layout, process.pid);
    });
  }

  keepOnly(grants: readonly ZoneGrant[]): void {
    this.cache.keepOnly(grants);
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / MAPPING_ALIGNMENT) * MAPPING_ALIGNMENT;
}

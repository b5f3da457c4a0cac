/** Where a process that serves has its zones: in memory shared with the other workers, or in its own. */
import type { LoadContext } from "../config/load-context.ts";
import { AttachedZones, bindZones, type ZoneGrant, type ZoneHandover, ZoneRegistry } from "../zone/zone-registry.ts";

/** Ties configurations to their zones before the process serves by them. */
export interface WorkerZones {
  /**
   * `grants`: what the master said of this configuration; without a master that shares zones they are planned here.
   * Gives the words of an error where a zone cannot go on; the configuration cannot come into force then.
   */
  bind(load: LoadContext, grants: readonly ZoneGrant[] | undefined): string | undefined;
}

/** The zones of a worker whose master shares them. */
export function sharedZones({ fd, slot, grants: first }: ZoneHandover): WorkerZones {
  const attached = new AttachedZones(fd);
  return {
    bind(load, grants) {
      bindZones(load, attached, grants ?? first, slot);
      return undefined;
    },
  };
}

/** The zones of a process that shares them with no other. */
export function ownZones(): WorkerZones {
  const registry = ZoneRegistry.alone();
  const slot = registry.takeSlot();
  return {
    bind(load) {
      const plan = registry.plan(load);
      if (typeof plan === "string") return plan;
      plan.commit();
      bindZones(load, registry, plan.grants, slot);
      return undefined;
    },
  };
}

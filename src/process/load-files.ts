/** Loads the configuration from disk and keeps what was read, so that workers read the very same bytes. */
import type { AnyModule } from "../config/any-module.ts";
import { diskSource } from "../config/disk-source.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import { recordingSource, replaySource } from "../config/snapshot-source.ts";
import { recordingHosts, replayHosts, systemHosts } from "../net/host-lookup.ts";
import type { Flags } from "./flags.ts";
import type { ConfigDelivery } from "./messages.ts";
import type { Paths } from "./paths.ts";

export interface FreshConfig {
  readonly config: LoadedConfig;
  readonly delivery: ConfigDelivery;
}

/** Reads the files that the command line names. */
export async function loadFiles(modules: readonly AnyModule[], paths: Paths, flags: Flags): Promise<FreshConfig> {
  const main = {
    path: paths.configFile,
    prefix: paths.prefix,
    confPrefix: paths.confPrefix,
    globals: flags.globals ?? "",
  };
  const source = recordingSource(diskSource);
  const hosts = recordingHosts(systemHosts);
  const config = await loadConfig(modules, main, source, hosts);
  const delivery: ConfigDelivery = {
    main,
    snapshot: source.snapshot(),
    hosts: hosts.answers(),
    defaultErrorLog: paths.errorLog,
  };
  return { config, delivery };
}

/** Reads in a worker what the master has read. */
export function loadDelivery(modules: readonly AnyModule[], delivery: ConfigDelivery): Promise<LoadedConfig> {
  return loadConfig(modules, delivery.main, replaySource(delivery.snapshot), replayHosts(delivery.hosts));
}

/** The files that a configuration needs before it can be used: folders for temporary files, logs. */
import type { LoadedConfig } from "../config/load.ts";
import { createTempDirectories } from "../http/temp-directory.ts";
import { openLogs } from "../net/log-file.ts";
import { processSettings } from "./settings.ts";

/** Makes and opens them, for the workers' user; returns what failed, in nginx's words. */
export function prepareFiles(config: LoadedConfig): string[] {
  const failure = createTempDirectories(config.load, processSettings(config).user?.uid);
  return failure === undefined ? openLogs(config.load) : [failure];
}

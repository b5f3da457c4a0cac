/** The files that a configuration needs before it can be used: folders for temporary files, logs. */
import type { LoadedConfig } from "../config/load.ts";
import { createTempDirectories } from "../http/temp-directory.ts";
import { errorLogOf, standardError } from "../net/error-log.ts";
import { declaredLogs, LogFile, openLogs } from "../net/log-file.ts";
import { processSettings } from "./settings.ts";

/** Makes and opens them, for the workers' user; returns what failed, in nginx's words. */
export function prepareFiles(config: LoadedConfig): string[] {
  const failure = createTempDirectories(config.load, processSettings(config).user?.uid);
  if (failure !== undefined) return [failure];
  // The file of `-e` is used, and so has to be there, where no error_log stands at the main level.
  for (const { to } of errorLogOf(config.load).targets) {
    if (to instanceof LogFile && to !== standardError) declaredLogs(config.load).add(to);
  }
  return openLogs(config.load);
}

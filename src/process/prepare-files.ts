/** What a configuration needs before it can be used: folders for temporary files, logs. */
import { readFileSync } from "node:fs";
import type { LoadedConfig } from "../config/load.ts";
import { createTempDirectories } from "../http/temp-directory.ts";
import { EMERG, errorLogOf, type LogLevel, standardError, WARN } from "../net/error-log.ts";
import { declaredLogs, LogFile, openLogs } from "../net/log-file.ts";
import { processSettings } from "./settings.ts";

type Report = (level: LogLevel, message: string) => void;

/** Makes and opens the files, for the workers' user. False, and told in nginx's words, when something failed. */
export function prepareFiles(config: LoadedConfig, report: Report): boolean {
  const failure = createTempDirectories(config.load, processSettings(config).user?.uid);
  if (failure !== undefined) {
    report(EMERG, failure);
    return false;
  }
  // The file of `-e` is used, and so has to be there, where no error_log stands at the main level.
  for (const { to } of errorLogOf(config.load).targets) {
    if (to instanceof LogFile && to !== standardError) declaredLogs(config.load).add(to);
  }
  const failures = openLogs(config.load);
  for (const one of failures) report(EMERG, one);
  if (failures.length > 0) return false;
  warnOfDescriptors(config, report);
  return true;
}

/** ngx_event_module_init, which asks the configuration's log whether it wants to know. */
function warnOfDescriptors(config: LoadedConfig, report: Report): void {
  if (!errorLogOf(config.load).enabled(WARN)) return;
  const { workerConnections, descriptorLimit } = processSettings(config);
  const limit = descriptorLimit ?? ownDescriptorLimit();
  if (limit === undefined || workerConnections <= limit) return;
  report(WARN, `${workerConnections} worker_connections exceed open file resource limit: ${limit}`);
}

/** The soft limit of this process; undefined where the system does not tell, or sets none. */
function ownDescriptorLimit(): number | undefined {
  try {
    const limits = readFileSync("/proc/self/limits", "latin1");
    const found = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}

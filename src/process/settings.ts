/** What the core directives of a loaded configuration mean for the processes, defaults filled in. */
import type { LoadedConfig } from "../config/load.ts";
import { coreModule, eventSettings, type WorkerUser, workerCount } from "../modules/process-core.ts";
import type { WorkerAffinity } from "../modules/worker-affinity.ts";
import { userByName } from "../net/libc.ts";
import { DEFAULT_PID_FILE } from "./paths.ts";

export interface ProcessSettings {
  readonly daemon: boolean;
  readonly masterProcess: boolean;
  readonly pidPath: string;
  readonly workers: number;
  /** Undefined when the process has no rights to give up. */
  readonly user: WorkerUser | undefined;
  readonly descriptorLimit: number | undefined;
  readonly coreLimitBytes: number | undefined;
  readonly affinity: WorkerAffinity | undefined;
  /** 0: no limit. */
  readonly shutdownTimeoutMs: number;
  readonly priority: number;
  readonly environment: readonly string[];
  readonly workingDirectory: string | undefined;
  readonly workerConnections: number;
}

const DEFAULT_USER = "nobody";

export function processSettings(config: LoadedConfig): ProcessSettings {
  const own = coreModule.of(config.root);
  return {
    daemon: own.daemon ?? true,
    masterProcess: own.masterProcess ?? true,
    pidPath: own.pidPath ?? DEFAULT_PID_FILE,
    workers: workerCount(own),
    user: process.geteuid?.() === 0 ? (own.user ?? defaultUser()) : undefined,
    descriptorLimit: own.descriptorLimit,
    coreLimitBytes: own.coreLimitBytes,
    affinity: own.affinity,
    shutdownTimeoutMs: own.shutdownTimeoutMs ?? 0,
    priority: own.priority,
    environment: own.environment,
    workingDirectory: own.workingDirectory,
    workerConnections: eventSettings(config).workerConnections,
  };
}

/** nginx built without `--user`: workers of a master that runs as root are `nobody`. */
function defaultUser(): WorkerUser | undefined {
  const ids = userByName(DEFAULT_USER);
  return ids === undefined ? undefined : { name: DEFAULT_USER, ...ids };
}

/**
 * The environment of the workers: TZ, and what `env` directives name; a name without value is taken from `inherited`
 * (ngx_set_environment).
 */
export function workerEnvironment(
  settings: ProcessSettings,
  inherited: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const entry of ["TZ", ...settings.environment]) {
    const equals = entry.indexOf("=");
    const name = equals < 0 ? entry : entry.slice(0, equals);
    const value = equals < 0 ? inherited[name] : entry.slice(equals + 1);
    if (value !== undefined) result[name] = value;
  }
  return result;
}

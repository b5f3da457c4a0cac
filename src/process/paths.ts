/** Where files are when the command line does not say: Debian's places for nginx, so that its configuration is found. */
import type { Flags } from "./flags.ts";

export const DEFAULT_PREFIX = "/usr/share/nginx/";
export const DEFAULT_CONFIG_FILE = "/etc/nginx/nginx.conf";
/** Not nginx's own: both may run on one machine. */
export const DEFAULT_PID_FILE = "/run/hopway.pid";

export interface Paths {
  /** Relative paths start here; ends with a slash unless empty. */
  readonly prefix: string;
  readonly configFile: string;
  /** Folder of the configuration file, with a final slash. */
  readonly confPrefix: string;
  /** File of `-e`; undefined for standard error, `explicit` when that was asked for by name. */
  readonly errorLog: string | "stderr" | undefined;
}

/** The paths of one run (ngx_process_options). */
export function resolvePaths(flags: Flags): Paths {
  const given = flags.prefix;
  const prefix = given === undefined ? DEFAULT_PREFIX : given === "" || given.endsWith("/") ? given : `${given}/`;
  const full = (path: string): string => (path.startsWith("/") ? path : prefix + path);
  const configFile = full(flags.configFile ?? DEFAULT_CONFIG_FILE);
  const confPrefix = configFile.slice(0, configFile.lastIndexOf("/") + 1);
  const log = flags.errorLog;
  const errorLog = log === undefined ? undefined : log === "" || log === "stderr" ? "stderr" : full(log);
  return { prefix, configFile, confPrefix, errorLog };
}

/** Opens the configuration that a command line names: a file, the usual one, or what is piped in. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { diskSource } from "../config/disk-source.ts";
import type { ConfigSource } from "../config/load-context.ts";
import { DEFAULT_CONFIG_FILE } from "../process/paths.ts";
import { pipedConfig } from "./dump-source.ts";

/** The name of standard input as a file. */
export const PIPE = "-";
const STANDARD_INPUT = 0;

/** Where to begin to read, and from what. */
export interface OpenedConfig {
  readonly mainPath: string;
  readonly source: ConfigSource;
}

/** `-` is standard input, which may be what `nginx -T` prints. Whether there is anything to read turns out later. */
export function openSource(named: string | undefined): OpenedConfig {
  if (named === PIPE) return pipedConfig(readFileSync(STANDARD_INPUT).latin1Slice());
  return { mainPath: named === undefined ? DEFAULT_CONFIG_FILE : absolute(named), source: diskSource };
}

/** Absolute; names are latin1, one char for each byte. */
function absolute(path: string): string {
  return Buffer.from(resolve(Buffer.from(path, "latin1").toString()), "utf8").latin1Slice();
}

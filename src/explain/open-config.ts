/** Opens the configuration that a command line names: a file, the usual one, or what is piped in. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { diskSource } from "../config/disk-source.ts";
import { DEFAULT_CONFIG_FILE } from "../process/paths.ts";
import { pipedConfig } from "./dump-source.ts";
import { type ReadConfig, readConfig } from "./read-config.ts";

/** The name of standard input as a file. */
export const PIPE = "-";
const STANDARD_INPUT = 0;

/**
 * Reads the configuration. `-` is standard input, which may be what `nginx -T` prints. A text says why there is none to
 * read.
 */
export function openConfig(named: string | undefined): ReadConfig | string {
  if (named === PIPE) {
    const { mainPath, source } = pipedConfig(readFileSync(STANDARD_INPUT).latin1Slice());
    return readConfig(mainPath, source);
  }
  const path = named === undefined ? DEFAULT_CONFIG_FILE : absolute(named);
  const read = readConfig(path, diskSource);
  return read.files.length === 0 && read.error !== undefined ? read.error.message : read;
}

/** Absolute; names are latin1, one char for each byte. */
function absolute(path: string): string {
  return Buffer.from(resolve(Buffer.from(path, "latin1").toString()), "utf8").latin1Slice();
}

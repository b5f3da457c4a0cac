/** What `-T` prints: every file of the configuration with its name. */
import type { ConfigFile } from "./parser.ts";

/** The files in the order of reading, each under a comment with its path, in nginx's form. Text is latin1. */
export function dumpConfig(files: readonly ConfigFile[]): string {
  return files.map(({ path, text }) => `# configuration file ${path}:\n${text}\n`).join("");
}

/** `hopway completion`. */
import { rules } from "../doctor/rules/list.ts";
import type { GivenOptions } from "../usage/command-table.ts";
import { completion, SHELLS } from "../usage/completions.ts";
import { commands } from "./list.ts";
import { program } from "./program.ts";

const UNKNOWN = 2;

/** Runs it; the exit code. */
export async function run({ words: [word] }: GivenOptions): Promise<number> {
  const shell = SHELLS.find((known) => known === word);
  if (shell === undefined) {
    process.stderr.write(Buffer.from(`hopway: "${word}" is none of ${SHELLS.join(", ")}\n`, "latin1"));
    return UNKNOWN;
  }
  const ids = rules.map(({ id }) => id);
  const topics = [...commands.map(({ table }) => table.name), ...ids];
  process.stdout.write(
    completion(shell, {
      program: program.program,
      options: program.options,
      commands: commands.map(({ table }) => table),
      values: { RULE: ids, TOPIC: topics },
    }),
  );
  return 0;
}

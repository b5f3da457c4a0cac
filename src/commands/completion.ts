/** `hopway completion`. */
import { rules } from "../doctor/rules/list.ts";
import type { GivenOptions } from "../usage/command-table.ts";
import { completion, SHELLS } from "../usage/completions.ts";
import { complain, print } from "../usage/print.ts";
import { commands } from "./list.ts";
import { program } from "./program.ts";

const UNKNOWN = 2;

/** Runs it; the exit code. */
export async function run({ words: [word] }: GivenOptions): Promise<number> {
  const shell = SHELLS.find((known) => known === word);
  if (shell === undefined) {
    complain(`"${word}" is none of ${SHELLS.join(", ")}`);
    return UNKNOWN;
  }
  const ids = rules.map(({ id }) => id);
  const topics = [...commands.map(({ table }) => table.name), ...ids];
  print(
    completion(shell, {
      program: program.program,
      options: program.options,
      commands: commands.map(({ table }) => table),
      values: { RULE: ids, TOPIC: topics },
    }),
  );
  return 0;
}

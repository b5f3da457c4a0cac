/** Runs a command by its name. */
import { parseCommandLine } from "../usage/command-table.ts";
import { complain, print } from "../usage/print.ts";
import { synopsis, usageText } from "../usage/usage-text.ts";
import { commands } from "./list.ts";

const USAGE_FAULT = 2;

/** Runs `hopway NAME ARGS`; undefined where there is no command of that name. Resolves to the exit code. */
export async function runCommand(name: string, args: readonly string[]): Promise<number | undefined> {
  const command = commands.find(({ table }) => table.name === name);
  if (command === undefined) return undefined;
  const { table } = command;
  if (args.includes("-h") || args.includes("--help")) {
    print(usageText(table));
    return 0;
  }
  const options = parseCommandLine(table, args);
  if ("fault" in options) {
    complain(`${options.fault}
Usage: ${synopsis(table)}
More: hopway ${name} --help`);
    return USAGE_FAULT;
  }
  const { run } = await command.load();
  return run(options);
}

/** `hopway help`. */
import { pageText } from "../doctor/page.ts";
import { rules } from "../doctor/rules/list.ts";
import { usage } from "../process/version.ts";
import type { GivenOptions } from "../usage/command-table.ts";
import { complain, print } from "../usage/print.ts";
import { usageText } from "../usage/usage-text.ts";
import { commands } from "./list.ts";

const UNKNOWN = 2;

/** Runs it; the exit code. */
export async function run({ words: [topic] }: GivenOptions): Promise<number> {
  if (topic === undefined) {
    print(`${usage}\n${overview()}`);
    return 0;
  }
  const command = commands.find(({ table }) => table.name === topic);
  if (command !== undefined) {
    print(usageText(command.table));
    return 0;
  }
  if (rules.some(({ id }) => id === topic)) {
    print(pageText(topic));
    return 0;
  }
  complain(`there is no help about "${topic}": hopway help lists the commands`);
  return UNKNOWN;
}

/** All commands, a line each. */
function overview(): string {
  const width = Math.max(...commands.map(({ table }) => table.name.length));
  const rows = commands.map(({ table }) => `  ${table.name.padEnd(width)}  ${table.summary}`);
  return `Commands:\n${rows.join("\n")}\n`;
}

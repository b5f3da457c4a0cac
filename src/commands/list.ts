/** Commands beside serving: `hopway COMMAND ...`. Each is loaded when it is wanted. */
import { doctorTable } from "../doctor/table.ts";
import { explainTable } from "../explain/table.ts";
import { probeTable } from "../probe/table.ts";
import type { CommandTable, GivenOptions } from "../usage/command-table.ts";
import { completionTable } from "./completion-table.ts";
import { helpTable } from "./help-table.ts";
import { manualTable } from "./manual-table.ts";

export interface Command {
  readonly table: CommandTable;
  /** Loads what the command runs; it gives the exit code. */
  load(): Promise<{ run(options: GivenOptions): Promise<number> }>;
}

export const commands: readonly Command[] = [
  { table: doctorTable, load: () => import("../doctor/command.ts") },
  { table: explainTable, load: () => import("../explain/command.ts") },
  { table: probeTable, load: () => import("../probe/command.ts") },
  { table: helpTable, load: () => import("./help.ts") },
  { table: manualTable, load: () => import("./manual.ts") },
  { table: completionTable, load: () => import("./completion.ts") },
];

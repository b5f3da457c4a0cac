/** `hopway manual`. */
import { manualPage } from "../usage/manual.ts";
import { print } from "../usage/print.ts";
import { commands } from "./list.ts";
import { program } from "./program.ts";

/** Runs it; the exit code. */
export async function run(): Promise<number> {
  print(
    manualPage(
      program,
      commands.map(({ table }) => table),
    ),
  );
  return 0;
}

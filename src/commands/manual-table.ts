/** The command line of `hopway manual`. */
import type { CommandTable } from "../usage/command-table.ts";

export const manualTable: CommandTable = {
  name: "manual",
  summary: "print the manual page",
  description: ["Prints the manual page in the language of man(7)."],
  arguments: [],
  options: [],
  exits: [[0, "it was printed"]],
  examples: [
    ["hopway manual | man -l -", "reads it"],
    ["hopway manual > /usr/local/share/man/man1/hopway.1", "installs it"],
  ],
};

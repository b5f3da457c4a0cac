/** The command line of `hopway completion`. */
import type { CommandTable } from "../usage/command-table.ts";
import { SHELLS } from "../usage/completions.ts";

export const completionTable: CommandTable = {
  name: "completion",
  summary: "print completions for a shell",
  description: ["Prints a script that completes commands, options and their values."],
  arguments: [{ name: "SHELL", words: SHELLS, doc: "The shell." }],
  options: [],
  exits: [
    [0, "the script was printed"],
    [2, "the shell is not known"],
  ],
  examples: [
    ["source <(hopway completion bash)", "for the running bash"],
    ["hopway completion fish > ~/.config/fish/completions/hopway.fish", "for fish, for good"],
  ],
};

/** The command line of `hopway help`. */
import type { CommandTable } from "../usage/command-table.ts";

export const helpTable: CommandTable = {
  name: "help",
  summary: "show how a command is used, or what a finding of the doctor means",
  description: [
    "Without an argument, the commands in a line each. With the name of one, all that it takes. With the name of something that " +
      "hopway doctor finds, the page about it.",
  ],
  arguments: [
    { name: "TOPIC", optional: true, doc: "A command, or a finding of the doctor such as upgrade-not-passed." },
  ],
  options: [],
  exits: [
    [0, "there is help"],
    [2, "nothing is known of that name"],
  ],
  examples: [["hopway help doctor", "what the doctor takes"]],
};

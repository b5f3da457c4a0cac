/** hopway itself, as its manual and completions tell of it: what `hopway -h` lists. */
import { DEFAULT_CONFIG_FILE, DEFAULT_PID_FILE, DEFAULT_PREFIX } from "../process/paths.ts";
import type { OptionRow } from "../usage/command-table.ts";
import type { ManualFrame } from "../usage/manual.ts";
import { VERSION } from "../version.ts";

const OPTIONS: readonly OptionRow[] = [
  { name: "-c", value: "FILE", file: true, doc: `The configuration. Default: ${DEFAULT_CONFIG_FILE}.` },
  { name: "-p", value: "PREFIX", file: true, doc: `Where relative paths begin. Default: ${DEFAULT_PREFIX}.` },
  { name: "-e", value: "FILE", file: true, doc: "The error log. Default: standard error." },
  { name: "-g", value: "DIRECTIVES", doc: "Directives of the main level beside those of the file." },
  { name: "-t", doc: "Tests the configuration and ends." },
  { name: "-T", doc: "As -t, and prints the configuration." },
  { name: "-q", doc: "With -t: says nothing but errors." },
  {
    name: "-s",
    value: "SIGNAL",
    words: ["stop", "quit", "reopen", "reload"],
    doc: "Tells the running master to do so.",
  },
  { name: "-v", doc: "Prints the version." },
  { name: "-V", doc: "Prints the version and what is built in." },
  { name: "-h", doc: "Prints a short help." },
];

export const program: ManualFrame = {
  program: "hopway",
  version: VERSION,
  summary: "HTTP and WebSocket reverse proxy that runs nginx configurations unchanged",
  description: [
    "Without a command, hopway serves what its configuration says, in nginx's language and with nginx's options and signals. " +
      "TERM and INT stop it, QUIT lets requests and tunnels end first, HUP reloads, USR1 reopens logs, USR2 starts another " +
      "program beside the running one.",
    "The commands below look at configurations and at WebSockets from outside; they serve nothing.",
  ],
  options: OPTIONS,
  files: [
    [DEFAULT_CONFIG_FILE, "the configuration, where -c names no other"],
    [DEFAULT_PID_FILE, "the number of the master process"],
  ],
};

/** The command line of `hopway doctor`. */
import type { CommandTable } from "../usage/command-table.ts";

export const FORMATS = ["text", "json", "sarif"] as const;

export const doctorTable: CommandTable = {
  name: "doctor",
  summary: "find out why WebSockets break, in an nginx configuration",
  description: [
    "Reads any nginx configuration and reports what breaks WebSockets in it: the line, what a client sees because of it, and " +
      "the lines that mend it. It judges what holds in each location after includes, inheritance and maps, and tries handshakes " +
      "on the configuration without sending anything.",
    "The configuration need not load here: missing certificates, unknown host names and other modules are passed over, and said " +
      "so. A file of conf.d is read as a part of http.",
    "An error breaks WebSockets. A warning breaks some clients, or after a while. A note depends on what the configuration does " +
      "not tell.",
  ],
  arguments: [{ name: "FILE", optional: true, file: true, doc: "The configuration, as with -c." }],
  options: [
    {
      name: "-c",
      value: "FILE",
      file: true,
      doc: "The configuration; - reads it, or the output of nginx -T, from standard input. Default: /etc/nginx/nginx.conf.",
    },
    { name: "--fix", doc: "Mends what can be mended: shows the changes, asks on a terminal, and writes them." },
    { name: "--dry-run", doc: "With --fix: shows the changes as a patch and writes nothing." },
    { name: "--format", value: "FORMAT", words: FORMATS, doc: "How to report." },
    {
      name: "--ws",
      value: "PATH",
      repeats: true,
      doc: "A path on which clients open WebSockets, where its name does not tell.",
    },
    { name: "--app-ping", value: "TIME", doc: "How often the application pings: 25s. Known for Socket.IO and others." },
    { name: "--only", value: "RULE", repeats: true, doc: "Looks for this alone." },
    { name: "--ignore", value: "RULE", repeats: true, doc: "Does not look for this." },
    { name: "--strict", doc: "Notes count for the exit code, too." },
  ],
  exits: [
    [0, "no error and no warning was found, or all were mended"],
    [1, "errors or warnings were found"],
    [2, "the configuration could not be read, or the command line is wrong"],
  ],
  examples: [
    ["hopway doctor", "looks at /etc/nginx/nginx.conf and all that it includes"],
    ["hopway doctor --fix nginx.conf", "shows what would mend it, and does it when told to"],
    ["docker exec web nginx -T | hopway doctor -c -", "looks into a container from outside"],
    ["hopway doctor --format sarif nginx.conf > doctor.sarif", "for the code host's review, in CI"],
  ],
};

/** The command line of `hopway explain`. */
import type { CommandTable } from "../usage/command-table.ts";

export const explainTable: CommandTable = {
  name: "explain",
  summary: "tell what a configuration would do with a request",
  description: [
    "Shows which server and which location a request would reach, what rewrites do to it, which peers would be asked, and " +
      "the request that they would get, line by line, with the line of the configuration that is responsible for it. " +
      "Nothing is sent: hopway's own request phases run on the configuration, without a network.",
    "A ws:// or wss:// URL stands for a WebSocket handshake, http:// and https:// for a plain GET. Certificates, host " +
      "names and modules need not be there: what cannot be simulated is named.",
  ],
  arguments: [{ name: "URL", doc: "What is asked for, with the host name that clients use." }],
  options: [
    {
      name: "-c",
      value: "FILE",
      file: true,
      doc: "The configuration; - reads it, or the output of nginx -T, from standard input. Default: /etc/nginx/nginx.conf.",
    },
    {
      name: "--at",
      value: "[ADDRESS:]PORT",
      doc: "Where the request comes in, if not at the URL's port: behind a balancer or in a container.",
    },
    { name: "--from", value: "ADDRESS", doc: "The client's IP address. Default: 203.0.113.9." },
    { name: "-X", value: "METHOD", doc: "The method. Default: GET." },
    { name: "-H", value: "'NAME: VALUE'", repeats: true, doc: "Another header line; without a value, one less." },
    { name: "--json", doc: "Prints JSON." },
  ],
  exits: [
    [0, "the request was explained"],
    [2, "it could not be: the configuration or the command line is at fault, or nothing listens on that port"],
  ],
  examples: [
    ["hopway explain wss://example.com/socket.io/", "where Socket.IO's handshake goes, and with which headers"],
    ["docker exec web nginx -T | hopway explain http://localhost/api -c -", "the same for a container, from outside"],
  ],
};

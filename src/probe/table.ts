/** The command line of `hopway probe`. */
import type { CommandTable } from "../usage/command-table.ts";

export const probeTable: CommandTable = {
  name: "probe",
  summary: "try a WebSocket from outside, and tell what breaks it",
  description: [
    "Goes the way of a browser, step by step with times: name, connection, TLS and certificate, the handshake as sent, the " +
      "answer as it came, pings, a message, the close. When it fails, it tells which hop most likely broke it, why, and what " +
      "line in nginx, Apache, HAProxy, Caddy, Traefik, an AWS load balancer or Cloudflare is usually behind it. To find out, " +
      "it repeats a refused handshake without Origin, and as a plain GET.",
  ],
  arguments: [{ name: "URL", doc: "ws:// or wss://, with the path of the WebSocket." }],
  options: [
    { name: "--send", value: "TEXT", doc: "Sends a message and shows what comes back." },
    { name: "--echo", doc: "Sends a message that the server should send back." },
    { name: "--idle", value: "TIME", doc: "Stays silent for so long, with and without pings: 120s." },
    {
      name: "--engine-io",
      doc: "Goes the way of Socket.IO: a session by polling, then the upgrade, several times over.",
    },
    { name: "--tries", value: "NUMBER", doc: "With --engine-io: how many sessions. Default: 5." },
    { name: "--compare", value: "URL", doc: "Probes this, too, and shows the differences: the backend itself." },
    { name: "--connect", value: "HOST:PORT", doc: "Connects there, and asks for the URL's host all the same." },
    { name: "-H", value: "'NAME: VALUE'", repeats: true, doc: "Another header line; without a value, one less." },
    { name: "--origin", value: "ORIGIN", doc: "The page's site. Default: the URL's own." },
    { name: "--subprotocol", value: "NAME", repeats: true, doc: "Asks for a subprotocol." },
    { name: "--timeout", value: "TIME", doc: "The longest time for each step. Default: 10s." },
    { name: "--insecure", doc: "Goes on with a certificate that browsers refuse." },
    { name: "--json", doc: "Prints JSON." },
  ],
  exits: [
    [0, "the WebSocket works"],
    [1, "it is broken"],
    [2, "the command line is wrong"],
  ],
  examples: [
    ["hopway probe wss://example.com/ws --idle 2m", "does it open, and does it stay open?"],
    ["hopway probe wss://example.com/ --engine-io", "does Socket.IO's session stay with its server?"],
    ["hopway probe wss://example.com/ws --compare ws://127.0.0.1:3000/ws", "is it the proxy, or the application?"],
  ],
};

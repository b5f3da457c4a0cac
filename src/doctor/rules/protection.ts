/** What nobody has thought of yet: limits, and who may connect. */

import type { Statement } from "../../config/syntax.ts";
import { holdingLine, holdingLines, levelName } from "../../explain/level.ts";
import type { Rule } from "../finding.ts";
import { passesUpgrade } from "../proxy-place.ts";

export const noLimit: Rule = {
  id: "no-limit",
  title: "no limit of any kind where WebSockets are opened",
  find({ places, http }) {
    const open = places.filter((place) => passesUpgrade(place) === true);
    const limited = open.some(({ level }) => holdingLines(level, "limit_conn") ?? holdingLines(level, "limit_req"));
    const [first] = open;
    if (first === undefined || limited || http === undefined) return [];
    return [
      {
        severity: "note",
        at: first.location.statement ?? first.pass,
        message: `Nothing limits how many WebSockets a client opens in ${levelName(first.location)}.`,
        consequence:
          "A page that reconnects in a loop, or an attacker, takes two of worker_connections with each; when none are left, everybody gets a closed connection.",
        remedy: "A limit for each address, well above what a household or an office needs.",
        edits: [],
        example: [
          "limit_conn_zone $binary_remote_addr zone=per_client:10m;  # in http",
          "limit_conn per_client 50;                                  # in the location",
        ],
      },
    ];
  },
};

function mentionsOrigin(statements: readonly Statement[]): boolean {
  return statements.some(
    ({ name, args, block }) =>
      name === "websocket_allowed_origins" ||
      (name !== "log_format" && name !== "add_header" && args.some((arg) => /\$\{?http_origin\b/.test(arg))) ||
      (block !== undefined && mentionsOrigin(block)),
  );
}

export const noOriginCheck: Rule = {
  id: "no-origin-check",
  title: "nothing looks at `Origin` before a WebSocket is opened",
  find({ places, root }) {
    const open = places.filter((place) => passesUpgrade(place) === true && place.app?.comparesOrigin !== true);
    const [first] = open;
    if (first === undefined || mentionsOrigin(root.lines)) return [];
    if (open.every(({ level }) => holdingLine(level, "websocket_allowed_origins") !== undefined)) return [];
    return [
      {
        severity: "note",
        at: first.location.statement ?? first.pass,
        message: `The proxy does not look at "Origin" in ${levelName(first.location)}.`,
        consequence:
          "If the application does not either, and knows its users by cookies, any page on the web can open a WebSocket in their name (cross-site WebSocket hijacking).",
        remedy: "Make sure that the application checks it, or let the proxy.",
        edits: [],
        example: [
          "map $http_origin $foreign_origin {  # in http",
          "  default                        1;",
          "  ''                             0;",
          "  ~^https://(www\\.)?example\\.com$ 0;",
          "}",
          "if ($foreign_origin) { return 403; }  # in the location",
        ],
      },
    ];
  },
};

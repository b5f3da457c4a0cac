/** Settings that leave only HTTP/2 or HTTP/3, over which nginx opens no WebSockets. */
import type { Statement } from "../../config/syntax.ts";
import { levelName } from "../../explain/level.ts";
import { lineText } from "../../explain/statement-text.ts";
import type { Rule, Symptom } from "../finding.ts";
import { listensOf } from "../listens.ts";

/** Browsers open WebSockets over HTTP/1.1, unless a server offers RFC 8441: nginx does not. */
const NEEDS_HTTP1 = "Browsers open WebSockets over HTTP/1.1, on a connection of their own.";

function ifs(statements: readonly Statement[]): Statement[] {
  return statements.flatMap((line) => [...(line.name === "if" ? [line] : []), ...ifs(line.block ?? [])]);
}

/** An `if` that holds for HTTP/1.1, and refuses the request. */
function refusesHttp1({ args, block }: Statement): boolean {
  const condition = args.join(" ");
  const asks =
    /\$server_protocol\s*!(?:=|~\*?)\s*"?\^?HTTP\/[23]/i.test(condition) ||
    /\$server_protocol\s*(?:=|~\*?)\s*"?\^?HTTP\/1/i.test(condition) ||
    /\$http2\s*(?:=\s*""|!=\s*"?h2)/i.test(condition);
  return asks && block?.some(({ name }) => name === "return" || name === "rewrite") === true;
}

export const http2Only: Rule = {
  id: "http2-only",
  title: "a port or server that takes HTTP/2 or HTTP/3 only",
  find({ servers }) {
    return servers.flatMap((server): Symptom[] => {
      const found: Symptom[] = [];
      const listens = listensOf(server);
      for (const { statement, options, tls } of listens) {
        if (statement === undefined || tls || !options.includes("http2")) continue;
        found.push({
          severity: "error",
          at: statement,
          message: `listen ${statement.args[0]} has http2 without ssl.`,
          consequence: `Before nginx 1.25.1 that port speaks HTTP/2 alone, and browsers speak none without TLS: every ws:// connection breaks off (1006). ${NEEDS_HTTP1}`,
          remedy: "Leave http2 to ports with TLS, where clients choose.",
          edits: [
            {
              kind: "replace",
              statement,
              line: lineText({ ...statement, args: statement.args.filter((arg) => arg !== "http2") }),
            },
          ],
        });
      }
      const [quic] = listens;
      if (quic?.statement !== undefined && listens.every(({ options }) => options.includes("quic"))) {
        found.push({
          severity: "error",
          at: quic.statement,
          message: `${levelName(server)} listens for HTTP/3 alone.`,
          consequence: `wss:// is refused before any handshake (1006). ${NEEDS_HTTP1}`,
          remedy: "Listen on the TCP port, too.",
          edits: [{ kind: "after", statement: quic.statement, lines: [`listen ${quic.statement.args[0]} ssl;`] }],
        });
      }
      for (const line of ifs(server.lines).filter(refusesHttp1)) {
        found.push({
          severity: "error",
          at: line,
          message: `if ${line.args.join(" ")} turns away what is not HTTP/2, every WebSocket handshake among it.`,
          consequence: `A handshake gets what the block returns instead of 101. ${NEEDS_HTTP1}`,
          remedy: "Let requests with an Upgrade field pass.",
          edits: [],
          example: ['if ($http_upgrade = "") { ... }'],
        });
      }
      return found;
    });
  },
};

/** TLS that browsers do not speak any more, or should not. */
import type { Statement } from "../../config/syntax.ts";
import { holdingLine, type Level, ownLines } from "../../explain/level.ts";
import { lineText } from "../../explain/statement-text.ts";
import type { Edit } from "../edit.ts";
import type { Rule, Symptom } from "../finding.ts";
import { listensOf } from "../listens.ts";

const OLD = /^(?:SSLv2|SSLv3|TLSv1|TLSv1\.1)$/i;
const GOOD = /^TLSv1\.[23]$/i;
const WEAK =
  /^(?:\+?(?:.*-)?(?:RC4|RC2|DES|3DES|MD5|NULL|EXP|EXPORT\d*|DES-CBC3)(?:-.*)?|[ae]NULL|A?NULL|ADH|AECDH|LOW|EXP|SSLv2)$/i;

function tlsServers(servers: readonly Level[]): Level[] {
  return servers.filter((server) => listensOf(server).some(({ tls }) => tls));
}

function replaced(statement: Statement, args: readonly string[]): Edit[] {
  return [{ kind: "replace", statement, line: lineText({ ...statement, args }) }];
}

export const weakTls: Rule = {
  id: "weak-tls",
  title: "`ssl_protocols` or `ssl_ciphers` with what is obsolete or weak",
  find({ servers }) {
    const seen = new Set<Statement>();
    return tlsServers(servers).flatMap((server): Symptom[] => [
      ...protocols(holdingLine(server, "ssl_protocols"), seen),
      ...ciphers(holdingLine(server, "ssl_ciphers"), seen),
    ]);
  },
};

function protocols(line: Statement | undefined, seen: Set<Statement>): Symptom[] {
  const old = line?.args.filter((name) => OLD.test(name)) ?? [];
  if (line === undefined || old.length === 0 || seen.has(line)) return [];
  seen.add(line);
  const good = line.args.filter((name) => GOOD.test(name));
  return [
    {
      severity: good.length === 0 ? "error" : "warning",
      at: line,
      message: `ssl_protocols has ${old.join(", ")}.`,
      consequence:
        good.length === 0
          ? "No browser of today connects: ERR_SSL_VERSION_OR_CIPHER_MISMATCH, and wss:// fails with 1006 (1015) before any handshake."
          : "Versions with known attacks (RFC 8996 forbids them). OpenSSL 3 refuses them by default, so old clients fail all the same.",
      remedy: "TLS 1.2 and 1.3 are what is left.",
      edits: replaced(line, ["TLSv1.2", "TLSv1.3"]),
    },
  ];
}

function ciphers(line: Statement | undefined, seen: Set<Statement>): Symptom[] {
  const list = line?.args[0]?.split(/[:, ]/) ?? [];
  const refused = new Set(list.filter((name) => name.startsWith("!")).map((name) => name.slice(1).toUpperCase()));
  const weak = list.filter((name) => WEAK.test(name) && !refused.has(name.replace(/^\+/, "").toUpperCase()));
  if (line === undefined || weak.length === 0 || seen.has(line)) return [];
  seen.add(line);
  const rest = list.filter((name) => !weak.includes(name) && name !== "");
  const names = rest.some((name) => !/^[!+-@]/.test(name)) ? rest : ["HIGH", ...rest];
  return [
    {
      severity: "warning",
      at: line,
      message: `ssl_ciphers has ${weak.join(", ")}.`,
      consequence:
        "Connections that choose these can be read or changed on the way; browsers and scanners refuse or mark them.",
      remedy: "Leave them out.",
      edits: replaced(line, [names.join(":")]),
    },
  ];
}

export const sslOn: Rule = {
  id: "ssl-on",
  title: "`ssl on`, which nginx does not know any more",
  find({ servers, http }) {
    const levels = http === undefined ? servers : [http, ...servers];
    return levels.flatMap((level): Symptom[] =>
      ownLines(level, "ssl").map((line) => ({
        severity: "error",
        at: line,
        message: `"ssl ${line.args.join(" ")}" is gone since nginx 1.25.1.`,
        consequence:
          line.args[0] === "on"
            ? 'Newer nginx does not start: unknown directive "ssl". Older ones speak TLS on every port of the server: ws:// gets 400, "The plain HTTP request was sent to HTTPS port".'
            : 'Newer nginx does not start: unknown directive "ssl".',
        remedy: 'Say "ssl" for each address that speaks TLS.',
        edits: [{ kind: "remove", statement: line }, ...(line.args[0] === "on" ? listenEdits(level, servers) : [])],
      })),
    );
  },
};

/** The addresses that spoke TLS by it, but for the port that is meant for plain HTTP. */
function listenEdits(level: Level, servers: readonly Level[]): Edit[] {
  const own = level.kind === "server" ? [level] : servers;
  return own.flatMap((server) =>
    listensOf(server).flatMap(({ statement, port, options }) =>
      statement === undefined || port === 80 || options.includes("ssl")
        ? []
        : replaced(statement, [statement.args[0] ?? "", "ssl", ...statement.args.slice(1)]),
    ),
  );
}

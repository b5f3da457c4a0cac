/** Lines that keep nginx from starting, and what was meant by those that people write most. */
import { LOCATION, SERVER, UPSTREAM } from "../../config/directive.ts";
import type { Statement } from "../../config/syntax.ts";
import { nginxModuleOf } from "../../config/unsupported.ts";
import type { Level } from "../../explain/level.ts";
import { lineText } from "../../explain/statement-text.ts";
import { modules } from "../../modules/list.ts";
import type { Edit } from "../edit.ts";
import type { Examination } from "../examination.ts";
import type { Rule, Symptom } from "../finding.ts";

/** Words of faults that nginx has for the same lines: what hopway does not have is another matter. */
const NGINX_REFUSES =
  /^(?:invalid (?:number of arguments|value|parameter|number|URL prefix|host in upstream)|"[^"]*" directive (?:is duplicate|is not allowed here)|directive "[^"]*" (?:is not terminated|has no opening)|duplicate (?:location|upstream|default map parameter)|upstream "[^"]*" may not have port|location "[^"]*" (?:is outside|cannot be)|"proxy_pass" cannot have URI part|the closing bracket)/;

/** What to do about a line. */
interface Cure {
  readonly remedy: string;
  readonly edits: readonly Edit[];
}

/** Looks at a line that is refused in certain words; undefined where something else is wrong with it. */
type Look = (statement: Statement, examination: Examination) => Cure | undefined;

const cure = (remedy: string, ...edits: readonly Edit[]): Cure => ({ remedy, edits });

function withArgs(statement: Statement, ...args: readonly string[]): Edit {
  return { kind: "replace", statement, line: lineText({ ...statement, args }) };
}

/** The next directive has become an argument of this one: between them a semicolon is missing. */
const swallowing: Look = (statement) => {
  const { name, args, startLine, line } = statement;
  const next = startLine === line ? undefined : args.find((arg) => nginxModuleOf(arg) !== undefined);
  return next === undefined ? undefined : cure(`"${next}" has become a part of "${name}": a ";" is missing before it.`);
};

/** `proxy_pass ws://...`, or without a scheme. */
const urlPrefix: Look = (statement) => {
  const [url = ""] = statement.args;
  const scheme = /^ws(s?):\/\//i.exec(url);
  if (scheme !== null) {
    const meant = `http${scheme[1]?.toLowerCase()}://`;
    return cure(
      `A WebSocket begins as an HTTP request, and becomes one by its "Upgrade" field: nginx has no scheme for it. Write ${meant}.`,
      withArgs(statement, meant + url.slice(scheme[0].length)),
    );
  }
  if (url.includes("://") || url.startsWith("$")) return undefined;
  return cure("Say how the backend is spoken to: http:// or https://.", withArgs(statement, `http://${url}`));
};

/** `server http://...` in an upstream. */
const upstreamServer: Look = (statement) => {
  const [, scheme = "", address = "", path = ""] = /^(\w+):\/\/([^/]+)(.*)$/.exec(statement.args[0] ?? "") ?? [];
  if (address === "") return undefined;
  const tls = /^(?:https|wss)$/i.test(scheme);
  const port = tls && !/:\d+$/.test(address) ? ":443" : "";
  return cure(
    `A server of an upstream is an address. The scheme, ${tls ? "https://" : "http://"} here, stands in proxy_pass${path.length > 1 ? ", and so does the path" : ""}.`,
    withArgs(statement, address + port, ...statement.args.slice(1)),
  );
};

/** `proxy_pass http://name:3000` where `upstream name` has the ports. */
const upstreamPort: Look = (statement) => {
  if (statement.name !== "proxy_pass") return undefined;
  const url = (statement.args[0] ?? "").replace(/:\d+(?=\/|$)/, "");
  return cure("The ports are those of the servers in the upstream block.", withArgs(statement, url));
};

/** `proxy_pass http://x/` in a location of a regular expression. */
const uriPart: Look = (statement) => {
  const [, base = "", uri = ""] = /^(https?:\/\/[^/]+)(\/.*)$/.exec(statement.args[0] ?? "") ?? [];
  if (uri === "/") {
    return cure("Without its last slash, the path is passed on as the client sent it.", withArgs(statement, base));
  }
  return cure(
    `What a regular expression matches has no part that ${uri} could take the place of: change paths by "rewrite ... break".`,
  );
};

/** Blocks and lines that only http has: they hold for all servers there. */
const OF_HTTP = /^(?:map|geo|split_clients|upstream|limit_(?:req|conn)_zone|log_format|proxy_cache_path)$/;
const PLACES: readonly (readonly [bit: number, name: string])[] = [
  [SERVER, "server"],
  [LOCATION, "location"],
  [UPSTREAM, "upstream"],
];

const wrongPlace: Look = (statement, { root, read }) => {
  const { name } = statement;
  if (OF_HTTP.test(name)) {
    const server = enclosingServer(root, statement)?.statement;
    const remedy = `"${name}" stands in http, above the server that uses it.`;
    if (server === undefined || !read.spans.has(server)) return cure(remedy);
    const lines = [...writtenLines(read, statement), ""];
    return cure(remedy, { kind: "before", statement: server, lines }, { kind: "remove", statement });
  }
  const rows = modules.flatMap(({ definition }) => definition.directives.filter((row) => row.name === name));
  const allowed = PLACES.filter(([bit]) => rows.some((row) => (row.in & bit) !== 0)).map(([, place]) => place);
  return allowed.length === 0 ? undefined : cure(`"${name}" stands in ${allowed.join(" or ")}.`);
};

/** The server that a statement stands in, however deep. */
function enclosingServer(level: Level, statement: Statement): Level | undefined {
  const holds = (at: Level): boolean => at.lines.includes(statement) || at.children.some(holds);
  if (level.kind === "server") return level;
  const inner = level.children.find(holds);
  return inner === undefined ? undefined : enclosingServer(inner, statement);
}

/** A statement as it is written, with its comments, indented anew. */
function writtenLines({ files, spans }: Examination["read"], statement: Statement): string[] {
  const span = spans.get(statement);
  const text = files.find(({ path }) => path === statement.file)?.text;
  if (span === undefined || text === undefined) return [lineText(statement)];
  const lines = text.slice(span.start, span.close === undefined ? span.end : span.close + 1).split(/\r?\n/);
  return lines.map((line, i) => (i === 0 || line.trim() === "}" ? "" : "  ") + line.trim());
}

const CURES: readonly (readonly [words: RegExp, look: Look])[] = [
  [/^/, swallowing],
  [/^invalid URL prefix/, urlPrefix],
  [/^invalid host in upstream/, upstreamServer],
  [/^upstream "[^"]*" may not have port/, upstreamPort],
  [/^"proxy_pass" cannot have URI part/, uriPart],
  [/directive is not allowed here/, wrongPlace],
];

export const lineRefused: Rule = {
  id: "line-refused",
  title: "a line that nginx refuses: `proxy_pass ws://`, a directive in the wrong place, or twice, too many words",
  find(examination) {
    const { simulation } = examination;
    const refused = (simulation?.leftOut ?? []).flatMap(({ statement, why }): Symptom[] => {
      if (!NGINX_REFUSES.test(why) || why.includes("hopway") || isHttp2(statement)) return [];
      const found = CURES.filter(([words]) => words.test(why))
        .map(([, look]) => look(statement, examination))
        .find((one) => one !== undefined);
      return [
        symptom(
          statement,
          `nginx refuses this line: ${why}.`,
          found ?? cure("nginx -t, or hopway -t, says whether it is mended."),
        ),
      ];
    });
    return [...outsideHttp(examination), ...refused];
  },
};

/** What only http has, and stands beside it: `http` is put around it where nothing else stands in between. */
function outsideHttp({ read, root }: Examination): Symptom[] {
  const [first] = read.outsideHttp;
  const last = read.outsideHttp.at(-1);
  if (first === undefined || last === undefined) return [];
  const between = root.lines.some(
    ({ file, startLine }) => file !== "" && startLine > first.startLine && startLine < last.startLine,
  );
  const edits: readonly Edit[] =
    between || first.file !== last.file
      ? []
      : [
          { kind: "before", statement: first, lines: ["http {"] },
          { kind: "after", statement: last, lines: ["}"] },
        ];
  const remedy = 'Put "http {" above it, and "}" behind the last server.';
  return [symptom(first, `"${first.name}" stands outside of http.`, cure(remedy, ...edits))];
}

/** Newer nginx takes it; what it does to handshakes is another rule's. */
function isHttp2({ name, args }: Statement): boolean {
  return name === "proxy_http_version" && args[0] === "2";
}

function symptom(at: Statement, message: string, { remedy, edits }: Cure): Symptom {
  return {
    severity: "error",
    at,
    message,
    consequence: "nginx does not start, and a reload changes nothing: the old configuration goes on.",
    remedy,
    edits,
  };
}

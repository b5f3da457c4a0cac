/** Reads a configuration for looking at it: any nginx's, whole or a part of one, with whatever this machine lacks. */
import type { ConfigSource } from "../config/load-context.ts";
import { type ConfigFile, parseConfig } from "../config/parser.ts";
import type { Diagnostic, Span, Statement } from "../config/syntax.ts";
import { type ReadingNote, tolerantSource } from "./tolerant-source.ts";

/** A configuration as written, with includes in place. */
export interface ReadConfig {
  readonly mainPath: string;
  /** Folder of the main file, with a final slash. */
  readonly confPrefix: string;
  /** The main level. A file that only holds what stands in `http` or `server` has got those around it. */
  readonly statements: readonly Statement[];
  readonly spans: ReadonlyMap<Statement, Span>;
  readonly closingLines: ReadonlyMap<Statement, number>;
  readonly files: readonly ConfigFile[];
  /** The syntax error that ended the reading: what stands before it is in `statements`. */
  readonly error: Diagnostic | undefined;
  readonly notes: readonly ReadingNote[];
  /** What only `http` has, and stands beside `events` instead: it is looked at as if it stood in `http`. */
  readonly outsideHttp: readonly Statement[];
  /** Where files are that were found in another place than the configuration says. */
  readonly elsewhere: ReadonlyMap<string, string>;
}

/** What only stands in `http`, and tells a file of conf.d from a whole configuration. */
const HTTP_LEVEL = new Set(["server", "upstream", "map", "geo", "split_clients", "log_format", "limit_conn_zone"]);

/** What only stands on the main level, and tells a whole configuration from a file of conf.d. */
const MAIN_LEVEL = /^(?:events|user|pid|load_module|daemon|master_process|worker_(?!connections).*|stream|mail)$/;

/** Reads the main file and what it includes. */
export function readConfig(mainPath: string, source: ConfigSource): ReadConfig {
  const confPrefix = mainPath.slice(0, mainPath.lastIndexOf("/") + 1);
  const notes: ReadingNote[] = [];
  const elsewhere = new Map<string, string>();
  const parsed = parseConfig(mainPath, tolerantSource(source, mainPath, confPrefix, notes, elsewhere), confPrefix);
  const { spans, closingLines, files, error } = parsed;
  const { statements, outsideHttp } = wholeConfig(parsed.statements, mainPath, notes);
  return { mainPath, confPrefix, statements, outsideHttp, spans, closingLines, files, error, notes, elsewhere };
}

function wholeConfig(
  statements: readonly Statement[],
  file: string,
  notes: ReadingNote[],
): Pick<ReadConfig, "statements" | "outsideHttp"> {
  const whole = (list: readonly Statement[]) => ({ statements: list, outsideHttp: [] });
  if (statements.some(({ name, block }) => name === "http" && block !== undefined)) return whole(statements);
  const around = (name: string, block: readonly Statement[]): Statement => {
    return { name, args: [], file, line: 0, startLine: 0, block };
  };
  const ofMain = statements.filter(({ name }) => MAIN_LEVEL.test(name));
  const others = statements.filter(({ name }) => !MAIN_LEVEL.test(name));
  const outsideHttp = others.filter(({ name }) => HTTP_LEVEL.has(name));
  if (ofMain.length > 0) {
    return outsideHttp.length === 0
      ? whole(statements)
      : { statements: [...ofMain, around("http", others)], outsideHttp };
  }
  if (statements.some(({ name }) => name === "location" || name === "proxy_pass")) {
    notes.push({ message: 'read as a part of a "server" block', file });
    return whole([around("http", [around("server", statements)])]);
  }
  if (outsideHttp.length === 0) return whole(statements);
  notes.push({ message: 'read as a part of the "http" block', file });
  return whole([around("http", statements)]);
}

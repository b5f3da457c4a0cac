/** Turns configuration files into a tree of statements, with every `include` replaced by what it names. */
import { Lexer } from "./lexer.ts";
import type { ConfigSource } from "./load-context.ts";
import type { Diagnostic, Span, Statement } from "./syntax.ts";

/** Deeper than any real configuration; keeps recursion over the tree, here and in modules, far from the stack's end. */
const MAX_BLOCK_DEPTH = 256;
/** Includes inside includes. nginx has no bound of its own and runs out of descriptors instead. */
const MAX_INCLUDE_DEPTH = 64;
/** Files read in all: two includes in each of thirty files would otherwise be a billion reads. */
const MAX_FILES_READ = 10_000;

/** The file name that errors in the text of `-g` show. */
export const COMMAND_LINE = "command line";

/** A file as it was read. */
export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** What parsing gives: all statements before the first syntax error, and that error if there is one. */
export interface ParsedConfig {
  readonly statements: readonly Statement[];
  /** The first syntax error, which comes after every statement in `statements`. */
  readonly error: Diagnostic | undefined;
  /** Line of the `}` of each block that was read to its end. A block that is missing here was cut short by `error`. */
  readonly closingLines: ReadonlyMap<Statement, number>;
  /** Where each statement stands, for whoever rewrites files. */
  readonly spans: ReadonlyMap<Statement, Span>;
  /** Every file that was read, once, in order of first reading: what `-T` prints. */
  readonly files: readonly ConfigFile[];
}

/** Parses a configuration file. Relative includes start at `confPrefix`, which has a final slash. Knows no directives. */
export function parseConfig(path: string, source: ConfigSource, confPrefix: string): ParsedConfig {
  const parser = new Parser(source, confPrefix);
  const statements: Statement[] = [];
  parser.readFile(path, undefined, statements, 0);
  return parser.result(statements);
}

/** Parses the text of `-g`: directives without blocks; relative includes as in a file. */
export function parseGlobals(text: string, source: ConfigSource, confPrefix: string): ParsedConfig {
  const parser = new Parser(source, confPrefix);
  const statements: Statement[] = [];
  parser.readText(COMMAND_LINE, text, false, statements, 0);
  return parser.result(statements);
}

class Parser {
  private readonly source: ConfigSource;
  private readonly confPrefix: string;
  private readonly closingLines = new Map<Statement, number>();
  private readonly spans = new Map<Statement, Span>();
  private readonly files = new Map<string, string>();
  private readonly openFiles: string[] = [];
  private filesRead = 0;
  private error: Diagnostic | undefined;

  constructor(source: ConfigSource, confPrefix: string) {
    this.source = source;
    this.confPrefix = confPrefix;
  }

  result(statements: readonly Statement[]): ParsedConfig {
    const files = Array.from(this.files, ([path, text]) => ({ path, text }));
    return { statements, error: this.error, closingLines: this.closingLines, spans: this.spans, files };
  }

  /** Reads a file into `into`. `from` is the include that names it. False after an error. */
  readFile(path: string, from: Statement | undefined, into: Statement[], depth: number): boolean {
    if (this.openFiles.includes(path)) {
      return this.fail(`include of "${path}" makes a loop`, from?.file, from?.line);
    }
    if (this.openFiles.length >= MAX_INCLUDE_DEPTH) {
      return this.fail(`include of "${path}" is nested too deep`, from?.file, from?.line);
    }
    if (++this.filesRead > MAX_FILES_READ) {
      return this.fail(`include of "${path}" is more than ${MAX_FILES_READ} files`, from?.file, from?.line);
    }
    const text = this.source.read(path);
    if (typeof text !== "string") {
      const EISDIR = 21;
      const call = text.errno === EISDIR ? "pread" : "open";
      return this.fail(`${call}() "${path}" failed (${text.errno}: ${text.text})`, from?.file, from?.line);
    }
    this.files.set(path, text);
    this.openFiles.push(path);
    const good = this.readText(path, text, true, into, depth);
    this.openFiles.pop();
    return good;
  }

  /** Reads a text whose blocks must all end in it. `depth` is the number of blocks around it. */
  readText(file: string, text: string, isFile: boolean, into: Statement[], depth: number): boolean {
    const lexer = new Lexer(text, isFile);
    // The text of -g has no lines.
    const line = (): number => (isFile ? lexer.line : 0);
    const outer: { readonly list: Statement[]; readonly opener: Statement }[] = [];
    let list = into;
    for (;;) {
      const ending = lexer.next();
      switch (ending) {
        case "fault":
          return this.fail(lexer.fault, file, line());
        case "end":
          if (outer.length > 0) return this.fail('unexpected end of file, expecting "}"', file, line());
          return true;
        case "close": {
          const closed = outer.pop();
          if (closed === undefined) return this.fail('unexpected "}"', file, line());
          this.closingLines.set(closed.opener, line());
          this.spans.set(closed.opener, { ...this.spans.get(closed.opener)!, close: lexer.endOffset - 1 });
          list = closed.list;
          break;
        }
        default: {
          if (ending === "block" && !isFile) {
            return this.fail("block directives are not supported in -g option", file, line());
          }
          const [name = "", ...args] = lexer.words;
          const block: Statement[] | undefined = ending === "block" ? [] : undefined;
          const startLine = isFile ? lexer.startLine : 0;
          const statement: Statement = { name, args, file, line: line(), startLine, block };
          this.spans.set(statement, { start: lexer.startOffset, end: lexer.endOffset, close: undefined });
          if (name === "include" && block === undefined && args.length === 1) {
            if (!this.include(statement, list, depth + outer.length)) return false;
            break;
          }
          list.push(statement);
          if (block === undefined) break;
          if (depth + outer.length >= MAX_BLOCK_DEPTH) return this.fail("blocks are nested too deep", file, line());
          outer.push({ list, opener: statement });
          list = block;
        }
      }
    }
  }

  private include(statement: Statement, into: Statement[], depth: number): boolean {
    const name = statement.args[0] ?? "";
    const path = name.startsWith("/") ? name : this.confPrefix + name;
    if (!/[*?[]/.test(path)) return this.readFile(path, statement, into, depth);
    return this.source.glob(path).every((match) => this.readFile(match, statement, into, depth));
  }

  private fail(message: string, file: string | undefined, line: number | undefined): false {
    this.error = { level: "emerg", message, file, line, late: false };
    return false;
  }
}

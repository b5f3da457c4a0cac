/** The tree that the parser makes of a configuration file. Strings hold one char per byte (latin1), as everywhere. */

/** One directive as written: `name arg arg;` or `name arg { ... }`, with `include` already expanded. */
export interface Statement {
  readonly name: string;
  /** Arguments after the name, unquoted and unescaped as nginx does it. */
  readonly args: readonly string[];
  readonly file: string;
  /** 1-based line of the `;` or `{` that ended the statement: the line that nginx names in errors. */
  readonly line: number;
  /** 1-based line on which the name stands. */
  readonly startLine: number;
  /** The statements between braces; undefined for a simple directive. */
  readonly block: readonly Statement[] | undefined;
}

/** Where a statement stands in the text of its file: positions of chars, from 0. */
export interface Span {
  /** Of the first char of its name. */
  readonly start: number;
  /** Behind its `;` or `{`. */
  readonly end: number;
  /** Of the `}` of its block; undefined without a block, and where that was cut short. */
  readonly close: number | undefined;
}

/** A configuration error or warning, printed as `[emerg] message in file:line`. */
export interface Diagnostic {
  readonly level: "emerg" | "alert" | "error" | "warn" | "notice";
  /** Without the position. */
  readonly message: string;
  readonly file: string | undefined;
  /** 1-based; 0 or undefined where the message concerns a whole file. */
  readonly line: number | undefined;
  /** Found after all files had been read without an error. */
  readonly late: boolean;
}

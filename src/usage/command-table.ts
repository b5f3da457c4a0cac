/**
 * The table of one command: its options and arguments, from which its parsing, its `help`, the manual page and the
 * shells' completions are made.
 */

/** An option: `--name`, `--name VALUE` or `--name=VALUE`. */
export interface OptionRow {
  /** With its dashes: `--format`, `-c`. */
  readonly name: string;
  /** What the value is called in texts: `FILE`; undefined for options without a value. */
  readonly value?: string;
  /** The values that it takes; any where left out. */
  readonly words?: readonly string[];
  /** May be given several times. */
  readonly repeats?: true;
  /** The value is a file or folder: for completions. */
  readonly file?: true;
  /** One or two sentences. */
  readonly doc: string;
}

/** An argument without a name. */
export interface ArgumentRow {
  readonly name: string;
  readonly optional?: true;
  /** What it may be, for completions. */
  readonly words?: readonly string[];
  readonly file?: true;
  readonly doc: string;
}

export interface CommandTable {
  readonly name: string;
  /** A line without a full stop. */
  readonly summary: string;
  /** Paragraphs for the manual. */
  readonly description: readonly string[];
  readonly arguments: readonly ArgumentRow[];
  readonly options: readonly OptionRow[];
  /** Exit codes and when they come. */
  readonly exits: readonly (readonly [code: number, when: string])[];
  /** Command lines and what they are for. */
  readonly examples: readonly (readonly [line: string, what: string])[];
}

/** What a command line gave. */
export class GivenOptions {
  /** Arguments without names, in order. */
  readonly words: readonly string[];
  private readonly given: ReadonlyMap<string, readonly string[]>;

  constructor(words: readonly string[], given: ReadonlyMap<string, readonly string[]>) {
    this.words = words;
    this.given = given;
  }

  has(name: string): boolean {
    return this.given.has(name);
  }

  /** The last value of an option. */
  value(name: string): string | undefined {
    return this.given.get(name)?.at(-1);
  }

  /** All values of an option that may be repeated. */
  values(name: string): readonly string[] {
    return this.given.get(name) ?? [];
  }
}

/** What is wrong with a command line, in one line. */
export interface UsageFault {
  readonly fault: string;
}

/** Reads what stands behind the command's name. Everything after `--` is an argument. */
export function parseCommandLine(table: CommandTable, args: readonly string[]): GivenOptions | UsageFault {
  const given = new Map<string, string[]>();
  const words: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--") {
      words.push(...args.slice(i + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      words.push(arg);
      continue;
    }
    const equals = arg.startsWith("--") ? arg.indexOf("=") : -1;
    const name = equals < 0 ? arg : arg.slice(0, equals);
    const row = table.options.find((option) => option.name === name);
    if (row === undefined) return { fault: `unknown option "${name}"` };
    let value = "";
    if (row.value !== undefined) {
      const next = equals < 0 ? args[++i] : arg.slice(equals + 1);
      if (next === undefined) return { fault: `option "${name}" wants a value: ${name} ${row.value}` };
      value = next;
    } else if (equals >= 0) return { fault: `option "${name}" has no value` };
    if (row.words !== undefined && !row.words.includes(value)) {
      return { fault: `"${value}" is no value of "${name}": ${row.words.join(", ")}` };
    }
    if (given.has(name) && row.repeats !== true) return { fault: `option "${name}" is given twice` };
    given.set(name, [...(given.get(name) ?? []), value]);
  }
  const wanted = table.arguments.filter(({ optional }) => optional !== true).length;
  const missing = table.arguments[words.length];
  if (words.length < wanted && missing !== undefined) return { fault: `${missing.name} is missing` };
  if (words.length > table.arguments.length)
    return { fault: `"${words[table.arguments.length]}" is one argument too many` };
  return new GivenOptions(words, given);
}

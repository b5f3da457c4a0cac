/** Completions for shells, from the tables of the commands. */
import type { ArgumentRow, CommandTable, OptionRow } from "./command-table.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** What is completed. */
export interface Completable {
  readonly program: string;
  /** Options of the program without a command. */
  readonly options: readonly OptionRow[];
  readonly commands: readonly CommandTable[];
  /** Words for values that have a name: `RULE`. */
  readonly values: Readonly<Record<string, readonly string[]>>;
}

/** The script for a shell. */
export function completion(shell: Shell, what: Completable): string {
  switch (shell) {
    case "bash":
      return bash(what);
    case "zsh":
      return zsh(what);
    case "fish":
      return fish(what);
  }
}

/** The words that a value or argument may be; undefined where anything goes. */
function wordsOf(row: OptionRow | ArgumentRow, { values }: Completable): readonly string[] | undefined {
  return row.words ?? values["value" in row ? (row.value ?? "") : row.name];
}

function bash(what: Completable): string {
  const { program, commands, options } = what;
  const valueCases = (rows: readonly OptionRow[]): string[] =>
    rows.flatMap((row) => {
      if (row.value === undefined) return [];
      const words = wordsOf(row, what);
      const reply =
        words !== undefined
          ? `COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$word"))`
          : row.file === true
            ? 'COMPREPLY=($(compgen -f -- "$word"))'
            : "COMPREPLY=()";
      return [`        ${row.name}) ${reply}; return ;;`];
    });
  const commandCases = commands.map((table) => {
    const [argument] = table.arguments;
    const words = argument === undefined ? [] : (wordsOf(argument, what) ?? []);
    const all = [...table.options.map(({ name }) => name), ...words].join(" ");
    const files = argument?.file === true ? ' $(compgen -f -- "$word")' : "";
    return [
      `    ${table.name})`,
      '      case "$previous" in',
      ...valueCases(table.options),
      "      esac",
      `      COMPREPLY=($(compgen -W "${all}" -- "$word")${files})`,
      "      ;;",
    ].join("\n");
  });
  const first = [...commands.map(({ name }) => name), ...options.map(({ name }) => name)].join(" ");
  return `# bash completion for ${program}
_${program}() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  case "\${COMP_WORDS[1]}" in
${commandCases.join("\n")}
    *)
      case "$previous" in
${valueCases(options).join("\n")}
      esac
      COMPREPLY=($(compgen -W "${first}" -- "$word"))
      ;;
  esac
}
complete -o filenames -F _${program} ${program}
`;
}

function zshQuoted(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll("[", "\\[").replaceAll("]", "\\]").replaceAll(":", "\\:");
}

function zshAction(row: OptionRow | ArgumentRow, what: Completable): string {
  const words = wordsOf(row, what);
  if (words !== undefined) return `(${words.join(" ")})`;
  return row.file === true ? "_files" : "";
}

function zshOption(row: OptionRow, what: Completable): string {
  const repeat = row.repeats === true ? "*" : "";
  const value = row.value === undefined ? "" : `:${zshQuoted(row.value)}:${zshAction(row, what)}`;
  return `'${repeat}${row.name}[${zshQuoted(row.doc)}]${value}'`;
}

function zsh(what: Completable): string {
  const { program, commands, options } = what;
  const cases = commands.map((table) => {
    const rows = [
      ...table.options.map((row) => zshOption(row, what)),
      ...table.arguments.map(
        (row) => `'${row.optional === true ? ":" : ""}:${zshQuoted(row.name)}:${zshAction(row, what)}'`,
      ),
    ];
    return `    ${table.name})\n      _arguments ${rows.join(" \\\n        ")}\n      ;;`;
  });
  const listed = commands.map(({ name, summary }) => `    '${name}:${zshQuoted(summary)}'`);
  return `#compdef ${program}
local -a commands
commands=(
${listed.join("\n")}
)
if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
  _describe 'command' commands
  return
fi
local command=$words[2]
case $command in
  ${commands.map(({ name }) => name).join("|")})
    shift words
    (( CURRENT-- ))
    ;;
esac
case $command in
${cases.join("\n")}
    *)
      _arguments ${options.map((row) => zshOption(row, what)).join(" \\\n        ")}
      ;;
esac
`;
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function fishOption(row: OptionRow, what: Completable, condition: string): string {
  const words = wordsOf(row, what);
  // Of one letter: -c; of more: --fix.
  const name = row.name.startsWith("--") ? `-l ${row.name.slice(2)}` : `-s ${row.name.slice(1)}`;
  const value =
    row.value === undefined
      ? ""
      : words !== undefined
        ? ` -x -a ${fishQuoted(words.join(" "))}`
        : row.file === true
          ? " -r -F"
          : " -x";
  return `complete -c ${what.program} -n ${fishQuoted(condition)} ${name}${value} -d ${fishQuoted(row.doc)}`;
}

function fish(what: Completable): string {
  const { program, commands, options } = what;
  const lines = [`# fish completion for ${program}`, `complete -c ${program} -f`];
  for (const { name, summary } of commands) {
    lines.push(`complete -c ${program} -n __fish_use_subcommand -a ${name} -d ${fishQuoted(summary)}`);
  }
  for (const row of options) lines.push(fishOption(row, what, "__fish_use_subcommand"));
  for (const table of commands) {
    const condition = `__fish_seen_subcommand_from ${table.name}`;
    for (const row of table.options) lines.push(fishOption(row, what, condition));
    for (const row of table.arguments) {
      const words = wordsOf(row, what);
      if (words !== undefined)
        lines.push(`complete -c ${program} -n ${fishQuoted(condition)} -a ${fishQuoted(words.join(" "))}`);
      else if (row.file === true) lines.push(`complete -c ${program} -n ${fishQuoted(condition)} -F`);
    }
  }
  return `${lines.join("\n")}\n`;
}

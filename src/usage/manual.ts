/** The manual page, in the language of man(7), from the tables of the commands. */
import type { CommandTable, OptionRow } from "./command-table.ts";
import { optionTitle, rowText, synopsis } from "./usage-text.ts";

/** What stands around the commands. */
export interface ManualFrame {
  readonly program: string;
  readonly version: string;
  readonly summary: string;
  /** Paragraphs. */
  readonly description: readonly string[];
  readonly options: readonly OptionRow[];
  readonly files: readonly (readonly [path: string, what: string])[];
}

/** Text in which nothing is a request or an escape. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1");
}

function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

function option(row: OptionRow): string {
  return `.TP\n${bold(optionTitle(row))}\n${escaped(rowText(row))}`;
}

function command(table: CommandTable): string {
  return [
    `.SH ${escaped(`${table.name.toUpperCase()}`)}`,
    bold(synopsis(table)),
    ...table.description.map((paragraph) => `.PP\n${escaped(paragraph)}`),
    ...table.arguments.map((row) => `.TP\n${bold(row.name)}\n${escaped(rowText(row))}`),
    ...table.options.map(option),
    ".PP\nExit codes:",
    ...table.exits.map(([code, when]) => `.TP\n${bold(String(code))}\n${escaped(when)}`),
    ".PP\nExamples:",
    ...table.examples.map(([line, what]) => `.TP\n${bold(line)}\n${escaped(what)}`),
  ].join("\n");
}

/** The whole page; ends with a line feed. */
export function manualPage(frame: ManualFrame, commands: readonly CommandTable[]): string {
  const { program, version, summary, description, options, files } = frame;
  return [
    `.TH ${program.toUpperCase()} 1 "" "${program} ${version}" "User Commands"`,
    `.SH NAME\n${program} \\- ${escaped(summary)}`,
    `.SH SYNOPSIS\n${bold(`${program} [options]`)}`,
    ...commands.map((table) => `.br\n${bold(synopsis(table))}`),
    ".SH DESCRIPTION",
    ...description.map((paragraph) => `.PP\n${escaped(paragraph)}`),
    ".SH OPTIONS",
    ...options.map(option),
    ...commands.map(command),
    ".SH FILES",
    ...files.map(([path, what]) => `.TP\n${bold(path)}\n${escaped(what)}`),
    "",
  ].join("\n");
}

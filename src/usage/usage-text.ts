/** What `hopway help COMMAND` shows, from the command's table. */
import type { ArgumentRow, CommandTable, OptionRow } from "./command-table.ts";
import { wrap } from "./paint.ts";

/** `hopway explain [options] URL`. */
export function synopsis({ name, options, arguments: words }: CommandTable): string {
  const parts = words.map(({ name: word, optional }) => (optional === true ? `[${word}]` : word));
  return ["hopway", name, ...(options.length > 0 ? ["[options]"] : []), ...parts].join(" ");
}

/** `--format FORMAT`. */
export function optionTitle({ name, value }: OptionRow): string {
  return value === undefined ? name : `${name} ${value}`;
}

/** The text of an option or argument, with the values that it takes. */
export function rowText({ doc, words }: OptionRow | ArgumentRow): string {
  return words === undefined ? doc : `${doc} One of: ${words.join(", ")}.`;
}

/** The whole help of a command; ends with a line feed. */
export function usageText(table: CommandTable): string {
  const rows: (readonly [string, string])[] = [
    ...table.arguments.map((row) => [row.name, rowText(row)] as const),
    ...table.options.map((row) => [optionTitle(row), rowText(row)] as const),
  ];
  const column = Math.max(...rows.map(([title]) => title.length)) + 4;
  const listed = rows.map(([title, text]) => {
    const body = wrap(text, " ".repeat(column));
    return `  ${title.padEnd(column - 2)}${body.slice(column)}`;
  });
  const examples = table.examples.map(([line, what]) => `  ${line}\n      ${what}`);
  const exits = table.exits.map(([code, when]) => `  ${code}  ${when}`);
  return [
    `Usage: ${synopsis(table)}`,
    "",
    ...table.description.flatMap((paragraph) => [wrap(paragraph, ""), ""]),
    ...listed,
    "",
    "Examples:",
    ...examples,
    "",
    "Exit codes:",
    ...exits,
    "",
  ].join("\n");
}

/**
 * Which case a line of a gateway's logs belongs to. Lines name their connection, and every case has a connection of its
 * own: a line that comes only when the next case has begun still goes to the case whose connection it is about.
 */

/** How long the logs were when a case had ended. */
export interface LogMark {
  readonly access: number;
  readonly errors: number;
}

/** The lines of a case. */
export interface CaseLines {
  readonly access: string;
  readonly errors: string;
}

/** To begin the format of the access log with; `linesOfCases` takes it off. */
export const CONNECTION_FIELD = "*$connection: ";

const ACCESS_CONNECTION = /^\*(\d+): /;
/** nginx's line without a connection has the rest of this only. */
const ERROR_CONNECTION = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[\w+\] \d+#\d+: (?:\*(\d+) )?/;

/** One line, and the number of the case in whose time it was written. */
interface Line {
  readonly text: string;
  readonly connection: string | undefined;
  readonly during: number;
}

/**
 * Sorts the lines of both logs, read when the gateway had ended. `marks` are those at the start and after each case.
 * The first of what it returns are the lines of no case, which came before the first or after the last one.
 */
export function linesOfCases(access: string, errors: string, marks: readonly LogMark[]): readonly CaseLines[] {
  const accessLines = linesOf(
    access,
    marks.map((mark) => mark.access),
    ACCESS_CONNECTION,
  );
  const errorLines = linesOf(
    errors,
    marks.map((mark) => mark.errors),
    ERROR_CONNECTION,
  );
  const cases = marks.map(() => ({ access: "", errors: "" }));
  const owners = new Map<string, number>();
  for (const { connection, during } of [...accessLines, ...errorLines]) {
    if (connection === undefined) continue;
    owners.set(connection, Math.min(during, owners.get(connection) ?? during));
  }
  const ownerOf = ({ connection, during }: Line): number => {
    const owner = (connection === undefined ? undefined : owners.get(connection)) ?? during;
    return owner === marks.length ? 0 : owner;
  };
  for (const line of accessLines) cases[ownerOf(line)]!.access += `${line.text.replace(ACCESS_CONNECTION, "")}\n`;
  for (const line of errorLines) cases[ownerOf(line)]!.errors += `${line.text}\n`;
  return cases;
}

function linesOf(log: string, marks: readonly number[], pattern: RegExp): Line[] {
  const lines: Line[] = [];
  let during = 0;
  for (let start = 0; start < log.length; ) {
    const found = log.indexOf("\n", start);
    const end = found < 0 ? log.length : found;
    while (during < marks.length && start >= marks[during]!) during++;
    const text = log.slice(start, end);
    const match = pattern.exec(text);
    // What looks like no line of the log goes on with the one before.
    const before = match === null ? lines.at(-1) : undefined;
    lines.push({ text, connection: before?.connection ?? match?.[1], during: before?.during ?? during });
    start = end + 1;
  }
  return lines;
}

/** How configuration errors are written. */
import { COMMAND_LINE } from "./parser.ts";
import type { Diagnostic } from "./syntax.ts";

/** `[emerg] message in file:line`, as nginx writes it after its name. */
export function formatDiagnostic({ level, message, file, line }: Diagnostic): string {
  return `[${level}] ${message}${formatPosition(file, line)}`;
}

function formatPosition(file: string | undefined, line: number | undefined): string {
  if (file === undefined) return "";
  if (file === COMMAND_LINE) return ` in ${file}`;
  return line === undefined || line === 0 ? ` in ${file}` : ` in ${file}:${line}`;
}

/** The output of `nginx -T` as a source of configuration files, so that a running image can be looked at from outside. */
import type { ConfigSource } from "../config/load-context.ts";
import { memorySource } from "../config/memory-source.ts";

const MARK = /^# configuration file (.+):$/gm;

/** The path under which a piped text is shown that is no dump. */
export const STANDARD_INPUT = "/stdin";

/** Takes a dump apart into its files; a text that is none is a file of its own. */
export function pipedConfig(text: string): { readonly mainPath: string; readonly source: ConfigSource } {
  const marks = [...text.matchAll(MARK)];
  const files: Record<string, string> = {};
  for (const [i, mark] of marks.entries()) {
    const body = text.slice(mark.index + mark[0].length + 1, marks[i + 1]?.index ?? text.length);
    // nginx ends each file with a line of its own.
    files[mark[1] ?? ""] = body.endsWith("\n\n") ? body.slice(0, -1) : body;
  }
  const first = marks[0]?.[1];
  if (first === undefined) return { mainPath: STANDARD_INPUT, source: memorySource({ [STANDARD_INPUT]: text }) };
  return { mainPath: first, source: memorySource(files) };
}

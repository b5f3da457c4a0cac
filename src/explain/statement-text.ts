/** Statements as text. */
import type { Statement } from "../config/syntax.ts";

/** A statement in one line, without its block, quoted where that is needed. */
export function lineText({ name, args, block }: Statement): string {
  return [name, ...args.map(quoted)].join(" ") + (block === undefined ? ";" : " {");
}

/** A word as it can stand in a file. */
export function quoted(word: string): string {
  if (word !== "" && !/[\s;{}"'#]/.test(word)) return word;
  return `"${word.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

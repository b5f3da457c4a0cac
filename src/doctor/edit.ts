/** Changes of configuration files by statements; comments and formatting around them stay. */
import type { Span, Statement } from "../config/syntax.ts";

/** One change. Lines are without indentation; what is deeper inside begins with its own two spaces. */
export type Edit =
  | { readonly kind: "after"; readonly statement: Statement; readonly lines: readonly string[] }
  | { readonly kind: "before"; readonly statement: Statement; readonly lines: readonly string[] }
  /** First in a block. */
  | { readonly kind: "open"; readonly statement: Statement; readonly lines: readonly string[] }
  /** The statement up to its `;` or `{`. */
  | { readonly kind: "replace"; readonly statement: Statement; readonly line: string }
  | { readonly kind: "remove"; readonly statement: Statement };

/** A change of a text: `length` chars at `offset` become `text`. */
export interface Splice {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

/** The changes of a file's text that edits come to, in the order of the edits. */
export function editSplices(text: string, edits: readonly Edit[], spans: ReadonlyMap<Statement, Span>): Splice[] {
  return edits.flatMap((edit) => {
    const span = spans.get(edit.statement);
    return span === undefined ? [] : [spliceOf(text, edit, span)];
  });
}

/** The text of a file after the edits that concern it. */
export function editText(text: string, edits: readonly Edit[], spans: ReadonlyMap<Statement, Span>): string {
  // From the end, so that positions before stay what they are; of two at one place the first comes first.
  const ordered = editSplices(text, edits, spans)
    .map((splice, i) => ({ splice, i }))
    .sort((a, b) => b.splice.offset - a.splice.offset || b.i - a.i);
  let out = text;
  for (const { splice } of ordered) {
    out = out.slice(0, splice.offset) + splice.text + out.slice(splice.offset + splice.length);
  }
  return out;
}

function spliceOf(text: string, edit: Edit, span: Span): Splice {
  switch (edit.kind) {
    case "after":
      return insertion(
        text,
        span.close === undefined ? span.end : span.close + 1,
        indentAt(text, span.start),
        edit.lines,
      );
    case "before":
      return insertionBefore(text, span, edit.lines);
    case "open":
      return insertion(text, span.end, `${indentAt(text, span.start)}${unitOf(text)}`, edit.lines);
    case "replace":
      return { offset: span.start, length: span.end - span.start, text: edit.line };
    case "remove":
      return removal(text, span);
  }
}

/** Whitespace before what stands first in its line; elsewhere that of the line. */
function indentAt(text: string, offset: number): string {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(lineStart, offset))?.[0] ?? "";
}

function newlineOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

/** What one more level of blocks is indented by: as the first indented line has it. */
function unitOf(text: string): string {
  return /^(\t| {2,8})\S/m.exec(text)?.[1] ?? "    ";
}

/** New lines behind a position: below its line, before what else stands there. */
function insertion(text: string, offset: number, indent: string, lines: readonly string[]): Splice {
  const newline = newlineOf(text);
  const unit = unitOf(text);
  const rest = /^[^\n\r]*/.exec(text.slice(offset))?.[0] ?? "";
  // A comment behind the statement is about it and stays with it.
  const stays = /^[ \t]*(?:#.*)?$/.test(rest);
  if (!stays && !lines.some((line) => line.endsWith("{"))) {
    // Blocks that are written in a line stay so.
    return { offset, length: 0, text: lines.map((line) => ` ${line.trim()}`).join("") };
  }
  const at = stays ? offset + rest.length : offset;
  const body = lines.map((line) => newline + indent + indented(line, unit)).join("");
  return { offset: at, length: 0, text: stays ? body : body + newline + indent };
}

function insertionBefore(text: string, { start }: Span, lines: readonly string[]): Splice {
  const newline = newlineOf(text);
  const unit = unitOf(text);
  const indent = indentAt(text, start);
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const body = lines.map((line) => (line === "" ? "" : indent + indented(line, unit)) + newline).join("");
  if (text.slice(lineStart, start).trim() === "")
    return { offset: commentsAbove(text, lineStart), length: 0, text: body };
  return { offset: start, length: 0, text: newline + body + indent };
}

/** Comments right above a line belong to it: what is put before it goes above them. */
function commentsAbove(text: string, lineStart: number): number {
  let at = lineStart;
  while (at > 0) {
    const previous = text.lastIndexOf("\n", at - 2) + 1;
    if (!/^[ \t]*#/.test(text.slice(previous, at))) break;
    at = previous;
  }
  return at;
}

function indented(line: string, unit: string): string {
  const depth = /^(?: {2})*/.exec(line)?.[0].length ?? 0;
  return unit.repeat(depth / 2) + line.slice(depth);
}

/** A statement alone in its line takes the line with it; a comment behind it stays. */
function removal(text: string, { start, end, close }: Span): Splice {
  const from = start;
  const to = close === undefined ? end : close + 1;
  const lineStart = text.lastIndexOf("\n", from - 1) + 1;
  const lineEnd = text.indexOf("\n", to);
  const alone =
    text.slice(lineStart, from).trim() === "" && text.slice(to, lineEnd < 0 ? text.length : lineEnd).trim() === "";
  if (alone) return { offset: lineStart, length: (lineEnd < 0 ? text.length : lineEnd + 1) - lineStart, text: "" };
  const space = /^[ \t]*/.exec(text.slice(to))?.[0].length ?? 0;
  return { offset: from, length: to + space - from, text: "" };
}

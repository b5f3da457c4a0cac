/** A trace for people to read. */
import type { Statement } from "../config/syntax.ts";
import { type Paint, wrap } from "../usage/paint.ts";
import { printableBytes } from "../usage/printable.ts";
import { shownPath } from "../usage/shown-path.ts";
import type { Explanation } from "./explanation.ts";
import { lineText } from "./statement-text.ts";
import type { ExplainedLine } from "./upstream-request.ts";

/** Where texts begin, behind their labels. */
const LABEL = 12;
/** Where positions begin, unless the text is longer. */
const POSITION = 64;

/** `file:line`, and the line itself. */
function place(statement: Statement): string {
  return `${shownPath(statement.file)}:${statement.startLine}`;
}

/** The explanation of one request; ends with a line feed. */
export function explanationText(explanation: Explanation, paint: Paint): string {
  const { trace, request, title } = explanation;
  const out: string[] = [paint("bold", title), ""];
  const row = (label: string, said: string, statement?: Statement, why = ""): void => {
    const text = printableBytes(said);
    const shown = label.padEnd(LABEL) + text;
    const where = statement === undefined ? why : [place(statement), why].filter((part) => part !== "").join(", ");
    const gap = where === "" ? "" : `${" ".repeat(Math.max(2, POSITION - shown.length))}${paint("dim", where)}`;
    out.push(`${paint("blue", label.padEnd(LABEL))}${text}${gap}`);
  };
  row(
    "server",
    explanation.serverName,
    trace.server,
    trace.chosenBy === "name" ? "chosen by its name" : "the default server of the port",
  );
  for (const event of trace.events) {
    if (event.kind === "location") {
      const { statement } = event;
      row(statement.name, statement.args.join(" "), statement);
    } else if (event.kind === "rewrite") row(event.statement.name, event.effect, event.statement);
    else row(event.phase, `${event.effect} (${event.module})`);
  }
  if (trace.location === undefined) row("location", "none matches: what stands in the server itself holds");
  for (const { statement, what } of explanation.checks) row("checks", `${lineText(statement)} ${what}`, statement);
  out.push("");
  outcomeRows(explanation, row);
  if (request !== undefined) {
    out.push("", paint("bold", "The upstream gets:"));
    for (const line of request.sent) requestRow(line, out, paint);
    if (request.notSent.length > 0) out.push("", paint("bold", "It does not get:"));
    for (const line of request.notSent) requestRow(line, out, paint);
  }
  if (explanation.remarks.length > 0) out.push("");
  for (const remark of explanation.remarks) out.push(wrap(printableBytes(`Note: ${remark}`), ""));
  return `${out.join("\n")}\n`;
}

type Row = (label: string, text: string, statement?: Statement, why?: string) => void;

function outcomeRows({ trace }: Explanation, row: Row): void {
  const { outcome } = trace;
  switch (outcome.kind) {
    case "proxied": {
      row("passes to", outcome.url, outcome.statement);
      const peers = outcome.peers.map(
        ({ server, backup, down }) => `${server}${backup ? " (backup)" : ""}${down ? " (down)" : ""}`,
      );
      if (outcome.block !== undefined) row("upstream", `${outcome.upstream}: ${peers.join(", ")}`, outcome.block);
      return;
    }
    case "answered": {
      row("answers", `${outcome.status}${outcome.why === "" ? "" : `: ${outcome.why}`}`);
      for (const field of outcome.head.split("\r\n").slice(1))
        if (!/^(?:Date|Server|Connection):/.test(field)) row("", field);
      return;
    }
    case "foreign":
      row("passes to", lineText(outcome.statement), outcome.statement, "not simulated");
      return;
    case "closed":
      row("closes", "the connection, without an answer");
  }
}

function requestRow({ text, statement, why }: ExplainedLine, out: string[], paint: Paint): void {
  const where = [statement === undefined ? "" : place(statement), why].filter((part) => part !== "").join(", ");
  const gap = " ".repeat(Math.max(2, POSITION - 2 - text.length));
  out.push(`  ${printableBytes(text)}${where === "" ? "" : gap + paint("dim", where)}`);
}

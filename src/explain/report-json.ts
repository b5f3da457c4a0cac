/** A trace for programs. */
import type { Statement } from "../config/syntax.ts";
import type { Explanation } from "./explanation.ts";
import { lineText } from "./statement-text.ts";
import type { ExplainedLine } from "./upstream-request.ts";

interface Place {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

function place(statement: Statement | undefined): Place | null {
  if (statement === undefined) return null;
  return { file: statement.file, line: statement.startLine, text: lineText(statement) };
}

function line({ text, statement, why }: ExplainedLine): object {
  return { text, place: place(statement), why };
}

/** One JSON object; a char for each byte, as the configuration has them. */
export function explanationJson({ title, trace, serverName, checks, request, remarks }: Explanation): string {
  const { outcome } = trace;
  return JSON.stringify(
    {
      request: title,
      server: { name: serverName, chosenBy: trace.chosenBy, place: place(trace.server) },
      location: place(trace.location),
      events: trace.events.map((event) =>
        "statement" in event ? { ...event, statement: undefined, place: place(event.statement) } : event,
      ),
      checks: checks.map(({ statement, what }) => ({ what, place: place(statement) })),
      outcome: {
        ...outcome,
        ...("statement" in outcome ? { statement: undefined, place: place(outcome.statement) } : {}),
        ...("block" in outcome ? { block: place(outcome.block) } : {}),
      },
      upstreamRequest: request && { sent: request.sent.map(line), notSent: request.notSent.map(line) },
      remarks,
    },
    undefined,
    2,
  );
}

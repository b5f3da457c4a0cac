/** Changes as people make them: where, and the lines. */
import type { Edit } from "./edit.ts";

export interface EditInstruction {
  /** `after line 12`, without the file. */
  readonly where: string;
  /** Ready for pasting; none where a line is taken away. */
  readonly lines: readonly string[];
}

/** The instruction for an edit. */
export function instruction(edit: Edit): EditInstruction {
  const { statement } = edit;
  const { startLine } = statement;
  const lines = startLine === statement.line ? `line ${startLine}` : `lines ${startLine} to ${statement.line}`;
  switch (edit.kind) {
    case "after":
      return {
        where: `add after line ${statement.block === undefined ? statement.line : startLine}`,
        lines: edit.lines,
      };
    case "before":
      return { where: `add above line ${startLine}`, lines: edit.lines.filter((line) => line !== "") };
    case "open":
      return { where: `add in the block of line ${startLine}`, lines: edit.lines };
    case "replace":
      return { where: `replace ${lines} by`, lines: [edit.line] };
    case "remove":
      return { where: statement.block === undefined ? `remove ${lines}` : `remove the block of ${lines}`, lines: [] };
  }
}

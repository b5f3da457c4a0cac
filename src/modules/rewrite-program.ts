/** What the statements of a rewrite level become: a list of steps that a request runs through (ngx_http_script.c). */
import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import type { Request } from "../http/request.ts";
import { escapeUri } from "../http/uri.ts";
import { DECLINED } from "../http/verdict.ts";
import { type TemplatePart, templateParts } from "../template/template.ts";

/** A step's answer while the program goes on; any other value is the verdict that ends it. */
export const NEXT = -100;

/** One statement. Returns NEXT or the verdict that ends the rewrite phase. */
export type Step = (r: Request) => number;

/**
 * nginx percent-encodes captures in `set` and redirects until a `rewrite` of the same program has matched. Programs do
 * not wait and do not nest, so one flag serves them all.
 */
let escapesCaptures = true;

/** Called by a `rewrite` that matched. */
export function stopEscapingCaptures(): void {
  escapesCaptures = false;
}

/** Runs a level's program; the verdict for the rewrite phase. */
export function runProgram(steps: readonly Step[], r: Request): number {
  escapesCaptures = true;
  const verdict = runSteps(steps, r);
  return verdict === NEXT ? DECLINED : verdict;
}

/** Runs statements one after another, as the body of an `if`. */
export function runSteps(steps: readonly Step[], r: Request): number {
  for (let i = 0; i < steps.length; i++) {
    const verdict = steps[i]!(r);
    if (verdict !== NEXT) return verdict;
  }
  return NEXT;
}

/** Whether the path was sent with escapes, so that a capture of it must be escaped where it goes into a URI again. */
function pathWasEscaped(r: Request): boolean {
  const uri = r.unparsedUri;
  for (let i = 0; i < uri.length; i++) {
    const c = uri.charCodeAt(i);
    if (c === 0x3f) return false;
    if (c === 0x25 || c === 0x2b) return true;
  }
  return false;
}

/** A text of a program. `evaluate` with `escapes` percent-encodes captures of a path that was sent with escapes. */
export interface ProgramText {
  evaluate(r: Request, escapes: boolean): string;
}

function joinParts(parts: readonly TemplatePart[], r: Request, escapes: boolean): string {
  let text = "";
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (typeof part === "string") text += part;
    else if (typeof part === "object") text += part.get(r) ?? "";
    else {
      const capture = r.captures?.[part];
      if (capture === undefined) continue;
      text += escapes && pathWasEscaped(r) ? escapeUri(capture, "args") : capture;
    }
  }
  return text;
}

/** The text of parts that were split already. */
export function programText(parts: readonly TemplatePart[]): ProgramText {
  const [only] = parts;
  if (only === undefined) return { evaluate: () => "" };
  if (parts.length === 1 && typeof only === "string") return { evaluate: () => only };
  return { evaluate: (r, escapes) => joinParts(parts, r, escapes) };
}

/** A text computed while the program runs. */
export type StepText = (r: Request) => string;

/** A value in `set` or after `=`: its captures are escaped as nginx does it there. */
export function compileValue(text: string, site: DirectiveSite): StepText | ConfigFault {
  const parts = templateParts(text, site);
  if (parts instanceof ConfigFault) return parts;
  const compiled = programText(parts);
  return (r) => compiled.evaluate(r, escapesCaptures);
}

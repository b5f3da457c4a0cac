/** Differences of two texts, line by line, in the form that patch(1) reads. */

/** Lines shown before and after each change. */
const CONTEXT = 3;
/** Lines passed over, of both texts together, before the rest counts as another text. */
const FURTHEST = 2000;

interface Step {
  readonly sign: " " | "-" | "+";
  readonly line: string;
}

/** A unified diff; "" for equal texts. */
export function unifiedDiff(path: string, before: string, after: string): string {
  if (before === after) return "";
  const hunks = hunksOf(steps(linesOf(before), linesOf(after)));
  const name = path.replace(/^\//, "");
  return `--- a/${name}\n+++ b/${name}\n${hunks.join("")}`;
}

/** Lines with their ends. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/**
 * Lines taken away and put in, from one place where both texts go on alike to the next. Not always the fewest, but near it
 * for texts that were edited here and there, and in one pass over files of any length.
 */
function steps(a: readonly string[], b: readonly string[]): Step[] {
  const out: Step[] = [];
  let x = 0;
  let y = 0;
  while (x < a.length || y < b.length) {
    if (x < a.length && a[x] === b[y]) {
      out.push({ sign: " ", line: a[x] ?? "" });
      x++;
      y++;
      continue;
    }
    const [less, more] = nextMeeting(a, b, x, y);
    for (const end = x + less; x < end; x++) out.push({ sign: "-", line: a[x] ?? "" });
    for (const end = y + more; y < end; y++) out.push({ sign: "+", line: b[y] ?? "" });
  }
  return out;
}

/** How many lines of each text to pass over until they go on alike, for two lines at least where there are two. */
function nextMeeting(a: readonly string[], b: readonly string[], x: number, y: number): readonly [number, number] {
  const [left, right] = [a.length - x, b.length - y];
  for (let distance = 1; distance <= Math.min(left + right, FURTHEST); distance++) {
    for (let less = Math.max(0, distance - right); less <= Math.min(distance, left); less++) {
      const [i, j] = [x + less, y + distance - less];
      if (a[i] === b[j] && a[i + 1] === b[j + 1]) return [less, distance - less];
    }
  }
  return [left, right];
}

function hunksOf(all: readonly Step[]): string[] {
  const changes = all.flatMap(({ sign }, i) => (sign === " " ? [] : [i]));
  const ranges: [from: number, to: number][] = [];
  for (const i of changes) {
    const last = ranges.at(-1);
    if (last !== undefined && i - last[1] <= 2 * CONTEXT) last[1] = i;
    else ranges.push([i, i]);
  }
  return ranges.map(([first, last]) => {
    const from = Math.max(0, first - CONTEXT);
    const shown = all.slice(from, last + CONTEXT + 1);
    const count = (list: readonly Step[], but: string): number => list.filter(({ sign }) => sign !== but).length;
    const before = all.slice(0, from);
    const start = (but: string): number => count(before, but) + (count(shown, but) === 0 ? 0 : 1);
    const head = `@@ -${start("+")},${count(shown, "+")} +${start("-")},${count(shown, "-")} @@\n`;
    return (
      head +
      shown
        .map(({ sign, line }) => sign + (line.endsWith("\n") ? line : `${line}\n\\ No newline at end of file\n`))
        .join("")
    );
  });
}

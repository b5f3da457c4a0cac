/** Differences of two texts, line by line, in the form that patch(1) reads. */

/** Lines shown before and after each change. */
const CONTEXT = 3;

interface Step {
  readonly sign: " " | "-" | "+";
  readonly line: string;
}

/** A unified diff; "" for equal texts. */
export function unifiedDiff(path: string, before: string, after: string): string {
  if (before === after) return "";
  const steps = shortestEdit(linesOf(before), linesOf(after));
  const hunks = hunksOf(steps);
  const name = path.replace(/^\//, "");
  return `--- a/${name}\n+++ b/${name}\n${hunks.join("")}`;
}

/** Lines with their ends. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** Myers' greedy algorithm: the fewest lines taken away and put in. */
function shortestEdit(a: readonly string[], b: readonly string[]): Step[] {
  const max = a.length + b.length;
  const trail: Map<number, number>[] = [];
  let reach = new Map<number, number>([[1, 0]]);
  for (let d = 0; d <= max; d++) {
    trail.push(reach);
    const next = new Map(reach);
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
      let x = down ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      next.set(k, x);
      if (x >= a.length && x - k >= b.length) return walkBack(trail, a, b, d);
    }
    reach = next;
  }
  return [];
}

function walkBack(
  trail: readonly Map<number, number>[],
  a: readonly string[],
  b: readonly string[],
  last: number,
): Step[] {
  const steps: Step[] = [];
  let x = a.length;
  let y = b.length;
  for (let d = last; d >= 0; d--) {
    const reach = trail[d] ?? new Map<number, number>();
    const k = x - y;
    const down = k === -d || (k !== d && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
    const fromK = down ? k + 1 : k - 1;
    const fromX = d === 0 ? 0 : (reach.get(fromK) ?? 0);
    const fromY = d === 0 ? 0 : fromX - fromK;
    while (x > fromX && y > fromY) {
      steps.push({ sign: " ", line: a[--x] ?? "" });
      y--;
    }
    if (d === 0) break;
    if (down) steps.push({ sign: "+", line: b[--y] ?? "" });
    else steps.push({ sign: "-", line: a[--x] ?? "" });
  }
  return steps.reverse();
}

function hunksOf(steps: readonly Step[]): string[] {
  const changes = steps.flatMap(({ sign }, i) => (sign === " " ? [] : [i]));
  const ranges: [from: number, to: number][] = [];
  for (const i of changes) {
    const last = ranges.at(-1);
    if (last !== undefined && i - last[1] <= 2 * CONTEXT) last[1] = i;
    else ranges.push([i, i]);
  }
  return ranges.map(([first, last]) => {
    const from = Math.max(0, first - CONTEXT);
    const shown = steps.slice(from, last + CONTEXT + 1);
    const count = (list: readonly Step[], but: string): number => list.filter(({ sign }) => sign !== but).length;
    const before = steps.slice(0, from);
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

/** The word that was meant by one with a slip in it. */

/** A slip in words as short as this is another word. */
const MIN_LENGTH = 5;
/** In longer ones two may be. */
const LONG = 10;

/** The only known word, or the first of the nearest, that is a slip or two away; undefined where none is. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  if (word.length < MIN_LENGTH) return undefined;
  const most = word.length < LONG ? 1 : 2;
  let best: string | undefined;
  let bestSlips = most + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) > most) continue;
    const slips = slipsBetween(word, candidate);
    if (slips >= bestSlips) continue;
    best = candidate;
    bestSlips = slips;
  }
  return best;
}

/** Letters added, left out, changed or swapped with the next (Damerau's distance, neighbours once). */
function slipsBetween(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      next.push(least);
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}

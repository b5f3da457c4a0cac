/** Seeded random input for the fuzz tests of the protocol parsers. */

/** Numbers from 0 to n - 1, the same for the same seed (the mulberry32 generator). */
export type Random = (n: number) => number;

export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

/** The seed of this run: `FUZZ_SEED` repeats one. */
export function fuzzSeed(): number {
  const { FUZZ_SEED: given } = process.env;
  const seed = given === undefined ? Math.floor(Math.random() * 0x7fffffff) : Number(given);
  console.log(`FUZZ_SEED=${seed}`);
  return seed;
}

const INTERESTING = "\r\n\0 \t:;,/?#%.HTTP10azAZ_-\x7f\x80\xff";

/** Random bytes, half of them such as mean something to a parser. */
export function randomText(random: Random, maxLength: number): string {
  let text = "";
  for (let n = random(maxLength + 1); n > 0; n--) {
    text += random(2) === 0 ? INTERESTING.charAt(random(INTERESTING.length)) : String.fromCharCode(random(256));
  }
  return text;
}

/** `text` with a few bytes changed, dropped, doubled or put in. */
export function mutate(random: Random, text: string): string {
  let mutant = text;
  for (let n = 1 + random(4); n > 0; n--) {
    const at = random(mutant.length + 1);
    const kind = random(5);
    const head = mutant.slice(0, at);
    if (kind === 0) mutant = head + mutant.slice(at + 1 + random(4));
    else if (kind === 1) mutant = head + randomText(random, 3) + mutant.slice(at);
    else if (kind === 2) mutant = head + randomText(random, 2) + mutant.slice(at + 1);
    else if (kind === 3) mutant = head + mutant.slice(random(mutant.length + 1), at + random(20)) + mutant.slice(at);
    else mutant = head;
  }
  return mutant;
}

/** Places to cut a text of that length, ascending. */
export function randomCuts(random: Random, length: number): number[] {
  const cuts = Array.from({ length: random(6) }, () => random(length + 1));
  return cuts.sort((a, b) => a - b);
}

/** Parses a text that comes in pieces, cut at `cuts`: all that came of it, as text. */
export type CutRun<P> = (parser: P, text: string, cuts: readonly number[]) => string;

/**
 * One parser reads `rounds` random and mutated texts, whole, cut somewhere, and byte by byte: the outcome must be the same,
 * and it must read `good` afterwards as a new parser does.
 */
export function checkCuts<P>(
  rounds: number,
  make: () => P,
  run: CutRun<P>,
  good: string,
  texts: readonly string[],
): void {
  const seed = fuzzSeed();
  const random = seededRandom(seed);
  const parser = make();
  const expected = run(make(), good, []);
  for (let round = 0; round < rounds; round++) {
    const text = random(5) === 0 ? randomText(random, 120) : mutate(random, texts[random(texts.length)]!);
    const outcomes = [[], randomCuts(random, text.length), [...text].map((_, at) => at)].map((cuts) =>
      run(parser, text, cuts),
    );
    const again = run(parser, good, []);
    if (new Set(outcomes).size === 1 && again === expected) continue;
    throw new Error(`seed ${seed}, round ${round}: ${JSON.stringify(text)}\n${outcomes.join("\n")}\n${again}`);
  }
}

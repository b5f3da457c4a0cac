/**
 * A backtracking matcher that gives up: JavaScript's engine has no bound, and one request could hold a worker for hours
 * where nginx answers 500 (pcre2_set_match_limit). Matches what JavaScript would, some ten times slower, so it is used
 * only where a subject is long enough for a pattern to become slow.
 */
import { type RegexNode, type RegexTree, WORD_SET } from "./regex-tree.ts";

/** Steps of one match before it is given up; some hundred milliseconds. PCRE's own limit is 10,000,000 of its kind. */
export const MAX_STEPS = 3_000_000;

/** Thrown by a match that was given up: no bug, so its message is all there is to tell. */
export class MatchLimit extends Error {
  override readonly stack: string;

  constructor(message: string) {
    super(message);
    this.stack = message;
  }
}

/** Goes on from a position; the end of the match, or -1. */
type Step = (at: number) => number;

const NO_MATCH = -1;

/** What a step works on: one match at a time. */
interface Run {
  subject: string;
  stepsLeft: number;
  /** By group: where it began when it was last entered; then start and end of what it matched, -1 for nothing. */
  readonly opened: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Finds the first match, as `exec` of a RegExp without flags; throws MatchLimit after `maxSteps`. */
export function boundedMatcher(
  { root, groupCount, names }: RegexTree,
  maxSteps: number,
): (subject: string) => RegExpExecArray | null {
  const run: Run = {
    subject: "",
    stepsLeft: 0,
    opened: new Int32Array(groupCount + 1),
    starts: new Int32Array(groupCount + 1),
    ends: new Int32Array(groupCount + 1),
  };
  const match = compile(root, (at) => at, false, run);
  const needed = [...neededBytes(root)].map((byte) => String.fromCharCode(byte));
  return (subject) => {
    if (!needed.every((character) => subject.includes(character))) return null;
    run.subject = subject;
    run.stepsLeft = maxSteps;
    run.starts.fill(-1);
    run.ends.fill(-1);
    for (let from = 0; from <= subject.length; from++) {
      const end = attempt(match, from);
      if (end >= 0) return result(run, from, end, names);
    }
    return null;
  };
}

function attempt(match: Step, from: number): number {
  try {
    return match(from);
  } catch (error) {
    // Repeated groups nest one call in another: the stack's end is a limit, too.
    throw error instanceof RangeError ? new MatchLimit("stack exceeded") : error;
  }
}

function result({ subject, starts, ends }: Run, from: number, end: number, names: RegexTree["names"]): RegExpExecArray {
  const captures: (string | undefined)[] = [subject.slice(from, end)];
  for (let i = 1; i < starts.length; i++) captures.push(starts[i]! < 0 ? undefined : subject.slice(starts[i], ends[i]));
  const groups: Record<string, string | undefined> = {};
  for (const [name, index] of names) groups[name] = captures[index];
  const array = captures as string[];
  return Object.assign(array as [string, ...string[]], {
    index: from,
    input: subject,
    groups: names.size === 0 ? undefined : (groups as Record<string, string>),
  }) as RegExpExecArray;
}

/** Bytes without which nothing matches: most subjects that a pattern is slow on lack one (as PCRE's "last code unit"). */
function neededBytes(node: RegexNode): Set<number> {
  switch (node.kind) {
    case "set": {
      const first = node.set.indexOf(1);
      return new Set(first >= 0 && node.set.indexOf(1, first + 1) < 0 ? [first] : []);
    }
    case "sequence":
      return new Set(node.items.flatMap((item) => [...neededBytes(item)]));
    case "group":
      return neededBytes(node.body);
    case "repeat":
      return node.least > 0 ? neededBytes(node.body) : new Set();
    default:
      return new Set();
  }
}

function spend(run: Run): void {
  if (--run.stepsLeft < 0) throw new MatchLimit("steps exceeded");
}

/** `behind`: reads towards the start, as in a lookbehind. */
function compile(node: RegexNode, next: Step, behind: boolean, run: Run): Step {
  switch (node.kind) {
    case "set":
      return oneOf(node.set, next, behind, run);
    case "sequence": {
      let step = next;
      const items = behind ? node.items : node.items.toReversed();
      for (const item of items) step = compile(item, step, behind, run);
      return step;
    }
    case "choice": {
      const options = node.options.map((option) => compile(option, next, behind, run));
      return (at) => {
        spend(run);
        for (const option of options) {
          const end = option(at);
          if (end >= 0) return end;
        }
        return NO_MATCH;
      };
    }
    case "group":
      return group(node.index, node.body, next, behind, run);
    case "repeat":
      return node.body.kind === "set"
        ? repeatSet(node.body.set, node, next, behind, run)
        : repeat(node, next, behind, run);
    case "look":
      return look(node.body, node.negative, node.behind, next, run);
    case "reference":
      return reference(node.index, node.caseless, next, behind, run);
    case "start":
      return (at) => (at === 0 ? next(at) : NO_MATCH);
    case "end":
      return (at) => (at === run.subject.length ? next(at) : NO_MATCH);
    case "boundary":
      return (at) => (isWord(run, at - 1) !== isWord(run, at) ? next(at) : NO_MATCH);
    case "no-boundary":
      return (at) => (isWord(run, at - 1) === isWord(run, at) ? next(at) : NO_MATCH);
  }
}

function isWord({ subject }: Run, at: number): boolean {
  return at >= 0 && at < subject.length && WORD_SET[subject.charCodeAt(at)] === 1;
}

function oneOf(set: Uint8Array, next: Step, behind: boolean, run: Run): Step {
  if (behind) return (at) => (at > 0 && set[run.subject.charCodeAt(at - 1)] === 1 ? next(at - 1) : NO_MATCH);
  return (at) => (at < run.subject.length && set[run.subject.charCodeAt(at)] === 1 ? next(at + 1) : NO_MATCH);
}

function group(index: number, body: RegexNode, next: Step, behind: boolean, run: Run): Step {
  const { opened, starts, ends } = run;
  const close: Step = (at) => {
    const start = starts[index]!;
    const end = ends[index]!;
    starts[index] = behind ? at : opened[index]!;
    ends[index] = behind ? opened[index]! : at;
    const found = next(at);
    if (found < 0) {
      starts[index] = start;
      ends[index] = end;
    }
    return found;
  };
  const inside = compile(body, close, behind, run);
  return (at) => {
    const before = opened[index]!;
    opened[index] = at;
    const found = inside(at);
    opened[index] = before;
    return found;
  };
}

interface Bounds {
  readonly least: number;
  readonly most: number;
  readonly greedy: boolean;
}

/** A repeated byte needs no call for each repetition. */
function repeatSet(set: Uint8Array, { least, most, greedy }: Bounds, next: Step, behind: boolean, run: Run): Step {
  const way = behind ? -1 : 1;
  /** How many bytes from `at` on are members, up to `limit`. */
  const count = (at: number, limit: number): number => {
    const { subject } = run;
    const room = Math.min(limit, behind ? at : subject.length - at);
    let found = 0;
    for (let i = behind ? at - 1 : at; found < room && set[subject.charCodeAt(i)] === 1; i += way) found++;
    return found;
  };
  if (greedy) {
    return (at) => {
      for (let taken = count(at, most); taken >= least; taken--) {
        spend(run);
        const end = next(at + taken * way);
        if (end >= 0) return end;
      }
      return NO_MATCH;
    };
  }
  return (at) => {
    if (count(at, least) < least) return NO_MATCH;
    for (let taken = least; ; taken++) {
      spend(run);
      const end = next(at + taken * way);
      if (end >= 0) return end;
      if (taken >= most || count(at + taken * way, 1) === 0) return NO_MATCH;
    }
  };
}

/** ECMA-262, RepeatMatcher: each round forgets what its groups matched, and an empty one beyond `least` is none. */
function repeat(node: Extract<RegexNode, { kind: "repeat" }>, next: Step, behind: boolean, run: Run): Step {
  const { least, most, greedy, groups } = node;
  const { starts, ends } = run;
  const [first, end] = groups;
  let rounds = 0;
  let begunAt = 0;
  const round: Step = (at) => {
    const [roundsBefore, begunBefore] = [rounds, begunAt];
    const oldStarts = starts.slice(first, end);
    const oldEnds = ends.slice(first, end);
    rounds++;
    begunAt = at;
    starts.fill(-1, first, end);
    ends.fill(-1, first, end);
    const found = body(at);
    rounds = roundsBefore;
    begunAt = begunBefore;
    if (found < 0) {
      starts.set(oldStarts, first);
      ends.set(oldEnds, first);
    }
    return found;
  };
  /** What comes after may enter this repetition anew, as part of an outer one. */
  const leave: Step = (at) => {
    const [roundsBefore, begunBefore] = [rounds, begunAt];
    const found = next(at);
    rounds = roundsBefore;
    begunAt = begunBefore;
    return found;
  };
  const goOn: Step = (at) => {
    spend(run);
    if (rounds < least) return round(at);
    if (rounds >= most) return leave(at);
    const found = greedy ? round(at) : leave(at);
    if (found >= 0) return found;
    return greedy ? leave(at) : round(at);
  };
  const body = compile(node.body, (at) => (rounds > least && at === begunAt ? NO_MATCH : goOn(at)), behind, run);
  return (at) => {
    const [roundsBefore, begunBefore] = [rounds, begunAt];
    rounds = 0;
    const found = goOn(at);
    rounds = roundsBefore;
    begunAt = begunBefore;
    return found;
  };
}

function look(body: RegexNode, negative: boolean, behind: boolean, next: Step, run: Run): Step {
  const inside = compile(body, (at) => at, behind, run);
  const { starts, ends } = run;
  return (at) => {
    spend(run);
    const oldStarts = starts.slice();
    const oldEnds = ends.slice();
    const matched = inside(at) >= 0;
    if (matched === negative) {
      starts.set(oldStarts);
      ends.set(oldEnds);
      return NO_MATCH;
    }
    const found = next(at);
    if (found < 0) {
      starts.set(oldStarts);
      ends.set(oldEnds);
    }
    return found;
  };
}

/** A group that has not matched is empty. */
function reference(index: number, caseless: boolean, next: Step, behind: boolean, run: Run): Step {
  const { starts, ends } = run;
  return (at) => {
    const start = starts[index]!;
    if (start < 0) return next(at);
    const { subject } = run;
    const wanted = subject.slice(start, ends[index]);
    const from = behind ? at - wanted.length : at;
    if (from < 0) return NO_MATCH;
    const there = subject.slice(from, from + wanted.length);
    if (there !== wanted && !(caseless && there.toLowerCase() === wanted.toLowerCase())) return NO_MATCH;
    return next(behind ? from : at + wanted.length);
  };
}

/** How many ways a backtracking engine may have to try a pattern on a subject, as a bound from above. */
import type { RegexNode, RegexTree } from "./regex-tree.ts";

/** A repetition that takes no more is looked at as so many alternatives, one that may take more as endless. */
const FEW = 10;

/** Ways to match a subject of n bytes: at most 2^doublings * n^degree / degree!; `endless`: more than any power of n. */
export interface RegexCost {
  readonly degree: number;
  readonly doublings: number;
  readonly endless: boolean;
}

const NONE: RegexCost = { degree: 0, doublings: 0, endless: false };

function add(a: RegexCost, b: RegexCost): RegexCost {
  return { degree: a.degree + b.degree, doublings: a.doublings + b.doublings, endless: a.endless || b.endless };
}

function max(a: RegexCost, b: RegexCost): RegexCost {
  return {
    degree: Math.max(a.degree, b.degree),
    doublings: Math.max(a.doublings, b.doublings),
    endless: a.endless || b.endless,
  };
}

/** The cost of a pattern that is tried at every place of the subject, unless it begins with `^`. */
export function regexCost({ root }: RegexTree): RegexCost {
  const cost = costOf(root);
  return beginsAtStart(root) ? cost : { ...cost, degree: cost.degree + 1 };
}

function beginsAtStart(node: RegexNode): boolean {
  switch (node.kind) {
    case "start":
      return true;
    case "sequence":
      return node.items[0] !== undefined && beginsAtStart(node.items[0]);
    case "choice":
      return node.options.every(beginsAtStart);
    case "group":
      return beginsAtStart(node.body);
    default:
      return false;
  }
}

function costOf(node: RegexNode): RegexCost {
  switch (node.kind) {
    case "sequence":
      return node.items.map(costOf).reduce(add, NONE);
    case "choice": {
      const worst = node.options.map(costOf).reduce(max, NONE);
      return { ...worst, doublings: worst.doublings + Math.ceil(Math.log2(node.options.length)) };
    }
    case "group":
    case "look":
      return costOf(node.body);
    case "repeat":
      return repeatCost(costOf(node.body), node.least, node.most);
    default:
      return NONE;
  }
}

function repeatCost(body: RegexCost, least: number, most: number): RegexCost {
  const varies = body.degree > 0 || body.doublings > 0 || body.endless;
  if (most > FEW) return { ...add(body, { ...NONE, degree: most > least ? 1 : 0 }), endless: varies };
  let cost: RegexCost = { ...NONE, doublings: Math.ceil(Math.log2(most - least + 1)) };
  for (let i = 0; i < most; i++) cost = add(cost, body);
  return cost;
}

/** Ways that JavaScript's engine tries in some 50 ms: a few where groups repeat, many where only bytes do. */
const QUICK_WAYS = 100_000_000;
const QUICK_ENDLESS_WAYS = 2 ** 20;

/** The longest subject that a pattern of that cost is tried on in some 50 ms at worst; Infinity where any is. */
export function longestQuickSubject({ degree, doublings, endless }: RegexCost): number {
  const left = (endless ? QUICK_ENDLESS_WAYS : QUICK_WAYS) / 2 ** doublings;
  if (endless) return Math.max(0, Math.floor(Math.log2(left)));
  if (degree === 0) return left >= 1 ? Number.POSITIVE_INFINITY : 0;
  let factorial = 1;
  for (let i = 2; i <= degree; i++) factorial *= i;
  return Math.floor((left * factorial) ** (1 / degree));
}

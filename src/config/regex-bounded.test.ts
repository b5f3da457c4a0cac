import { describe, expect, test } from "bun:test";
import { fuzzSeed, seededRandom } from "../http/fuzz-input.ts";
import { ConfigFault } from "./directive.ts";
import { compileRegex } from "./regex.ts";
import { boundedMatcher, MAX_STEPS, MatchLimit } from "./regex-bounded.ts";
import { longestQuickSubject, regexCost } from "./regex-cost.ts";
import { parseRegex } from "./regex-tree.ts";

type Found = { at: number; captures: (string | undefined)[]; groups: unknown } | null;

function found(match: RegExpExecArray | null): Found {
  return match && { at: match.index, captures: [...match], groups: match.groups && { ...match.groups } };
}

function bounded(source: string, subject: string, maxSteps = MAX_STEPS): Found | "given up" {
  const tree = parseRegex(source);
  if (tree === undefined) throw new Error(`not read: ${source}`);
  try {
    return found(boundedMatcher(tree, maxSteps)(subject));
  } catch (error) {
    if (error instanceof MatchLimit) return "given up";
    throw error;
  }
}

/** What JavaScript finds: the oracle. */
function native(source: string, subject: string): Found {
  return found(new RegExp(source).exec(subject));
}

describe("matches what JavaScript does", () => {
  for (const [source, ...subjects] of [
    ["abc", "xabcx", "ab"],
    ["^a|b$", "ab", "cb", "ba"],
    ["(a)|(b)", "b", "a"],
    ["(?<x>a+)(?<y>b*)", "caab", "b"],
    ["(a*)*", "aab", ""],
    ["(a*)+", "b", "aa"],
    ["(?:a|(b))*", "ba", "ab"],
    ["(z)((a+)?(b+)?(c))*", "zaacbbbcac"],
    ["(a{2,3}){2}", "aaaaa", "aaa"],
    ["a{0}b", "ab"],
    ["(?:a??){3}b", "aab"],
    ["(?:|a)+b", "aab"],
    ["a*?b", "aab"],
    ["(a+?)(a*)", "aaa"],
    ["[^\\x2f]+\\x2f([^]*)", "ab/cd/"],
    ["[a-cx\\x2d]+", "b-xd"],
    ["[^]*b", "a\nbab"],
    ["(?=(a+))\\1b", "aab", "aac"],
    ["(?!a)[^]", "ab"],
    ["(?<=a)b", "ab", "cb"],
    ["(?<=([ab]+)([bc]+))$", "abc"],
    ["(?<!a)b", "abb"],
    ["(?<=\\1(a))b", "aab"],
    ["\\b\\w+\\b", " ab "],
    ["\\Bb", "ab b"],
    ["(a)?\\1b", "aab", "b"],
    ["(A)(?i:\\1)", "Aa"],
    ["(?=\\n?$)", "a\n"],
    ["((?:\\1b|a)+)", "aab"],
  ] as const) {
    test(source, () => {
      for (const subject of subjects) expect(bounded(source, subject)).toEqual(native(source, subject));
    });
  }

  test("any pattern", () => {
    const seed = fuzzSeed();
    const random = seededRandom(seed);
    const pick = <T>(items: readonly T[]): T => items[random(items.length)]!;
    let groups = 0;
    const atom = (depth: number): string => {
      switch (pick(depth > 3 ? [0, 1] : [0, 0, 1, 2, 3, 4, 5, 6])) {
        case 0:
          return pick(["a", "b", "c", "\\x2f"]);
        case 1:
          return pick(["[ab]", "[^a]", "[^]", "[b-c]"]);
        case 2:
          groups++;
          return `(${pattern(depth + 1)})`;
        case 3:
          return `(?:${pattern(depth + 1)})`;
        case 4:
          return `(?:${pick(["(?=", "(?!", "(?<=", "(?<!"])}${pattern(depth + 1)}))`;
        case 5:
          return groups > 0 ? `(?:\\${1 + random(groups)})` : "b";
        default:
          return pick(["^", "$", "\\b", "\\B", "a"]);
      }
    };
    const repeated = (text: string): string =>
      /^[\^$]$|^\\[bB]$/.test(text)
        ? text
        : text + pick(["", "", "", "*", "+", "?", "{2}", "{1,2}", "{2,}", "*?", "??"]);
    const pattern = (depth: number): string => {
      const options = Array.from({ length: pick([1, 1, 2]) }, () =>
        Array.from({ length: pick([0, 1, 2, 3]) }, () => repeated(atom(depth))).join(""),
      );
      return options.join("|");
    };
    for (let i = 0; i < 4000; i++) {
      groups = 0;
      const source = pattern(0);
      const subject = Array.from({ length: pick([0, 1, 3, 6]) }, () => pick(["a", "b", "c", "/"])).join("");
      // A known fault of JavaScriptCore (Bun 1.4.5): it backtracks into lookaheads that hold ^, and forgets rounds there.
      if (/\(\?[=!][^)]*\^/.test(source)) continue;
      const context = `FUZZ_SEED=${seed} ${source} on ${JSON.stringify(subject)}`;
      const ours = bounded(source, subject, 20_000);
      if (ours !== "given up") expect([context, ours]).toEqual([context, native(source, subject)]);
    }
  });
});

describe("how long a subject may be for JavaScript's engine", () => {
  for (const [source, longest] of [
    ["^abc", Number.POSITIVE_INFINITY],
    ["\\x2ephp$", 100_000_000],
    ["^\\x2f([^]*)", 100_000_000],
    ["^[^]*\\x2f[^]*$", 14_142],
    ["^[^]*\\x2f[^]*\\x2f[^]*$", 843],
    ["(a+)+", 20],
    ["(?:a|ab)*", 19],
    ["^(?:[0-9]{1,3}\\x2e){3}", Number.POSITIVE_INFINITY],
    ["^a{0,1000}a{0,1000}a{0,1000}$", 843],
  ] as const) {
    test(source, () => {
      const tree = parseRegex(source);
      expect(tree === undefined ? undefined : longestQuickSubject(regexCost(tree))).toBe(longest);
    });
  }
});

describe("patterns of configurations that would take hours", () => {
  for (const [pattern, subject] of [
    ["^(a+)+$", `${"a".repeat(60)}!`],
    ["^/(.*)/(.*)/(.*)/(.*)\\.php$", `${"/a".repeat(4000)}.php/`],
    ["^(?:.*?,){11}P", "1,".repeat(400)],
    ["(x+x+)+y", `${"x".repeat(500)}z\ny`],
    ["^(([a-z])+.)+[A-Z]([a-z])+$", "a".repeat(5000)],
    ["^(?:a|aa)+$", `${"a".repeat(8000)}b`],
  ] as const) {
    test(pattern, () => {
      const compiled = compileRegex(pattern, false);
      if (compiled instanceof ConfigFault) throw new Error(compiled.message);
      let message = "no match";
      try {
        compiled.regex.exec(subject);
      } catch (error) {
        expect(error).toBeInstanceOf(MatchLimit);
        message = String(error);
      }
      expect(["no match", `Error: pcre2_match() failed: -47 on "${subject}" using "${pattern}"`]).toContain(message);
    });
  }

  test("what matches on a long subject is found with its captures", () => {
    const compiled = compileRegex("^/(?<a>.*)/(.*)/(.*)\\.php$", false);
    if (compiled instanceof ConfigFault) throw new Error(compiled.message);
    const match = compiled.regex.exec(`/${"x/".repeat(1000)}index.php`);
    expect([match?.[2], match?.[3], match?.groups?.["a"]?.length]).toEqual(["x", "index", 1997]);
  });
});

/** Patterns, translated and run as JavaScript, beside the real PCRE: same matches, same captures, same complaints. */
import { describe, expect, test } from "bun:test";
import { compileRegex } from "../../src/config/regex.ts";
import { fuzzSeed, seededRandom } from "../../src/http/fuzz-input.ts";
import { openPcre, type PcrePattern } from "./pcre.ts";

const pcre = openPcre();
if (pcre === undefined) console.log("libpcre2-8 is not installed: the comparison of regular expressions is skipped");
const differential = describe.skipIf(pcre === undefined);

/** Tried with every pattern that compiles, besides the row's own subjects. */
const SUBJECTS = [
  "",
  "a",
  "A",
  "ab",
  "aab",
  "abab",
  "foo.php",
  "/Foo/Bar.PHP",
  "a b",
  "a\n",
  "\na",
  "a\nb\n",
  "\xe9\xc9",
  "-",
  "]",
];

const MATCHES: readonly [pattern: string, ...subjects: string[]][] = [
  ["\\.php$", "/a.php", "/a.php\n", "/a.php\n\n", "/aXphp"],
  ["^/(\\d+)/(.*)$", "/12/abc", "/12/ab\n", "/x/"],
  ["^(?<user>[a-z]+)\\.(?<domain>example\\.com)$", "bob.example.com", "Bob.example.com"],
  ["^(?P<user>[a-z]+)@", "bob@"],
  ["^(?'user'[a-z]+)@", "bob@"],
  ["(?i)abc", "xABc", "abd"],
  ["a(?i)b|c", "aB", "Ab", "C", "c"],
  ["(a(?i)b)c", "aBc", "aBC"],
  ["(?i:a)b", "Ab", "AB"],
  ["(?-i:a)B", "aB", "ab", "AB"],
  ["(?s).", "\n"],
  [".", "\n", "\r"],
  ["(?s)a.b", "a\nb"],
  ["(?m)^a$", "b\na\nc", "a\n", "\n"],
  ["(?m)^", "\n", "a\n"],
  ["(?m)$", "\n"],
  ["(?x) a b # comment\n c", "abc", "a b c"],
  ["(?x)a +", "aaa"],
  ["(?xx)[a b]+", "a b", "ab"],
  ["(?x)[a b]+", "a b"],
  ["(?#comment)a", "a"],
  ["a++b", "aab"],
  ["a++ab", "aaab"],
  ["(?>a+)ab", "aaab"],
  ["(?>a|ab)c", "abc", "ac"],
  ["(a)(?>b(c))(d)\\2", "abcdc"],
  ["(?:a(b)?)++c", "ababc"],
  ["\\Aa\\z", "a", "a\n"],
  ["a\\Z", "a", "a\n", "a\n\n"],
  ["\\Ga", "a", "ba"],
  ["\\h+", "\t \xa0", "\n"],
  ["\\H", "\t", "x"],
  ["\\v", "\x0b", "\x85"],
  ["\\R", "\r\n", "\n", "\x85", "\r"],
  ["^\\R\\n", "\r\n", "\r\n\n"],
  ["\\N", "\n", "a"],
  ["\\C", "\n"],
  ["\\Qa.b*\\E+", "a.b***", "aXb"],
  ["\\Qa.b", "a.b"],
  ["a\\Eb", "ab"],
  ["\\x41\\x{42}\\x", "AB\0"],
  ["\\101\\o{102}\\07", "AB\x07"],
  ["\\cA\\e\\a\\f\\t", "\x01\x1b\x07\f\t"],
  ["[[:alpha:]]+", "ab1", "\xe9"],
  ["[[:^alpha:]_]+", "12_ab"],
  ["[[:punct:][:space:]]+", "!? ,"],
  ["[[:word:]-]+", "a-b"],
  ["[[:<:]]b", "ab b"],
  ["b[[:>:]]", "ab b"],
  ["[\\w.-]+", "a-b.c"],
  ["[]a]+", "]a"],
  ["[^]a]+", "]ab"],
  ["[a\\]b]+", "a]b"],
  ["[\\d\\-x]+", "1-x"],
  ["[a-\\x{63}]+", "abcd"],
  ["[\\Qa-c\\E]+", "a-cb"],
  ["[\\b]", "\b"],
  ["[a-]+", "a-"],
  ["[-a]+", "-a"],
  ["[\x80-\xff]+", "\xe9\xc9"],
  ["\xe9", "\xe9", "\xc9"],
  ["(?i)\xe9", "\xe9", "\xc9"],
  ["(?i)[a-c\xe9]+", "ABC\xe9\xc9"],
  ["(?i)[^a]", "A", "b"],
  ["(?i)\\x41", "a"],
  ["(?i)[[:upper:]]", "a"],
  ["(?i)k\xff\xb5", "K\xff\xb5", "\u212a".slice(0, 0)],
  ["\\w+\\W", "\xe9 a!"],
  ["\\s", "\x0b", "\xa0", "\x85"],
  ["\\bfoo\\b", "a foo.", "foob"],
  ["(a)\\1", "aa"],
  ["(?i)(a)\\1", "aA"],
  ["(a)\\g1\\g{1}\\g{-1}", "aaaa"],
  ["(?<n>a)\\k<n>\\k'n'\\k{n}\\g{n}(?P=n)", "aaaaaa"],
  ["(a)\\11", "aa1", "a\t"],
  ["(a)\\10", "a\b"],
  ["(?|(a)|(b))(c)", "ac", "bc"],
  ["(?|(a)(x)|(b))(c)", "axc", "bc"],
  ["(?|(a)|(b))\\1", "aa", "bb", "ab"],
  ["(?J)(?<n>a)|(?<n>b)", "a", "b"],
  ["(?J)(?:(?<n>a)|(?<n>b))\\k<n>", "aa", "bb", "ab"],
  ["(?n)(a)(?<x>b)", "ab"],
  ["(?U)a+", "aaa"],
  ["(?U)a+?", "aaa"],
  ["(?^i:a)", "A"],
  ["(?=a)b|(?!a)b", "b"],
  ["(?<=a)b", "ab", "bb"],
  ["(?<!a)b", "ab", "bb"],
  ["(*pla:a)a", "a"],
  ["(*atomic:a+)a", "aa"],
  ["(?=a)*b", "b"],
  ["(?<=a){0}b", "b"],
  ["a\\E*(?#x)b", "aab"],
  ["a{2}", "aa"],
  ["a{2,}", "aaa"],
  ["a{1,2}?", "aa"],
  ["a{,2}", "a{,2}"],
  ["a{", "a{"],
  ["a{x}", "a{x}"],
  ["{a}", "{a}"],
  ["x{0}a", "a"],
  ["a}", "a}"],
  ["]", "]"],
  ["(*UTF8)a", "a"],
  ["^/<G1>(a)<R1>", "/<G1>a<R1>"],
  ["(?<G1>a)(?<A1>b)(?<N1>c)++", "abc"],
  ["/", "/"],
  ["^(?:www\\.)?([^.]+)\\.(?:com|org)$", "www.a.com", "b.org"],
  ["", "a"],
  ["a|", "b"],
  ["()|a", "a"],
  ["(?:)", ""],
];

const FAULTS: readonly string[] = [
  "*a",
  "a**",
  "+",
  "?x",
  "(*a)b|{2}",
  "\\b+a",
  "^*a",
  "[[.a.]]",
  "a*?+",
  "a*+?",
  "\\81",
  "\\g",
  "\\g{}",
  "\\g-1",
  "\\k{",
  "(?Px)",
  "(?P=x)",
  "(?P=x",
  "(?i--)",
  "(?|(?<n>a)|(?<m>b))",
  "\\N{U+41}",
  "[a-[:alpha:]]",
  "[[:alpha:]-z]",
  "\\o{}",
  "\\cé",
  "(",
  "(a",
  "a)",
  "a)b",
  "(?",
  "(?z)",
  "(?:a",
  "[a",
  "[",
  "[]",
  "[z-a]",
  "[\\d-z]",
  "[a-\\d]",
  "[[:foo:]]",
  "[:alpha:]",
  "[[.a.]]",
  "\\",
  "a\\",
  "[\\",
  "\\y",
  "\\u0041",
  "\\L",
  "\\x{100}",
  "\\x{zz}",
  "\\x{41",
  "\\o41",
  "\\o{9}",
  "\\c",
  "\\1",
  "(a)\\2",
  "\\k<n>",
  "\\kn",
  "\\g{2}(a)",
  "(?<n>a)(?<n>b)",
  "(?<1n>a)",
  "(?<>a)",
  "(?<n",
  "(?<n-m>a)",
  "(?<nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn>a)",
  "a{2,1}",
  "a{65536}",
  "a{1,65536}",
  "(?#a",
  "{2}",
  "(?i)*",
  "|*",
  "(*)",
  "(".repeat(251) + ")".repeat(251),
  "[\\R]",
  "[\\N]",
  "a+++",
  "a??*",
  "\\777",
];

function ours(pattern: string, caseless: boolean): PcrePattern | string {
  const compiled = compileRegex(pattern, caseless);
  if (!("regex" in compiled)) return compiled.message;
  const { regex, captureCount } = compiled;
  const match = (subject: string) => {
    const found = regex.exec(subject);
    return found === null ? undefined : Array.from({ length: captureCount + 1 }, (_, index) => found[index]);
  };
  return { error: undefined, offset: 0, match };
}

differential("matches and captures", () => {
  for (const [pattern, ...subjects] of MATCHES) {
    for (const caseless of [false, true]) {
      test(`${JSON.stringify(pattern)}${caseless ? " caseless" : ""}`, () => {
        const theirs = pcre?.(pattern, caseless);
        const mine = ours(pattern, caseless);
        if (typeof mine === "string") throw new Error(mine);
        expect(theirs?.error).toBeUndefined();
        for (const subject of [...subjects, ...SUBJECTS]) {
          expect({ subject, captures: mine.match(subject) }).toEqual({ subject, captures: theirs?.match(subject) });
        }
      });
    }
  }
});

differential("complaints", () => {
  for (const pattern of FAULTS) {
    test(pattern.slice(0, 40), () => {
      const theirs = pcre?.(pattern, false);
      const offset = theirs?.offset ?? 0;
      const place = offset < pattern.length ? ` at "${pattern.slice(offset)}"` : "";
      expect(ours(pattern, false)).toBe(`pcre2_compile() failed: ${theirs?.error} in "${pattern}"${place}`);
    });
  }
});

const ATOMS = "a b c A . \\d \\w \\W \\s [ab] [^a] [^a-c] \\n \\R ^ $ \\b \\B \\A \\z \\Z - é".split(" ");
const QUANTIFIERS = ["", "", "", "", "?", "*", "+", "{2}", "{0,1}", "{1,}", "*?", "+?", "??", "++", "*+", "?+"];
const OPENINGS = [
  "(",
  "(?:",
  "(?>",
  "(?=",
  "(?!",
  "(?i:",
  "(?i)(?:",
  "(?s:",
  "(?m:",
  "(?<name>",
  "(?-i:",
  "(?<=a|",
  "(?<!b|",
];

differential("random patterns", () => {
  test("matches and captures", () => {
    const next = seededRandom(fuzzSeed());
    const random = (): number => next(1_000_000) / 1_000_000;
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const sequence = (depth: number): string => {
      let out = "";
      for (let n = Math.floor(random() * 4); n >= 0; n--) {
        if (depth === 0 || random() < 0.6) {
          const atom = pick(ATOMS);
          out += /^(?:[$^]|\\[bBAzZ])$/.test(atom) ? atom : atom + pick(QUANTIFIERS);
        } else {
          const opening = pick(OPENINGS);
          if (opening.includes("name") && out.includes("name")) continue;
          // A lookbehind must have one length in PCRE. Groups that are repeated differ in JavaScript where they capture or
          // match nothing.
          const looksBack = opening.startsWith("(?<=") || opening.startsWith("(?<!");
          const inner = looksBack ? pick(["a", "b", "c"]) : sequence(depth - 1);
          const quantifier = looksBack || /\((?!\?)|name/.test(opening + inner) ? "" : pick(["", "", "?", "??", "?+"]);
          out += opening + inner + ")" + quantifier;
        }
      }
      return random() < 0.2 ? `${out}|${pick(ATOMS)}` : out;
    };
    const subject = (): string => Array.from({ length: 6 }, () => pick([..."aabbcAB1 -\n\ré"])).join("");
    for (let round = 0; round < 2000; round++) {
      const pattern = sequence(3);
      if (pattern.split("name").length > 2) continue;
      const caseless = random() < 0.3;
      const theirs = pcre?.(pattern, caseless);
      const mine = ours(pattern, caseless);
      if (theirs?.error !== undefined) continue;
      if (typeof mine === "string") throw new Error(`${pattern}: ${mine}`);
      for (let n = 0; n < 5; n++) {
        const text = subject();
        const shown = (captures: unknown): string => JSON.stringify({ pattern, caseless, text, captures });
        expect(shown(mine.match(text))).toBe(shown(theirs?.match(text)));
      }
    }
  });
});

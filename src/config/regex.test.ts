import { describe, expect, test } from "bun:test";
import { type CompiledRegex, compileRegex } from "./regex.ts";

/** The comparison with PCRE itself is test/differential/regex.test.ts. */

function compile(pattern: string, caseless = false): CompiledRegex {
  const compiled = compileRegex(pattern, caseless);
  if (!("regex" in compiled)) throw new Error(compiled.message);
  return compiled;
}

const MATCHES: readonly [pattern: string, subject: string, captures: (string | undefined)[] | undefined][] = [
  ["\\.php$", "/a.php", [".php"]],
  ["\\.php$", "/a.php\n", [".php"]],
  ["\\.php\\z", "/a.php\n", undefined],
  ["^/([^/]+)(/.*)?$", "/a", ["/a", "a", undefined]],
  ["(?i)\\xe9A", "\xe9a", ["\xe9a"]],
  ["(?i)\xe9", "\xc9", undefined],
  ["(a++)(b)\\2", "aabb", ["aabb", "aa", "b"]],
  ["(?|x(1)|y(2))(3)", "y23", ["y23", "2", "3"]],
  ["[[:digit:]]+\\h\\Q.*\\E", "12\t.*", ["12\t.*"]],
  ["", "anything", [""]],
];

describe("matches", () => {
  for (const [pattern, subject, captures] of MATCHES) {
    test(`${pattern} on ${JSON.stringify(subject)}`, () => {
      const { regex, captureCount } = compile(pattern);
      const found: readonly (string | undefined)[] | undefined = regex.exec(subject) ?? undefined;
      expect(found && Array.from(found)).toEqual(captures);
      if (captures !== undefined) expect(captureCount).toBe(captures.length - 1);
    });
  }
});

const NAMES: readonly [pattern: string, subject: string, groups: Record<string, string>, names: string[]][] = [
  ["(?<user>\\w+)@(?P<host>\\w+)", "bob@home", { user: "bob", host: "home" }, ["user", "host"]],
  ["(?>(?'x'a)b++)(?<y>c)", "abbc", { x: "a", y: "c" }, ["x", "y"]],
  ["(?J)(?<n>a)|(?<n>b)", "b", { n: "b" }, ["n"]],
];

describe("names", () => {
  for (const [pattern, subject, groups, names] of NAMES) {
    test(pattern, () => {
      const { regex, groupNames } = compile(pattern);
      expect(Object.entries(regex.exec(subject)?.groups ?? {}).sort()).toEqual(Object.entries(groups).sort());
      expect(groupNames).toEqual(names);
    });
  }
});

const FAULTS: readonly [pattern: string, message: string][] = [
  ["(a", 'pcre2_compile() failed: missing closing parenthesis in "(a"'],
  ["a)b", 'pcre2_compile() failed: unmatched closing parenthesis in "a)b" at ")b"'],
  ["a**", 'pcre2_compile() failed: quantifier does not follow a repeatable item in "a**" at "*"'],
  ["[a", 'pcre2_compile() failed: missing terminating ] for character class in "[a"'],
  ["(?R)", 'pcre2_compile() failed: recursion and subroutine calls are not supported by hopway in "(?R)" at ")"'],
  ["(?(1)a)", 'pcre2_compile() failed: conditional groups are not supported by hopway in "(?(1)a)" at "1)a)"'],
  ["a\\Kb", 'pcre2_compile() failed: \\K is not supported by hopway in "a\\Kb" at "b"'],
  ["a(*COMMIT)", 'pcre2_compile() failed: (*VERB) is not supported by hopway in "a(*COMMIT)" at "COMMIT)"'],
  ["(?C1)", 'pcre2_compile() failed: callouts are not supported by hopway in "(?C1)" at "1)"'],
];

describe("faults", () => {
  for (const [pattern, message] of FAULTS) {
    test(pattern, () => expect(compileRegex(pattern, false)).toEqual(expect.objectContaining({ message })));
  }
});

test("random bytes never throw", () => {
  const seed = Date.now() % 1_000_000;
  let state = seed;
  const alphabet = "ab(?:<=>!P'n|)[]^-\\dQERx{1,}$.*+#i \n\xff:&C";
  for (let round = 0; round < 5000; round++) {
    let pattern = "";
    for (let n = 0; n < 8; n++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      pattern += alphabet.charAt((state >>> 8) % alphabet.length);
    }
    try {
      const compiled = compileRegex(pattern, (state & 1) === 1);
      if (!("regex" in compiled)) expect(compiled.message).not.toContain("too large");
    } catch (error) {
      throw new Error(`seed ${seed}, pattern ${JSON.stringify(pattern)}: ${error}`);
    }
  }
});

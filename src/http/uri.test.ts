import { describe, expect, test } from "bun:test";
import { fuzzSeed, randomText, seededRandom } from "./fuzz-input.ts";
import { type EscapeKind, escapeUri, parseComplexUri, unescapeUri } from "./uri.ts";

describe("parseComplexUri (more cases in request-head.test.ts)", () => {
  const rows: [target: string, merge: boolean, uri: string | undefined, args?: string][] = [
    ["/a/b", true, "/a/b"],
    ["//a///b//", true, "/a/b/"],
    ["//a///b//", false, "//a///b//"],
    ["/a//../b", false, "/a/b"],
    ["/a//../b", true, "/b"],
    ["?a", true, "/", "a"],
    ["", true, ""],
    ["/a?", true, "/a", ""],
    ["/a?b#", true, "/a", "b"],
    ["/%", true, undefined],
    ["/a%0", true, undefined],
    ["/%2E%2E/", true, undefined],
    ["/x/%2E%2E/", true, "/"],
    [`/${"%41".repeat(3000)}`, true, `/${"A".repeat(3000)}`],
    [`/${"a/../".repeat(500)}b`, true, "/b"],
  ];
  for (const [target, merge, uri, args] of rows) {
    test(`${target.slice(0, 40)} ${merge}`, () => {
      expect(parseComplexUri(target, merge)).toEqual(uri === undefined ? undefined : { uri, args });
    });
  }

  test("random targets: no exception, and never a way above the root", () => {
    const random = seededRandom(fuzzSeed());
    for (let i = 0; i < 5000; i++) {
      const pieces = ["/", "..", ".", "%2e", "%2F", "a", "?", "#", "%", randomText(random, 3)];
      let target = "/";
      for (let n = random(12); n > 0; n--) target += pieces[random(pieces.length)]!;
      const parsed = parseComplexUri(target, random(2) === 0);
      if (parsed === undefined) continue;
      expect(parsed.uri).toStartWith("/");
      expect(parsed.uri.split("/")).not.toContain("..");
      expect(parsed.uri.split("/")).not.toContain(".");
    }
  });
});

describe("escapeUri", () => {
  const all = Array.from({ length: 256 }, (_, c) => String.fromCharCode(c));
  // The printable bytes that each table escapes; every other byte outside 0x21-0x7e is escaped by all.
  const rows: [kind: EscapeKind, escaped: string][] = [
    ["uri", '"#%<>?\\^`{|}'],
    ["args", '"#%&+;<>?\\^`{|}'],
    ["uri-component", "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}"],
    ["html", "\"#%'<>\\^`{|}"],
  ];
  for (const [kind, escaped] of rows) {
    test(kind, () => {
      const got = all.filter((c) => c > " " && c < "\x7f" && escapeUri(c, kind) !== c).join("");
      expect(got).toBe(escaped);
      for (const c of all) {
        const code = c.charCodeAt(0);
        const hex = `%${code.toString(16).toUpperCase().padStart(2, "0")}`;
        if (code <= 0x20 || code >= 0x7f || escaped.includes(c)) expect(escapeUri(c, kind)).toBe(hex);
        else expect(escapeUri(c, kind)).toBe(c);
      }
      expect(unescapeUri(escapeUri(all.join(""), kind))).toBe(all.join(""));
    });
  }

  test("text around", () => expect(escapeUri("/a b/\xe4?c", "uri")).toBe("/a%20b/%E4%3Fc"));
});

test("unescapeUri", () => {
  const rows: [text: string, expected: string][] = [
    ["abc", "abc"],
    ["%41%62c%7e", "Abc~"],
    ["a%00", "a\0"],
    ["%zz", "zz"],
    ["%4", ""],
    ["a%", "a"],
    ["%4zb", "b"],
    ["%%41", "%41"],
  ];
  for (const [text, expected] of rows) expect([text, unescapeUri(text)]).toEqual([text, expected]);
});

import { describe, expect, test } from "bun:test";
import { unescapeRedirect } from "./rewrite-replacement.ts";

// NGX_UNESCAPE_REDIRECT: only what a URL may hold as it is gets unescaped.
const rows: readonly (readonly [text: string, unescaped: string, why: string])[] = [
  ["/plain", "/plain", "nothing to do"],
  ["/%41%7a", "/Az", "letters"],
  ["/%20%25%00%7f%ff", "/%20%25%00%7f%ff", "space, percent, control and high bytes stay"],
  ["/%26%2f", "/&/", "reserved characters above the percent sign"],
  ["/a%3fb%41", "/a?b%41", "an escaped question mark ends the work"],
  ["/a?b%41", "/a?b%41", "so does a plain one"],
  ["/%zz", "/zz", "a percent sign before no digit disappears"],
  ["/%4z!", "/!", "a broken escape disappears"],
  ["/%4", "/", "an unfinished one too"],
  ["/%", "/", "and a lone percent sign"],
];

describe("unescapeRedirect", () => {
  for (const [text, unescaped, why] of rows) test(why, () => expect(unescapeRedirect(text)).toBe(unescaped));
});

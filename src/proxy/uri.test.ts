import { describe, expect, test } from "bun:test";
import { type RequestUri, upstreamUri } from "./uri.ts";

const BASE: RequestUri = {
  unparsedUri: "/a/b%20c?q=1",
  validUnparsedUri: true,
  validLocation: true,
  uri: "/a/b c",
  args: "q=1",
  internal: false,
};

const REWRITTEN = { validUnparsedUri: false, internal: true };

const cases: readonly (readonly [
  why: string,
  change: Partial<RequestUri>,
  prefix: string,
  pass: string,
  expected: string,
])[] = [
  ["no URI part: untouched", {}, "/a/", "", "/a/b%20c?q=1"],
  ["no URI part, rewritten", { ...REWRITTEN, uri: "/x y" }, "/a/", "", "/x%20y?q=1"],
  ["absolute form without path", { unparsedUri: "?q=1", uri: "/" }, "/", "", "/?q=1"],
  ["URI part takes the prefix's place", {}, "/a/", "/z/", "/z/b%20c?q=1"],
  ["URI part, no args", { args: undefined }, "/a/", "/z/", "/z/b%20c"],
  ["URI part, empty args", { args: "" }, "/a/", "/z/", "/z/b%20c"],
  ["URI part without slash", {}, "/a/", "/z", "/zb%20c?q=1"],
  ["exact location", { uri: "/a", unparsedUri: "/a?q=1" }, "/a", "/z", "/z?q=1"],
  ["bytes that came raw stay raw", { unparsedUri: '/a/"b', uri: '/a/"b' }, "/a/", "/z/", '/z/"b?q=1'],
  ["bytes are escaped once one was", { unparsedUri: '/a/"%62', uri: '/a/"b' }, "/a/", "/z/", "/z/%22b?q=1"],
  [
    "an escape in the arguments does not count",
    { unparsedUri: '/a/"?%20', uri: '/a/"', args: "%20" },
    "/a/",
    "/z/",
    '/z/"?%20',
  ],
  ["decoded ? # % are escaped again", { uri: "/a/?#%" }, "/a/", "/z/", "/z/%3F%23%25?q=1"],
  [
    "rewrite ... break: the URI part does not count",
    { ...REWRITTEN, validLocation: false, uri: "/n" },
    "/a/",
    "/z/",
    "/n?q=1",
  ],
  ["internal redirect", { ...REWRITTEN, uri: "/a/n m" }, "/a/", "/z/", "/z/n%20m?q=1"],
];

describe("upstreamUri", () => {
  for (const [why, change, prefix, pass, expected] of cases) {
    test(why, () => {
      expect(upstreamUri({ ...BASE, ...change }, prefix, pass, false)).toBe(expected);
    });
  }

  test("a URI from variables is sent as it is", () => {
    expect(upstreamUri(BASE, "/a/", "/z z", true)).toBe("/z z");
  });

  test("variables without a URI part pass the client's", () => {
    expect(upstreamUri(BASE, "/a/", "", true)).toBe("/a/b%20c?q=1");
  });
});

import { describe, expect, test } from "bun:test";
import { uriExtension } from "./content-type.ts";

describe("extensions of URIs", () => {
  const cases: [uri: string, expected: string][] = [
    ["/a.html", "html"],
    ["/a.tar.GZ", "gz"],
    ["/a", ""],
    ["/.html", ""],
    ["/dir/.html", ""],
    ["/dir.d/file", ""],
    ["/a.", ""],
    ["/a.b/", ""],
    ["/", ""],
    ["", ""],
  ];
  for (const [uri, expected] of cases) test(`${uri}: ${expected}`, () => expect(uriExtension(uri)).toBe(expected));
});

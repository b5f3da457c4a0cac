import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unifiedDiff } from "./diff.ts";

const lines = (...list: readonly (string | number)[]): string => list.map((line) => `${line}\n`).join("");
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

const CASES: readonly [what: string, before: string, after: string][] = [
  ["a line more", lines("a", "b"), lines("a", "x", "b")],
  ["a line less", lines("a", "b", "c"), lines("a", "c")],
  ["a line changed", lines("a", "b", "c"), lines("a", "B", "c")],
  ["at the start", lines(...upTo(9)), lines("x", ...upTo(9))],
  ["at the end", lines(...upTo(9)), lines(...upTo(9), "x")],
  ["two places far apart", lines(...upTo(30)), lines(0, ...upTo(20), "x", ...upTo(30).slice(20))],
  ["two places close by", lines(...upTo(12)), lines(1, 2, "x", 4, 5, 6, "y", ...upTo(12).slice(7))],
  ["everything", lines("a", "b"), lines("c", "d", "e")],
  ["from nothing", "", lines("a")],
  ["to nothing", lines("a"), ""],
  ["without a last line end", "a\nb", "a\nc"],
];

describe("unified diffs", () => {
  test("equal texts have none", () => expect(unifiedDiff("x", "a\n", "a\n")).toBe(""));

  test("what one looks like", () => {
    expect(unifiedDiff("/etc/x", lines(...upTo(6)), lines(1, 2, 3, "x", 5, 6))).toBe(
      "--- a/etc/x\n+++ b/etc/x\n@@ -1,6 +1,6 @@\n 1\n 2\n 3\n-4\n+x\n 5\n 6\n",
    );
  });

  for (const [what, before, after] of CASES) {
    test.skipIf(Bun.which("patch") === null)(`patch applies: ${what}`, () => {
      const folder = mkdtempSync(join(tmpdir(), "hopway-diff-"));
      try {
        writeFileSync(join(folder, "x"), before);
        const { status, stdout } = spawnSync("patch", ["-p1", "-s"], {
          cwd: folder,
          input: unifiedDiff("x", before, after),
          encoding: "utf8",
        });
        expect([status, stdout]).toEqual([0, ""]);
        const read = after === "" ? "" : readFileSync(join(folder, "x"), "utf8");
        expect(read).toBe(after);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

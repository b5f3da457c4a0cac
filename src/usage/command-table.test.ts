import { describe, expect, test } from "bun:test";
import { type CommandTable, parseCommandLine } from "./command-table.ts";
import { usageText } from "./usage-text.ts";

const table: CommandTable = {
  name: "sing",
  summary: "sing a song",
  description: ["Sings."],
  arguments: [
    { name: "SONG", doc: "What is sung." },
    { name: "SINGER", optional: true, doc: "Who sings." },
  ],
  options: [
    { name: "-v", value: "VERSE", repeats: true, doc: "A verse." },
    { name: "--key", value: "KEY", words: ["major", "minor"], doc: "The key." },
    { name: "--loud", doc: "Louder." },
  ],
  exits: [[0, "it was sung"]],
  examples: [["hopway sing x", "sings x"]],
};

const CASES: readonly [args: string, given: string][] = [
  ["x", "x"],
  ["x --loud y", "x y --loud"],
  ["-v 1 x -v 2", "x -v=1,2"],
  ["--key=minor x", "x --key=minor"],
  ["--key minor x", "x --key=minor"],
  ["-- --loud", "--loud"],
  ["- x", "- x"],
  ["", "SONG is missing"],
  ["x y z", '"z" is one argument too many'],
  ["x --soft", 'unknown option "--soft"'],
  ["x -v", 'option "-v" wants a value: -v VERSE'],
  ["x --loud=1", 'option "--loud" has no value'],
  ["x --key=flat", '"flat" is no value of "--key": major, minor'],
  ["x --loud --loud", 'option "--loud" is given twice'],
];

describe("command lines", () => {
  for (const [args, wanted] of CASES) {
    test(args === "" ? "nothing" : args, () => {
      const given = parseCommandLine(table, args === "" ? [] : args.split(" "));
      if ("fault" in given) {
        expect(given.fault).toBe(wanted);
        return;
      }
      const shown = [...given.words];
      if (given.has("-v")) shown.push(`-v=${given.values("-v").join(",")}`);
      if (given.has("--key")) shown.push(`--key=${given.value("--key")}`);
      if (given.has("--loud")) shown.push("--loud");
      expect(shown.join(" ")).toBe(wanted);
    });
  }

  test("the help names everything", () => {
    expect(usageText(table)).toBe(`Usage: hopway sing [options] SONG [SINGER]

Sings.

  SONG       What is sung.
  SINGER     Who sings.
  -v VERSE   A verse.
  --key KEY  The key. One of: major, minor.
  --loud     Louder.

Examples:
  hopway sing x
      sings x

Exit codes:
  0  it was sung
`);
  });
});

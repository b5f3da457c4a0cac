/** Completions and the manual, made from the commands' tables and tried in the shells that are there. */
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { commands } from "../../src/commands/list.ts";
import { HOPWAY } from "../process/command.ts";

function hopway(...args: string[]): string {
  const { stdout, status } = spawnSync(HOPWAY, args, { encoding: "utf8" });
  expect(status).toBe(0);
  return stdout;
}

/** What bash offers for a line whose last word is being typed. */
function offered(line: string): string[] {
  const words = line.split(" ");
  const script = `${hopway("completion", "bash")}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length - 1}
_hopway
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", script], { encoding: "utf8" });
  expect(stderr).toBe("");
  return stdout.split("\n").filter((word) => word !== "");
}

describe("bash", () => {
  const CASES: readonly [line: string, wanted: readonly string[]][] = [
    ["hopway do", ["doctor"]],
    ["hopway -s re", ["reopen", "reload"]],
    ["hopway doctor --f", ["--fix", "--format"]],
    ["hopway doctor --format ", ["text", "json", "sarif"]],
    ["hopway doctor --only upgrade-not-", ["upgrade-not-passed", "upgrade-not-set"]],
    ["hopway help exp", ["explain"]],
    ["hopway completion ", ["bash", "zsh", "fish"]],
    ["hopway probe --eng", ["--engine-io"]],
  ];
  for (const [line, wanted] of CASES) test(line, () => expect(offered(line)).toEqual([...wanted]));
});

for (const shell of ["zsh", "fish"] as const) {
  test.skipIf(Bun.which(shell) === null)(`${shell} takes its script`, () => {
    const { status, stderr } = spawnSync(shell, ["-n"], { input: hopway("completion", shell), encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  });
}

describe("every shell", () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    test(`${shell} hears of all commands and options`, () => {
      const script = hopway("completion", shell);
      for (const { table } of commands) {
        expect(script).toContain(table.name);
        for (const { name } of table.options) expect(script).toContain(name.replace(/^-+/, ""));
      }
    });
  }
});

describe("the manual", () => {
  const page = hopway("manual");
  test("tells of all commands and options", () => {
    for (const { table } of commands) {
      expect(page).toContain(`.SH ${table.name.toUpperCase()}`);
      for (const { name } of table.options) expect(page).toContain(name.replaceAll("-", "\\-"));
    }
  });
  test.skipIf(Bun.which("groff") === null)("groff has nothing against it", () => {
    const { status, stderr } = spawnSync("groff", ["-man", "-Tascii", "-ww", "-z"], { input: page, encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  });
});

test("help of every command", () => {
  for (const { table } of commands) expect(hopway("help", table.name)).toStartWith(`Usage: hopway ${table.name}`);
  expect(hopway("help")).toContain("Commands:\n");
});

import { describe, expect, test } from "bun:test";
import { choice, confPath, flag, number, offset, path, seconds, size, text, time } from "./arguments.ts";
import { type ArgumentType, ConfigFault, type DirectiveSite, MAIN } from "./directive.ts";
import { bufs, choices, leveledPath, texts } from "./list-arguments.ts";
import { LoadContext } from "./load-context.ts";
import { memorySource } from "./memory-source.ts";

function siteOf(args: readonly string[]): DirectiveSite {
  return {
    statement: { name: "x", args, file: "/etc/main", line: 1, startLine: 1, block: undefined },
    scope: { kind: MAIN, parent: undefined, statement: undefined, settings: [], children: [] },
    load: new LoadContext("/opt/", "/etc/", memorySource({}), { lookup: async () => [] }),
  };
}

const METHODS = ["get", "HEAD", "post"] as const;
const onOff = (word: string): string => `invalid value "${word}" in "x" directive, it must be "on" or "off"`;

const VALUES: readonly [name: string, type: ArgumentType<unknown>, args: string[], expected: unknown][] = [
  ["on", flag(false), ["on"], true],
  ["OFF", flag(true), ["OFF"], false],
  ["milliseconds", time(0), ["1s 5ms"], 1005],
  ["seconds", seconds(0), ["1M"], 2_592_000],
  ["a size", size(0), ["8k"], 8192],
  ["an offset", offset(0), ["1g"], 1_073_741_824],
  ["a number", number(0), ["007"], 7],
  ["a text", text(""), ["a b"], "a b"],
  ["an empty text", text("a"), [""], ""],
  ["texts", texts(undefined), ["a", "b"], ["a", "b"]],
  ["a path by the prefix", path(""), ["a/b"], "/opt/a/b"],
  ["an absolute path", path(""), ["/a"], "/a"],
  ["a path by the folder of the main file", confPath(""), ["a"], "/etc/a"],
  ["a word in another case", choice(METHODS, "get"), ["head"], "HEAD"],
  ["words", choices(METHODS, undefined), ["post", "get"], new Set(["post", "get"])],
  ["buffers", bufs(undefined), ["8", "4k"], { number: 8, size: 4096 }],
  ["a path with levels", leveledPath(undefined), ["a", "1", "2"], { path: "/opt/a", levels: [1, 2] }],
];

const FAULTS: readonly [name: string, type: ArgumentType<unknown>, args: string[], message: string][] = [
  ["neither on nor off", flag(false), ["yes"], onOff("yes")],
  ["an empty flag", flag(false), [""], onOff("")],
  ["a bad time", time(0), ["1M"], '"x" directive invalid value'],
  ["a bad size", size(0), ["1g"], '"x" directive invalid value'],
  ["a bad offset", offset(0), ["-1"], '"x" directive invalid value'],
  ["a bad number", number(0), ["1k"], '"x" directive invalid number'],
  ["an unknown word", choice(METHODS, "get"), ["put"], 'invalid value "put"'],
  ["one unknown word of many", choices(METHODS, undefined), ["get", "put"], 'invalid value "put"'],
  ["no buffers", bufs(undefined), ["0", "4k"], '"x" directive invalid value'],
  ["buffers of no size", bufs(undefined), ["1", "0"], '"x" directive invalid value'],
  ["a level of zero", leveledPath(undefined), ["a", "0"], '"x" directive invalid value'],
];

describe("values", () => {
  for (const [name, type, args, expected] of VALUES) {
    test(name, () => expect(type.parse(args, siteOf(args))).toEqual(expected));
  }
});

describe("faults", () => {
  for (const [name, type, args, message] of FAULTS) {
    test(name, () => expect(type.parse(args, siteOf(args))).toEqual(new ConfigFault(message)));
  }
});

test("a word that comes twice is warned about", () => {
  const site = siteOf(["get", "get"]);
  choices(METHODS, undefined).parse(site.statement.args, site);
  expect(site.load.diagnostics).toMatchObject([{ level: "warn", message: 'duplicate value "get"', line: 1 }]);
});

import { describe, expect, test } from "bun:test";
import { memorySource } from "./memory-source.ts";
import { parseConfig, parseGlobals } from "./parser.ts";
import type { Statement } from "./syntax.ts";

function show(statements: readonly Statement[]): string {
  return statements
    .map(({ name, args, block }) => [name, ...args].join(" ") + (block === undefined ? ";" : `{${show(block)}}`))
    .join("");
}

function parse(files: Record<string, string>): { tree: string; error: string | undefined } {
  const { statements, error } = parseConfig("/etc/main", memorySource(files), "/etc/");
  return { tree: show(statements), error: error && `${error.message} in ${error.file}:${error.line}` };
}

const CASES: readonly [name: string, files: Record<string, string>, tree: string, error: string | undefined][] = [
  ["blocks in blocks", { "/etc/main": "a; b c { d { } e f; }" }, "a;b c{d{}e f;}", undefined],
  ["an include", { "/etc/main": "a; include x; c;", "/etc/x": "b;" }, "a;b;c;", undefined],
  ["an include in a block", { "/etc/main": "a { include x; c; }", "/etc/x": "b;" }, "a{b;c;}", undefined],
  ["an absolute include", { "/etc/main": "include /y/x;", "/y/x": "b;" }, "b;", undefined],
  [
    "a relative include in an included file starts at the main folder",
    { "/etc/main": "include d/x;", "/etc/d/x": "include y;", "/etc/y": "b;" },
    "b;",
    undefined,
  ],
  ["a glob", { "/etc/main": "include d/*.conf;", "/etc/d/b.conf": "b;", "/etc/d/a.conf": "a;" }, "a;b;", undefined],
  ["a glob without a match", { "/etc/main": "include d/*; a;" }, "a;", undefined],
  [
    "a missing include",
    { "/etc/main": "a;\ninclude x; b;" },
    "a;",
    'open() "/etc/x" failed (2: No such file or directory) in /etc/main:2',
  ],
  ["a missing main file", {}, "", 'open() "/etc/main" failed (2: No such file or directory) in undefined:undefined'],
  ["an include with two arguments stays", { "/etc/main": "include a b;" }, "include a b;", undefined],
  ["an include with a block stays", { "/etc/main": "include a { }" }, "include a{}", undefined],
  ["a brace too many", { "/etc/main": "a { }\n}" }, "a{}", 'unexpected "}" in /etc/main:2'],
  ["a brace too few", { "/etc/main": "a {\nb;\n" }, "a{b;}", 'unexpected end of file, expecting "}" in /etc/main:3'],
  [
    "an included file must close its own blocks",
    { "/etc/main": "a { include x; }", "/etc/x": "b {" },
    "a{b{}}",
    'unexpected end of file, expecting "}" in /etc/x:1',
  ],
  [
    "an included file cannot close the block around it",
    { "/etc/main": "a { include x; }", "/etc/x": "}" },
    "a{}",
    'unexpected "}" in /etc/x:1',
  ],
  [
    "a loop",
    { "/etc/main": "include x;", "/etc/x": "a;\ninclude *;" },
    "a;",
    'include of "/etc/main" makes a loop in /etc/x:2',
  ],
  [
    "an endless chain",
    Object.fromEntries(
      Array.from({ length: 70 }, (_, i) => [i === 0 ? "/etc/main" : `/etc/${i}`, `include ${i + 1};`]),
    ),
    "",
    'include of "/etc/64" is nested too deep in /etc/63:1',
  ],
  [
    "blocks nested too deep",
    { "/etc/main": "a {".repeat(257) },
    "a{".repeat(257) + "}".repeat(257),
    "blocks are nested too deep in /etc/main:1",
  ],
];

describe("parseConfig", () => {
  for (const [name, files, tree, error] of CASES) {
    test(name, () => expect(parse(files)).toEqual({ tree, error }));
  }

  test("doubling includes end", () => {
    const files: Record<string, string> = {};
    for (let i = 0; i < 40; i++) files[i === 0 ? "/etc/main" : `/etc/${i}`] = `include ${i + 1}; include ${i + 1};`;
    files["/etc/40"] = "";
    expect(parse(files).error).toContain("is more than 10000 files");
  });

  test("positions", () => {
    const parsed = parseConfig("/etc/main", memorySource({ "/etc/main": "a\nb\n{\nc\n;\n}" }), "/etc/");
    const [block] = parsed.statements;
    expect(block).toMatchObject({ startLine: 1, line: 3, file: "/etc/main" });
    expect(block?.block?.[0]).toMatchObject({ startLine: 4, line: 5 });
    expect(block && parsed.closingLines.get(block)).toBe(6);
  });

  test("spans: what stands between them in the text", () => {
    const text = `# c\n"a" 'b';\nd { e; # f\n}\n`;
    const { statements, spans } = parseConfig("/etc/main", memorySource({ "/etc/main": text }), "/etc/");
    const cut = (statement: Statement | undefined): string | undefined => {
      const span = statement && spans.get(statement);
      return span && text.slice(span.start, span.close ?? span.end);
    };
    expect([cut(statements[0]), cut(statements[1]), cut(statements[1]?.block?.[0])]).toEqual([
      `"a" 'b';`,
      "d { e; # f\n",
      "e;",
    ]);
  });

  test("files in the order of reading, once each", () => {
    const source = memorySource({ "/etc/main": "include x; include y;", "/etc/x": "include y;", "/etc/y": "a;" });
    const { files, statements } = parseConfig("/etc/main", source, "/etc/");
    expect(files.map(({ path }) => path)).toEqual(["/etc/main", "/etc/x", "/etc/y"]);
    expect(show(statements)).toBe("a;a;");
  });
});

describe("parseGlobals", () => {
  test("directives have the command line as their file", () => {
    const { statements } = parseGlobals("daemon off; user x;", memorySource({}), "/");
    expect(statements.map(({ name, file, line }) => [name, file, line])).toEqual([
      ["daemon", "command line", 0],
      ["user", "command line", 0],
    ]);
  });
  test("a block", () =>
    expect(parseGlobals("events { }", memorySource({}), "/").error?.message).toBe(
      "block directives are not supported in -g option",
    ));
});

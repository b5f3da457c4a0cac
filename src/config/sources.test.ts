import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatDiagnostic } from "./diagnostic.ts";
import { diskSource } from "./disk-source.ts";
import { dumpConfig } from "./dump.ts";
import { parseConfig } from "./parser.ts";
import { recordingSource, replaySource } from "./snapshot-source.ts";

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hopway-config-"));
  for (const sub of ["d", "e", ".hidden", "d/deep"]) mkdirSync(join(folder, sub));
  for (const name of [
    "a.conf",
    "b.conf",
    "B.conf",
    "c.txt",
    ".dot.conf",
    "d/x.conf",
    "e/y.conf",
    "[z].conf",
    "a-1",
    "a{b}",
  ]) {
    writeFileSync(join(folder, name), `# ${name}\n`);
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

const PATTERNS = [
  "*.conf",
  "?.conf",
  "[ab].conf",
  "[!a].conf",
  "[^a].conf",
  "[a-c].*",
  "[[]z].conf",
  "\\[z\\].conf",
  "[z.conf",
  "*/*.conf",
  "*/",
  ".*.conf",
  "[[:upper:]].conf",
  "d/*",
  "none/*",
  "*",
  "a[-]1",
  "a{b}",
  "{a,b}.conf",
  "*{b}",
  "d//*.conf",
  "[]a].conf",
];

/** Prints the matches of each argument by the C library's own glob, a list for each. */
const C_GLOB = `
import ctypes, json, sys
class G(ctypes.Structure):
    _fields_ = [("n", ctypes.c_size_t), ("v", ctypes.POINTER(ctypes.c_char_p)), ("rest", ctypes.c_char * 128)]
def find(pattern):
    g = G()
    ctypes.CDLL(None).glob(pattern.encode(), 0, None, ctypes.byref(g))
    return [g.v[i].decode() for i in range(g.n)]
print(json.dumps([find(p) for p in sys.argv[1:]]))`;

test.skipIf(spawnSync("python3", ["--version"]).status !== 0)("patterns match as with glob(3)", () => {
  const paths = PATTERNS.map((pattern) => `${folder}/${pattern}`);
  const { stdout } = spawnSync("python3", ["-c", C_GLOB, ...paths], { encoding: "utf8" });
  expect(paths.map((path) => [path, diskSource.glob(path)])).toEqual(
    JSON.parse(stdout).map((matches: string[], index: number) => [paths[index], matches]),
  );
});

test("errors of the disk in the words of strerror", () => {
  expect(diskSource.read(`${folder}/none`)).toEqual({ errno: 2, text: "No such file or directory" });
  expect(diskSource.read(folder)).toEqual({ errno: 21, text: "Is a directory" });
  expect(diskSource.read(`${folder}/a.conf/x`)).toEqual({ errno: 20, text: "Not a directory" });
});

test("bytes are latin1", () => {
  writeFileSync(join(folder, "bytes"), Buffer.from([0xff, 0xe9, 10]));
  expect(diskSource.read(join(folder, "bytes"))).toBe("\xff\xe9\n");
});

test("a snapshot replays what was read, through JSON", () => {
  writeFileSync(join(folder, "main"), "include ?.conf;\ninclude none*;\na;\ninclude none;");
  const recording = recordingSource(diskSource);
  const parsed = parseConfig(join(folder, "main"), recording, `${folder}/`);
  const snapshot = JSON.parse(JSON.stringify(recording.snapshot()));
  const again = parseConfig(join(folder, "main"), replaySource(snapshot), `${folder}/`);
  expect(again).toEqual(parsed);
  expect(again.error && formatDiagnostic(again.error)).toBe(
    `[emerg] open() "${folder}/none" failed (2: No such file or directory) in ${folder}/main:4`,
  );
});

test("a dump names each file before its text", () => {
  const files = [
    { path: "/etc/a", text: "b;\n" },
    { path: "/etc/c", text: "d;" },
  ];
  expect(dumpConfig(files)).toBe("# configuration file /etc/a:\nb;\n\n# configuration file /etc/c:\nd;\n");
});

test("positions of diagnostics", () => {
  const base = { level: "emerg", message: "m" } as const;
  expect(formatDiagnostic({ ...base, file: undefined, line: undefined, late: false })).toBe("[emerg] m");
  expect(formatDiagnostic({ ...base, file: "/a", line: 3, late: false })).toBe("[emerg] m in /a:3");
  expect(formatDiagnostic({ ...base, file: "command line", line: 0, late: false })).toBe("[emerg] m in command line");
});

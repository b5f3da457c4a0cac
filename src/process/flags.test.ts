import { describe, expect, test } from "bun:test";
import { parseFlags } from "./flags.ts";
import { resolvePaths } from "./paths.ts";

describe("complaints, in nginx's words", () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [["foo"], 'invalid option: "foo"'],
    [["-x"], 'invalid option: "x"'],
    [["-tx"], 'invalid option: "x"'],
    [["-t", "foo"], 'invalid option: "foo"'],
    [["--help"], 'invalid option: "-"'],
    [["-c"], 'option "-c" requires file name'],
    [["-tc"], 'option "-c" requires file name'],
    [["-e"], 'option "-e" requires file name'],
    [["-p"], 'option "-p" requires directory name'],
    [["-g"], 'option "-g" requires parameter'],
    [["-s"], 'option "-s" requires parameter'],
    [["-s", "foo"], 'invalid option: "-s foo"'],
    [["-sfoo"], 'invalid option: "-s foo"'],
    [["-s", ""], 'invalid option: "-s "'],
  ];
  for (const [args, fault] of cases) test(args.join(" "), () => expect(parseFlags(args)).toEqual({ fault }));
});

describe("meanings", () => {
  const cases: readonly (readonly [string, object])[] = [
    ["", { test: false, version: false, signal: undefined }],
    ["-", { test: false, version: false }],
    ["-v", { version: true, configure: false, help: false }],
    ["-V", { version: true, configure: true }],
    ["-?", { version: true, help: true }],
    ["-h", { version: true, help: true }],
    ["-t", { test: true, dump: false }],
    ["-T", { test: true, dump: true }],
    ["-tq", { test: true, quiet: true }],
    ["-c /x", { configFile: "/x" }],
    ["-c/x", { configFile: "/x" }],
    ["-tc /x", { test: true, configFile: "/x" }],
    ["-sreload", { signal: "reload" }],
    ["-s stop -p /y -e /z", { signal: "stop", prefix: "/y", errorLog: "/z" }],
  ];
  for (const [line, expected] of cases) {
    test(`"${line}"`, () => expect(parseFlags(line === "" ? [] : line.split(" "))).toMatchObject(expected));
  }
  test("-g keeps its spaces", () => expect(parseFlags(["-g", "a b;"])).toMatchObject({ globals: "a b;" }));
});

describe("paths", () => {
  const cases: readonly (readonly [string, object])[] = [
    [
      "-v",
      {
        prefix: "/usr/share/nginx/",
        configFile: "/etc/nginx/nginx.conf",
        confPrefix: "/etc/nginx/",
        errorLog: undefined,
      },
    ],
    ["-p /a -c b/c.conf", { prefix: "/a/", configFile: "/a/b/c.conf", confPrefix: "/a/b/" }],
    ["-p /a/ -e log", { prefix: "/a/", errorLog: "/a/log", configFile: "/etc/nginx/nginx.conf" }],
    ["-p . -c c.conf", { prefix: "./", configFile: "./c.conf", confPrefix: "./" }],
    ["-e stderr", { errorLog: "stderr" }],
  ];
  for (const [line, expected] of cases) {
    test(line, () => {
      const flags = parseFlags(line.split(" "));
      if ("fault" in flags) throw new Error(flags.fault);
      expect(resolvePaths(flags)).toMatchObject(expected);
    });
  }
});

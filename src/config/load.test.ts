import { describe, expect, test } from "bun:test";
import { flag, number, time } from "./arguments.ts";
import {
  type ArgumentType,
  atLeast,
  between,
  ConfigFault,
  EVENTS,
  exactly,
  HTTP,
  HTTP_SERVER_LOCATION,
  LOCATION,
  MAIN,
  Module,
  SERVER,
  UPSTREAM,
} from "./directive.ts";
import { acceptedDirectives, loadConfig } from "./load.ts";
import { memorySource } from "./memory-source.ts";

interface CoreSettings {
  timeoutMs: number | undefined;
  enabled: boolean | undefined;
  connections: number | undefined;
  keepMs: number | undefined;
  mergedFrom: string[];
  types: string[];
}

const count: ArgumentType<number> = number(512);

const core: Module<CoreSettings> = new Module<CoreSettings>({
  name: "core",
  create: () => ({
    timeoutMs: undefined,
    enabled: undefined,
    connections: undefined,
    keepMs: undefined,
    mergedFrom: [],
    types: [],
  }),
  directives: [
    { name: "events", in: MAIN, arity: exactly(0), doc: "", opens: EVENTS, apply: () => undefined },
    { name: "http", in: MAIN, arity: exactly(0), doc: "", opens: HTTP, apply: () => undefined },
    {
      name: "server",
      in: HTTP,
      arity: exactly(0),
      doc: "",
      opens: SERVER,
      apply: () => undefined,
      close: (_own, _site, opened) => (opened.children.length > 2 ? new ConfigFault("too many locations") : undefined),
    },
    { name: "server", in: UPSTREAM, arity: atLeast(1), doc: "", apply: () => undefined },
    { name: "upstream", in: HTTP, arity: exactly(1), doc: "", opens: UPSTREAM, apply: () => undefined },
    { name: "location", in: SERVER | LOCATION, arity: between(1, 2), doc: "", opens: LOCATION, apply: () => undefined },
    { name: "timeout", in: HTTP_SERVER_LOCATION, arg: time(60_000), set: "timeoutMs", doc: "" },
    { name: "keep", in: UPSTREAM, arg: time(1000), set: "keepMs", doc: "" },
    { name: "enabled", in: HTTP_SERVER_LOCATION, arg: flag(false), set: "enabled", doc: "" },
    { name: "connections", in: EVENTS, arg: count, set: "connections", doc: "" },
    { name: "pinned", in: MAIN, arity: exactly(1), doc: "", accepted: "no such thing here" },
    { name: "tuned", in: HTTP | SERVER, arity: exactly(1), doc: "", accepted: "no use", check: flag(false) },
    {
      name: "types",
      in: HTTP_SERVER_LOCATION,
      arity: exactly(0),
      doc: "",
      entries: true,
      apply(own, site) {
        for (const entry of site.statement.block ?? []) {
          if (entry.name === "bad") site.load.fail(entry, "bad entry");
          own.types.push(entry.name);
        }
        return undefined;
      },
    },
    {
      name: "slow",
      in: HTTP,
      arity: exactly(1),
      doc: "",
      apply(_own, { load, statement }) {
        const found = load.hosts.lookup(statement.args[0] ?? "");
        load.pending.push(found.then((list) => (list.length ? undefined : load.fail(statement, "not found"))));
        return undefined;
      },
    },
  ],
  merge(own, outer, scope) {
    own.mergedFrom.push(`${scope.kind}<-${outer === undefined ? "nothing" : "outer"}`);
    return own.timeoutMs === 666 ? new ConfigFault("the beast") : undefined;
  },
  finish: (http) => (core.of(http).timeoutMs === 667 ? new ConfigFault("unfinished") : undefined),
});

async function load(text: string, globals = "") {
  const main = { path: "/etc/main", prefix: "/opt/", confPrefix: "/etc/", globals };
  const hosts = { lookup: async () => [] };
  return loadConfig([core], main, memorySource({ "/etc/main": text, "/etc/inc": "\nunknown_in_include;" }), hosts);
}

async function errors(text: string, globals?: string): Promise<string[]> {
  const { diagnostics } = await load(text, globals);
  return diagnostics.map(({ message, file, line }) => (file ? `${message} in ${file}:${line}` : message));
}

const FAULTS: readonly [name: string, text: string, expected: string[]][] = [
  ["unknown", "foo;", ['unknown directive "foo" in /etc/main:1']],
  ["unknown block, its inside is not looked at", "foo { bar; }", ['unknown directive "foo" in /etc/main:1']],
  ["elsewhere", "timeout 1s;", ['"timeout" directive is not allowed here in /etc/main:1']],
  ["no block", "http;", ['directive "http" has no opening "{" in /etc/main:1']],
  ["a block", "pinned 1 {\n}", ['directive "pinned" is not terminated by ";" in /etc/main:1']],
  ["arguments", "pinned;", ['invalid number of arguments in "pinned" directive in /etc/main:1']],
  ["include arguments", "include a b;", ['invalid number of arguments in "include" directive in /etc/main:1']],
  ["include block", "include a { }", ['directive "include" is not terminated by ";" in /etc/main:1']],
  ["an included file", "include inc;", ['unknown directive "unknown_in_include" in /etc/inc:2']],
  ["no events", "http { }", ['no "events" section in configuration']],
  ["two https", "events{}http{}\nhttp{}", ['"http" directive is duplicate in /etc/main:2']],
  ["a field twice", "events{}http{timeout 1s;\ntimeout x;}", ['"timeout" directive is duplicate in /etc/main:2']],
  ["a bad time", "events{}http{timeout x;}", ['"timeout" directive invalid value in /etc/main:1']],
  ["a bad number", "events{connections x;}", ['"connections" directive invalid number in /etc/main:1']],
  [
    "a bad flag",
    "events{}http{enabled x;}",
    ['invalid value "x" in "enabled" directive, it must be "on" or "off" in /etc/main:1'],
  ],
  [
    "an accepted directive with a wrong value, and twice",
    "events{}http{tuned maybe;\ntuned on; server{tuned on;}}",
    [
      'invalid value "maybe" in "tuned" directive, it must be "on" or "off" in /etc/main:1',
      '"tuned" directive is duplicate in /etc/main:2',
    ],
  ],
  [
    "directive errors stand before the syntax error",
    "foo;\nhttp { bar; server { baz; ",
    [
      'unknown directive "foo" in /etc/main:1',
      'unknown directive "bar" in /etc/main:2',
      'unknown directive "baz" in /etc/main:2',
      'unexpected end of file, expecting "}" in /etc/main:2',
    ],
  ],
  ["ten at most", "foo;".repeat(20), Array.from({ length: 10 }, () => 'unknown directive "foo" in /etc/main:1')],
  [
    "a block among entries",
    "events{}http{types {\nbad;\nx { y; }\nz; } }",
    ["bad entry in /etc/main:2", 'unexpected "{" in /etc/main:3'],
  ],
  [
    "look-ups keep the order",
    "events{}http{\nslow a;\nfoo;\n}",
    ["not found in /etc/main:2", 'unknown directive "foo" in /etc/main:3'],
  ],
  [
    "closing a block",
    "events{}http{server{\nlocation a{}location b{}location c{}\n}}",
    ["too many locations in /etc/main:3"],
  ],
  ["merging", "events{}http{timeout 666ms;\n}", ["the beast in /etc/main:2"]],
  ["finishing", "events{}http{timeout 667ms;\n}", ["unfinished in /etc/main:2"]],
];

describe("faults", () => {
  for (const [name, text, expected] of FAULTS) {
    test(name, async () => expect(await errors(text)).toEqual(expected));
  }
  test("-g", async () =>
    expect(await errors("events{}", "pinned")).toEqual([
      'unexpected end of parameter, expecting ";" in command line:0',
    ]));
});

describe("settings", () => {
  test("are inherited from the level outside, else the fallback", async () => {
    const { root, load: context } = await load(
      "events{connections 7;}http{timeout 5s; server{location /{timeout 6s; location /a{}} location /b{}} upstream u{server x;}}",
    );
    expect(context.diagnostics).toEqual([]);
    const [events, http] = root.children;
    const [server, upstream] = http?.children ?? [];
    const [slash, b] = server?.children ?? [];
    const a = slash?.children[0];
    if (!events || !http || !server || !upstream || !slash || !a || !b) throw new Error("a level is missing");
    expect(core.of(events).connections).toBe(7);
    expect([http, server, slash, a, b].map((scope) => core.of(scope).timeoutMs)).toEqual([
      5000, 5000, 6000, 6000, 5000,
    ]);
    expect(core.of(a).enabled).toBe(false);
    expect(core.of(upstream)).toMatchObject({ keepMs: 1000, timeoutMs: undefined });
    expect([http, server, a].map((scope) => core.of(scope).mergedFrom)).toEqual([
      ["4<-nothing"],
      ["8<-outer"],
      ["16<-outer"],
    ]);
  });

  test("fallback at events", async () => {
    const { root } = await load("events{}");
    const events = root.children[0];
    expect(events && core.of(events).connections).toBe(512);
  });
});

test("accepted directives are remembered", async () => {
  const { load: context } = await load("events{}\npinned 1;");
  expect(acceptedDirectives(context)).toEqual([
    { name: "pinned", file: "/etc/main", line: 2, why: "no such thing here" },
  ]);
});

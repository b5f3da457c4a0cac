import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigFault, type DirectiveSite, MAIN } from "../config/directive.ts";
import { LoadContext } from "../config/load-context.ts";
import { memorySource } from "../config/memory-source.ts";
import { ALERT, DEBUG, ERR, ErrorLog, INFO, levelByName, levelName, NOTICE, standardError } from "./error-log.ts";
import { addErrorLog } from "./error-log-directive.ts";
import { exceptionText } from "./exception-text.ts";
import { LogFile } from "./log-file.ts";
import { SyslogTarget } from "./syslog.ts";

const folder = mkdtempSync(join(tmpdir(), "hopway-errors-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("lines have nginx's form, and go where their level is wanted", () => {
  const all = join(folder, "all");
  const grave = join(folder, "grave");
  const log = new ErrorLog([
    { level: INFO, to: new LogFile(all) },
    { level: ALERT, to: new LogFile(grave) },
  ]);
  log.write(ALERT, 7, "message");
  log.write(INFO, 0, "other");
  log.write(DEBUG, 0, "unwanted");
  const time = "\\d{4}/\\d\\d/\\d\\d \\d\\d:\\d\\d:\\d\\d";
  const { pid } = process;
  const first = `${time} \\[alert\\] ${pid}#${pid}: \\*7 message\\n`;
  expect(readFileSync(all, "latin1")).toMatch(new RegExp(`^${first}${time} \\[info\\] ${pid}#${pid}: other\\n$`));
  expect(readFileSync(grave, "latin1")).toMatch(new RegExp(`^${first}$`));
  expect([log.enabled(INFO), log.enabled(DEBUG)]).toEqual([true, false]);
});

test("control characters begin no lines and reach no terminal", () => {
  const path = join(folder, "visible");
  const log = new ErrorLog([{ level: ERR, to: new LogFile(path) }]);
  log.write(ERR, 0, 'open() "/a\n2026/01/01 [emerg] forged\r\x1b[2J\x00\x7f\xe9" failed');
  log.write(ERR, 0, exceptionText(new Error("oops")));
  const [first, second, ...rest] = readFileSync(path, "latin1").split("\n");
  expect(first).toEndWith('open() "/a\\x0A2026/01/01 [emerg] forged\\x0D\\x1B[2J\\x00\\x7F\xe9" failed');
  expect(second).toMatch(/: Error: oops \| at .*error-log\.test\.ts/);
  expect(rest).toEqual([""]);
});

test("long lines are cut", () => {
  const path = join(folder, "long");
  new ErrorLog([{ level: ERR, to: new LogFile(path) }]).write(ERR, 0, "x".repeat(5000));
  expect(readFileSync(path, "latin1")).toHaveLength(2048);
});

test("level names and numbers", () => {
  for (let level = 1; level <= 8; level++) {
    const known = levelByName(["emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"][level - 1] ?? "");
    expect(known).toBe(level as typeof ERR);
    expect(known === undefined ? "" : levelName(known)).toBe(levelName(level as typeof ERR));
  }
  expect(levelByName("")).toBeUndefined();
});

function site(args: readonly string[]): DirectiveSite {
  const statement = { name: "error_log", args, file: "x", line: 1, startLine: 1, block: undefined };
  const load = new LoadContext("/prefix/", "/conf/", memorySource({}), { lookup: async () => [] });
  return {
    statement,
    load,
    scope: { kind: MAIN, parent: undefined, statement: undefined, settings: [], children: [] },
  };
}

describe("error_log", () => {
  const good: readonly (readonly [string, number])[] = [
    ["logs/e.log", ERR],
    ["logs/e.log notice", NOTICE],
    ["logs/e.log debug_http debug_event", DEBUG],
    ["stderr debug", DEBUG],
    ["syslog:server=127.0.0.1", ERR],
  ];
  for (const [text, level] of good) {
    test(text, () => {
      const args = text.split(" ");
      const log = addErrorLog(undefined, args, site(args));
      expect(log instanceof ConfigFault ? log.message : log.targets[0]?.level).toBe(level as typeof ERR);
    });
  }
  const bad: readonly (readonly [string, string])[] = [
    ["x foo", 'invalid log level "foo"'],
    ["x error crit", 'duplicate log level "crit"'],
    ["x error debug_http", 'invalid log level "debug_http"'],
    ["syslog:", 'unknown syslog parameter ""'],
    ["syslog:facility=user", "no syslog server specified"],
    ["syslog:server=127.0.0.1,server=127.0.0.2", 'duplicate syslog "server"'],
    ["syslog:server=127.0.0.1:0", 'invalid port in syslog server "127.0.0.1:0"'],
    ["syslog:server=127.0.0.1,facility=foo", 'unknown syslog facility "foo"'],
    ["syslog:server=127.0.0.1,severity=foo", 'unknown syslog severity "foo"'],
    ["syslog:server=127.0.0.1,tag=a-b", 'syslog "tag" only allows alphanumeric characters and underscore'],
    ["syslog:server=127.0.0.1,foo=bar", 'unknown syslog parameter "foo=bar"'],
  ];
  for (const [text, message] of bad) {
    test(text, () => {
      const args = text.split(" ");
      expect(addErrorLog(undefined, args, site(args))).toEqual(new ConfigFault(message));
    });
  }
  test("a second one adds a target", () => {
    const first = addErrorLog(undefined, ["stderr"], site(["stderr"]));
    if (first instanceof ConfigFault) throw new Error(first.message);
    const both = addErrorLog(first, ["e", "info"], site(["e", "info"]));
    if (both instanceof ConfigFault) throw new Error(both.message);
    expect(both.targets.map(({ to }) => to === standardError)).toEqual([true, false]);
    expect(both.targets[1]?.to).toMatchObject({ path: "/prefix/e" });
  });
});

test("syslog lines are RFC 3164 datagrams", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const server = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: { data: (_socket, data) => resolve(data.toString()) },
  });
  const args = [`syslog:server=127.0.0.1:${server.port},facility=local0,tag=gate,nohostname`, "info"];
  const log = addErrorLog(undefined, args, site(args));
  if (log instanceof ConfigFault) throw new Error(log.message);
  expect(log.targets[0]?.to).toBeInstanceOf(SyslogTarget);
  log.write(ERR, 0, "message");
  // local0 is 16; error is 3.
  expect(await promise).toMatch(
    /^<131>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d gate: \d{4}\/.* \[error\] \d+#\d+: message$/,
  );
  server.close();
});

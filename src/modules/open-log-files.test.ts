import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { appendToLog, closeKeptLogs, type OpenLogCacheSettings } from "./open-log-files.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hopway-logs-"));
});
afterEach(() => {
  closeKeptLogs();
  rmSync(folder, { recursive: true, force: true });
});

const kept: OpenLogCacheSettings = { max: 2, inactiveMs: 60_000, minUses: 1, validMs: 60_000 };

/** Names of the files of the folder that this process has open. */
function openNames(): string[] {
  const names: string[] = [];
  for (const fd of readdirSync("/proc/self/fd")) {
    let target = "";
    try {
      target = readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      continue;
    }
    if (target.startsWith(`${folder}/`)) names.push(target.slice(folder.length + 1));
  }
  return names.sort();
}

function append(name: string, line: string, cache: OpenLogCacheSettings | "off"): string | undefined {
  return appendToLog(join(folder, name), line, cache);
}

test("without a cache every line opens and closes its file", () => {
  append("a", "1\n", "off");
  append("a", "2\n", "off");
  expect(openNames()).toEqual([]);
  expect(readFileSync(join(folder, "a"), "latin1")).toBe("1\n2\n");
});

test("the cache keeps the files used last, at most so many", () => {
  for (const name of ["a", "b", "a", "c"]) append(name, `${name}\n`, kept);
  expect(openNames()).toEqual(["a", "c"]);
});

test("a file is kept from min_uses on", () => {
  const cache = { ...kept, minUses: 2 };
  append("a", "1\n", cache);
  expect(openNames()).toEqual([]);
  append("a", "2\n", cache);
  expect(openNames()).toEqual(["a"]);
});

test("a renamed file is noticed when it is looked at again", () => {
  const cache = { ...kept, validMs: 0 };
  append("a", "1\n", cache);
  renameSync(join(folder, "a"), join(folder, "a.1"));
  append("a", "2\n", cache);
  expect(readFileSync(join(folder, "a"), "latin1")).toBe("2\n");
  expect(readFileSync(join(folder, "a.1"), "latin1")).toBe("1\n");
});

test("reopening closes all kept files", () => {
  append("a", "1\n", kept);
  closeKeptLogs();
  expect(openNames()).toEqual([]);
});

test("a folder that is not there is told in nginx's words, names are bytes", () => {
  expect(append("no/x", "1\n", kept)).toBe(`open() "${folder}/no/x" failed (2: No such file or directory)`);
  append("caf\xc3\xa9", "1\n", "off");
  expect(readdirSync(folder)).toEqual(["café"]);
});

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogFile, onLogFailure, reopenLogs, sharedLogFile } from "./log-file.ts";

const folder = mkdtempSync(join(tmpdir(), "hopway-log-"));
afterAll(() => rmSync(folder, { recursive: true }));
const read = (name: string): string => readFileSync(join(folder, name), "latin1");
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test("lines of one turn are written together when it ends", async () => {
  const file = new LogFile(join(folder, "turn"));
  expect(file.open()).toBeUndefined();
  file.append("one\xff\n");
  file.append("two\n");
  expect(read("turn")).toBe("");
  await nextTurn();
  expect(read("turn")).toBe("one\xff\ntwo\n");
});

test("buffer= holds lines back until it is full or flushed", async () => {
  const file = new LogFile(join(folder, "buffered"));
  file.setBuffer(8, 0);
  file.append("12345\n");
  await nextTurn();
  file.append("678\n");
  expect(read("buffered")).toBe("12345\n");
  file.flush();
  expect(read("buffered")).toBe("12345\n678\n");
});

test("after a rotation the path is a new file", () => {
  const file = sharedLogFile(join(folder, "rotated"));
  file.writeNow("before\n");
  renameSync(join(folder, "rotated"), join(folder, "rotated.1"));
  file.append("waiting\n");
  reopenLogs();
  file.writeNow("after\n");
  expect(read("rotated.1")).toBe("before\nwaiting\n");
  expect(read("rotated")).toBe("after\n");
});

test("one file per path", () => expect(sharedLogFile("/x")).toBe(sharedLogFile("/x")));

test("what cannot be opened is complained about once, and nothing is thrown", () => {
  const complaints: string[] = [];
  onLogFailure((message) => complaints.push(message));
  const path = join(folder, "missing", "log");
  const file = new LogFile(path);
  file.writeNow("1\n");
  file.writeNow("2\n");
  expect(complaints).toEqual([`open() "${path}" failed (2: No such file or directory)`]);
});

test("a full disk is complained about and nothing is thrown", () => {
  const complaints: string[] = [];
  onLogFailure((message) => complaints.push(message));
  new LogFile("/dev/full").writeNow("1\n");
  expect(complaints).toEqual(['write() to "/dev/full" failed (28: No space left on device)']);
});

test("a rotation that fails keeps the old file", () => {
  onLogFailure(() => {});
  const file = new LogFile(join(folder, "kept"));
  file.writeNow("1\n");
  Object.defineProperty(file, "path", { value: join(folder, "missing", "kept") });
  file.reopen();
  file.writeNow("2\n");
  expect(read("kept")).toBe("1\n2\n");
});

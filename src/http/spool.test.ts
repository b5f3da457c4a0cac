import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Spool, type SpoolKind } from "./spool.ts";
import { tempFileName } from "./temp-directory.ts";

const folder = mkdtempSync(join(tmpdir(), "hopway-spool-"));
const directory = { path: folder, levels: [] };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function readAll(spool: Spool, step: number): string {
  let all = "";
  for (let piece = spool.read(step); piece !== undefined; piece = spool.read(step)) all += piece.toString("latin1");
  return all;
}

describe("temp file names", () => {
  const cases: [levels: number[], number: number, expected: string][] = [
    [[], 1, "/t/0000000001"],
    [[1], 567, "/t/7/0000000567"],
    [[1, 2], 567, "/t/7/56/0000000567"],
    [[2, 2, 3], 1234567890, "/t/90/78/456/1234567890"],
  ];
  for (const [levels, number, expected] of cases) {
    test(expected, () => expect(tempFileName({ path: "/t", levels }, number)).toBe(expected));
  }
});

test("a replay spool gives the same bytes after rewind, in memory and in a file", () => {
  for (const memory of [100, 3]) {
    const spool = new Spool("replay", memory, Number.POSITIVE_INFINITY, directory);
    for (const text of ["ab", "cde", "f"]) expect(spool.append(Buffer.from(text))).toBe(true);
    expect(spool.inFile).toBe(memory === 3);
    expect(spool.bytes).toBe(6);
    expect(readAll(spool, 4)).toBe("abcdef");
    spool.rewind();
    expect(spool.unread).toBe(6);
    expect(readAll(spool, 1)).toBe("abcdef");
    spool.release();
  }
});

test("a replay spool that moves to its file keeps the place of its reader", () => {
  const spool = new Spool("replay", 4, Number.POSITIVE_INFINITY, directory);
  spool.append(Buffer.from("abcd"));
  expect(spool.read(3)?.toString("latin1")).toBe("abc");
  spool.append(Buffer.from("ef"));
  expect(spool.inFile).toBe(true);
  expect(readAll(spool, 10)).toBe("def");
});

test("what becomes of the file", () => {
  const cases: ["unlinked" | "clean" | "kept", whileOpen: boolean, after: boolean][] = [
    ["unlinked", false, false],
    ["clean", true, false],
    ["kept", true, true],
  ];
  for (const [naming, whileOpen, after] of cases) {
    const leveled = { path: folder, levels: [1, 2] };
    const spool = new Spool("replay", 0, Number.POSITIVE_INFINITY, leveled, naming);
    spool.append(Buffer.from("x"));
    expect(existsSync(spool.fileName ?? "")).toBe(whileOpen);
    spool.release();
    spool.release();
    expect(existsSync(spool.fileName ?? "")).toBe(after);
  }
});

test("a fifo without a file is full when its memory is, and has room after a read", () => {
  const spool = new Spool("fifo", 4, 0, directory);
  expect(spool.append(Buffer.from("abc"))).toBe(true);
  expect(spool.append(Buffer.from("de"))).toBe(false);
  expect(spool.read(10)?.toString("latin1")).toBe("abc");
  expect(spool.full).toBe(false);
  expect(readAll(spool, 10)).toBe("de");
});

test("a fifo is full when its file is, and uses memory again when the file has been read", () => {
  const spool = new Spool("fifo", 2, 5, directory);
  expect(spool.append(Buffer.from("ab"))).toBe(true);
  expect(spool.append(Buffer.from("cde"))).toBe(true);
  expect(spool.append(Buffer.from("fg"))).toBe(false);
  expect(readAll(spool, 3)).toBe("abcdefg");
  expect(spool.full).toBe(false);
  expect(spool.append(Buffer.from("h"))).toBe(true);
  expect(readAll(spool, 3)).toBe("h");
  spool.release();
});

test("a folder that has been removed is made again", () => {
  const spool = new Spool("replay", 0, Number.POSITIVE_INFINITY, { path: `${folder}/removed`, levels: [] });
  expect(spool.append(Buffer.from("x"))).toBe(true);
  spool.release();
});

test("a folder that cannot be made is a failure in nginx's words", () => {
  const spool = new Spool("replay", 0, Number.POSITIVE_INFINITY, { path: `${folder}/none/below`, levels: [] });
  expect(spool.append(Buffer.from("x"))).toBe(false);
  expect(spool.failure).toMatch(/^mkdir\(\) ".*\/none\/below" failed \(2: No such file or directory\)$/);
});

test("bytes come out in the order in which they went in, whatever the sizes", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
  for (let round = 0; round < 60; round++) {
    const kind: SpoolKind = round % 2 === 0 ? "fifo" : "replay";
    const spool = new Spool(kind, random(200), random(3) === 0 ? 0 : Number.POSITIVE_INFINITY, directory);
    let written = "";
    let read = "";
    for (let i = 0; i < 60; i++) {
      if (random(2) === 0) {
        const text = String.fromCharCode(97 + random(26)).repeat(1 + random(80));
        spool.append(Buffer.from(text, "latin1"));
        written += text;
      } else {
        read += spool.read(1 + random(100))?.toString("latin1") ?? "";
      }
      if (spool.unread !== written.length - read.length) throw new Error(`seed ${seed}, round ${round}: unread`);
    }
    read += readAll(spool, 7);
    if (read !== written) throw new Error(`seed ${seed}, round ${round}: other bytes`);
    spool.release();
  }
  expect(readdirSync(folder).filter((name) => /^\d{10}$/.test(name))).toEqual([]);
});

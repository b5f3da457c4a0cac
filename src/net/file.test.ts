import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, openFile, openFileStatus, pathStatus } from "./file.ts";
import { closeDescriptor, readAt } from "./libc.ts";

const folder = mkdtempSync(join(tmpdir(), "hopway-file-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

writeFileSync(at("plain"), "x".repeat(1000));
chmodSync(at("plain"), 0o644);
writeFileSync(Buffer.from(at("caf\xe9"), "latin1"), "tea");
writeFileSync(at("tool"), "");
chmodSync(at("tool"), 0o700);
utimesSync(at("tool"), 2_000_000_000, 1_234_567_890);
mkdirSync(at("below"));
symlinkSync("plain", at("link"));
symlinkSync("circle", at("circle"));

test.each([
  ["plain", { isFile: true, isFolder: false, ownerExecutes: false, size: 1000 }],
  ["link", { isFile: true, isFolder: false, ownerExecutes: false, size: 1000 }],
  ["caf\xe9", { isFile: true, size: 3 }],
  ["plain\0.html", { isFile: true, size: 1000 }],
  ["tool", { isFile: true, ownerExecutes: true, size: 0, modifiedSeconds: 1_234_567_890 }],
  ["below", { isFile: false, isFolder: true }],
  ["none", ENOENT],
  ["plain/x", ENOTDIR],
  ["circle", ELOOP],
  ["x".repeat(300), ENAMETOOLONG],
  ["x/".repeat(3000), ENAMETOOLONG],
] as const)("case %#", (name, expected) => {
  const status = pathStatus(at(name));
  if (typeof expected === "number") {
    expect(status).toBe(expected);
    expect(openFile(at(name))).toBe(-expected);
    return;
  }
  expect(status).toMatchObject(expected);
  const fd = openFile(at(name));
  expect(fd).toBeGreaterThan(0);
  expect(openFileStatus(fd)).toEqual(status);
  closeDescriptor(fd);
});

test("the same as node:fs says", () => {
  const { ino, mtimeMs, size } = statSync(at("plain"));
  expect(pathStatus(at("plain"))).toMatchObject({ inode: ino, modifiedSeconds: Math.floor(mtimeMs / 1000), size });
});

test("reads where it is told to", () => {
  writeFileSync(at("digits"), "0123456789");
  const fd = openFile(at("digits"));
  const room = Buffer.alloc(4, "-");
  expect([readAt(fd, room, 4, 2), String(room)]).toEqual([4, "2345"]);
  expect([readAt(fd, room, 4, 8), String(room)]).toEqual([2, "8945"]);
  expect(readAt(fd, room, 4, 10)).toBe(0);
  closeDescriptor(fd);
  expect(readAt(fd, room, 4, 0)).toBe(-1);
});

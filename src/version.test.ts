import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SERVER_TOKEN, VERSION } from "./version.ts";

test("the version is that of package.json", () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dir, "../package.json"), "utf8"));
  expect(VERSION).toBe(version);
  expect(SERVER_TOKEN).toBe(`hopway/${version}`);
});

test("the lock file is of the same version", () => {
  const { version, packages } = JSON.parse(readFileSync(join(import.meta.dir, "../package-lock.json"), "utf8"));
  expect([version, packages[""].version]).toEqual([VERSION, VERSION]);
});

/** Temporary folders of a test, removed when asked or when the process ends; `HOPWAY_KEEP_TEMP` keeps them to look at. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made = new Set<string>();

process.on("exit", () => {
  for (const path of made) removeTempDir(path);
});

/** A new empty folder that every user may enter: workers of a gateway started by root may run as another user. */
export function makeTempDir(): string {
  const path = mkdtempSync(join(tmpdir(), "hopway-test-"));
  chmodSync(path, 0o755);
  made.add(path);
  return path;
}

/** Removes a folder made by `makeTempDir` with all that is in it. */
export function removeTempDir(path: string): void {
  made.delete(path);
  if (!process.env["HOPWAY_KEEP_TEMP"]) rmSync(path, { recursive: true, force: true });
}

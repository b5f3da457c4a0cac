/** Writes changed configuration files: each as a whole or not at all, with the rights that it had. */
import { chmodSync, chownSync, realpathSync, renameSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import type { ChangedFile } from "./mend.ts";

/** Replaces the files; links stay links. What could not be written is told, and nothing of that file is changed. */
export function writeFiles(files: readonly ChangedFile[]): string[] {
  return files.flatMap(({ path, after }) => {
    try {
      replaceFile(Buffer.from(path, "latin1").toString(), Buffer.from(after, "latin1"));
      return [];
    } catch (error) {
      return [`${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
}

function replaceFile(path: string, bytes: Buffer): void {
  const real = realpathSync(path);
  const { mode, uid, gid } = statSync(real);
  const fresh = `${real}.hopway-${process.pid}`;
  try {
    writeFileSync(fresh, bytes, { flag: "wx", mode: 0o600 });
    if (process.getuid?.() === 0) chownSync(fresh, uid, gid);
    chmodSync(fresh, mode & 0o7777);
    renameSync(fresh, real);
  } catch (error) {
    removeQuietly(fresh);
    throw error;
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, or has its name already.
  }
}

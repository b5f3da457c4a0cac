/** Configuration files on the disk. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { getSystemErrorMap } from "node:util";
import { type Folders, glob } from "./glob.ts";
import type { ConfigSource } from "./load-context.ts";

/** strerror(3) for what opening and reading a file can answer: the runtime has words of its own, people grep for these. */
const STRERROR: ReadonlyMap<number, string> = new Map([
  [1, "Operation not permitted"],
  [2, "No such file or directory"],
  [5, "Input/output error"],
  [12, "Cannot allocate memory"],
  [13, "Permission denied"],
  [20, "Not a directory"],
  [21, "Is a directory"],
  [23, "Too many open files in system"],
  [24, "Too many open files"],
  [36, "File name too long"],
  [40, "Too many levels of symbolic links"],
]);

/** Reads from the disk. Paths and texts are latin1: one character for each byte, in names as in contents. */
export const diskSource: ConfigSource = {
  read(path) {
    try {
      return readFileSync(bytes(path)).latin1Slice();
    } catch (error) {
      return describeError(error);
    }
  },
  glob: (pattern) => glob(pattern, disk),
};

const disk: Folders = {
  list(folder) {
    try {
      return readdirSync(bytes(folder), { encoding: "buffer" }).map((name) => name.latin1Slice());
    } catch {
      // glob(3) without GLOB_ERR passes over folders that cannot be read.
      return [];
    }
  },
  exists: (path) => existsSync(bytes(path)),
};

/** As for C's strings, a name ends at the first NUL. */
function bytes(path: string): Buffer {
  return Buffer.from(path.split("\0", 1)[0] ?? "", "latin1");
}

function describeError(error: unknown): { readonly errno: number; readonly text: string } {
  if (!(error instanceof Error) || !("errno" in error) || typeof error.errno !== "number") throw error;
  const errno = Math.abs(error.errno);
  return { errno, text: STRERROR.get(errno) ?? getSystemErrorMap().get(-errno)?.[1] ?? error.message };
}

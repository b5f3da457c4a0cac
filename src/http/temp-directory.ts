/** Folders for temporary files (client_body_temp_path, proxy_temp_path): made at start, with subfolders on demand. */
import { chownSync, mkdirSync, openSync, statSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import type { LeveledPath } from "../config/list-arguments.ts";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import { diskPath } from "../net/disk-path.ts";
import { exceptionErrno, numberedException } from "../net/libc.ts";

/** Digits of a temporary file's name. */
const NAME_DIGITS = 10;
const NAME_LIMIT = 10 ** NAME_DIGITS;
/** Step to another range of names after a collision with a file of another process. */
const COLLISION_STEP = 123_456;
/** So many names are tried before the folder counts as unusable: nginx tries for ever. */
const MAX_TRIES = 1000;
const ENOENT = 2;
const EEXIST = 17;

/** Where temporary files go that the configuration has no place for; every user who starts hopway has folders of its own. */
export function defaultTempDirectory(name: string): LeveledPath {
  return { path: `${tmpdir()}/hopway-${process.getuid?.() ?? 0}-${name}`, levels: [] };
}

/** The folders that a configuration names. */
const declaredTempDirectories = perLoad<Map<string, LeveledPath>>(() => new Map());

/** Notes a folder, so that `createTempDirectories` makes it when the process starts. */
export function declareTempDirectory(load: LoadContext, directory: LeveledPath): void {
  declaredTempDirectories(load).set(directory.path, directory);
}

/**
 * Makes the folders that a configuration names (mode 0700) and gives them to the workers' user, as ngx_create_paths.
 * Returns the first failure in nginx's words.
 */
export function createTempDirectories(load: LoadContext, uid: number | undefined): string | undefined {
  for (const { path } of declaredTempDirectories(load).values()) {
    const failure = createTempDirectory(path, uid);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function createTempDirectory(path: string, uid: number | undefined): string | undefined {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (exceptionErrno(error) !== EEXIST) return `mkdir() "${path}" failed (${numberedException(error)})`;
  }
  if (uid === undefined) return undefined;
  try {
    const stat = statSync(path);
    if (stat.uid !== uid) chownSync(path, uid, stat.gid);
    return undefined;
  } catch (error) {
    return `chown("${path}", ${uid}) failed (${numberedException(error)})`;
  }
}

let nextNumber = 0;

/** `/tmp/x/7/56/0000000567` for levels 1 and 2: subfolders are named by the last digits (ngx_create_hashed_filename). */
export function tempFileName(directory: LeveledPath, number: number): string {
  const name = String(number).padStart(NAME_DIGITS, "0");
  let path = directory.path;
  let end = name.length;
  for (const level of directory.levels) {
    path += `/${name.slice(end - level, end)}`;
    end -= level;
  }
  return `${path}/${name}`;
}

/** An open temporary file, for reading and writing. */
export interface TempFile {
  readonly fd: number;
  readonly name: string;
}

/**
 * Creates a file with a new name, mode 0600; with `keepName` false the name is removed at once, so that nothing is left
 * behind however the process ends. Returns nginx's words on failure (ngx_create_temp_file).
 */
export function createTempFile(directory: LeveledPath, keepName: boolean): TempFile | string {
  let failure = "";
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    nextNumber = (nextNumber + 1) % NAME_LIMIT;
    const name = tempFileName(directory, nextNumber);
    try {
      const fd = openSync(diskPath(name), "wx+", 0o600);
      if (!keepName) unlinkSync(diskPath(name));
      return { fd, name };
    } catch (error) {
      failure = `open() "${name}" failed (${numberedException(error)})`;
      const errno = exceptionErrno(error);
      if (errno === EEXIST) {
        nextNumber += COLLISION_STEP;
      } else if (errno === ENOENT) {
        const made = createMissing(directory.path, name);
        if (made !== undefined) return made;
      } else {
        return failure;
      }
    }
  }
  return failure;
}

/**
 * Makes the folders from `root` to `name`: subfolders are made when the first file needs them, and what tidies up /tmp
 * may have taken the folder itself.
 */
function createMissing(root: string, name: string): string | undefined {
  let slash = root.length;
  while (slash > 0) {
    const folder = name.slice(0, slash);
    try {
      mkdirSync(folder, 0o700);
    } catch (error) {
      if (exceptionErrno(error) !== EEXIST) return `mkdir() "${folder}" failed (${numberedException(error)})`;
    }
    slash = name.indexOf("/", slash + 1);
  }
  return undefined;
}

/**
 * Files that are looked at and read for requests, through libc: `node:fs` makes objects and exceptions that cost more
 * than the calls. Paths hold one char per byte; as for C, a name ends at its first NUL.
 */
import { fileDetails, lastErrno, openForReading } from "./libc.ts";

export const ENOENT = 2;
export const EACCES = 13;
export const ENOTDIR = 20;
export const ENAMETOOLONG = 36;
export const ELOOP = 40;
/** PATH_MAX of Linux, with the final zero. */
const MAX_PATH_BYTES = 4096;

const pathRoom = Buffer.alloc(MAX_PATH_BYTES);
const NO_PATH = Buffer.alloc(1);

/** `struct statx`: where the fields stand. */
const STATX_BYTES = 256;
const MODE_AT = 28;
const SIZE_AT = 40;
const INODE_AT = 32;
const MODIFIED_SECONDS_AT = 112;

const TYPE_MASK = 0o170000;
const REGULAR = 0o100000;
const FOLDER = 0o040000;
const OWNER_EXECUTES = 0o100;

const details = Buffer.alloc(STATX_BYTES);

/** What a file is. */
export interface FileStatus {
  readonly isFile: boolean;
  readonly isFolder: boolean;
  /** Its owner may execute it. */
  readonly ownerExecutes: boolean;
  readonly size: number;
  readonly modifiedSeconds: number;
  readonly inode: number;
}

function writePath(path: string): boolean {
  if (path.length >= MAX_PATH_BYTES) return false;
  pathRoom[pathRoom.latin1Write(path, 0)] = 0;
  return true;
}

/** A descriptor for reading, or the error number, negative. A pipe or device does not block. */
export function openFile(path: string): number {
  if (!writePath(path)) return -ENAMETOOLONG;
  const fd = openForReading(pathRoom);
  return fd < 0 ? -lastErrno() : fd;
}

/** Of an open file; the error number when the system knows no such descriptor. */
export function openFileStatus(fd: number): FileStatus | number {
  return fileDetails(fd, NO_PATH, details) < 0 ? lastErrno() : readDetails();
}

/** Of what a path leads to, symbolic links followed; the error number where there is nothing. */
export function pathStatus(path: string): FileStatus | number {
  if (!writePath(path)) return ENAMETOOLONG;
  return fileDetails(-1, pathRoom, details) < 0 ? lastErrno() : readDetails();
}

function readDetails(): FileStatus {
  const mode = details.readUInt16LE(MODE_AT);
  const type = mode & TYPE_MASK;
  return {
    isFile: type === REGULAR,
    isFolder: type === FOLDER,
    ownerExecutes: (mode & OWNER_EXECUTES) !== 0,
    size: wide(SIZE_AT),
    modifiedSeconds: wide(MODIFIED_SECONDS_AT),
    inode: wide(INODE_AT),
  };
}

/** A 64-bit field; beyond 2^53 it loses its last digits. */
function wide(at: number): number {
  return details.readUInt32LE(at) + details.readInt32LE(at + 4) * 0x1_0000_0000;
}

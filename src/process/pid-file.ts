/** The file that holds the master's process number. */
import { closeSync, openSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { diskPath } from "../net/disk-path.ts";
import { numberedException } from "../net/libc.ts";

/** Writes the number of this process; returns nginx's words on failure. */
export function writePidFile(path: string): string | undefined {
  return attempt(path, () => writeFileSync(diskPath(path), `${process.pid}\n`));
}

/** As `-t` does: makes sure that the file can be written, and leaves what it holds. */
export function checkPidFile(path: string): string | undefined {
  return attempt(path, () => closeSync(openSync(diskPath(path), "a", 0o644)));
}

/** Removes the file; returns nginx's words on failure. */
export function removePidFile(path: string): string | undefined {
  try {
    unlinkSync(diskPath(path));
    return undefined;
  } catch (error) {
    return `unlink() "${path}" failed (${numberedException(error)})`;
  }
}

/** The process number in the file, or what is wrong in nginx's words. */
export function readPidFile(path: string): number | string {
  let text = "";
  const failure = attempt(path, () => {
    text = readFileSync(diskPath(path), "latin1");
  });
  if (failure !== undefined) return failure;
  const digits = text.replace(/[\r\n]+$/, "");
  return /^[0-9]{1,15}$/.test(digits) ? Number(digits) : `invalid PID number "${digits}" in "${path}"`;
}

function attempt(path: string, action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return `open() "${path}" failed (${numberedException(error)})`;
  }
}

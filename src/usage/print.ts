/** Standard output and standard error of commands: written at once, so that nothing is lost when the process ends. */
import { writeSync } from "node:fs";
import { EAGAIN, EPIPE, exceptionErrno } from "../net/libc.ts";

const STDOUT = 1;
const STDERR = 2;
/** A reader that is slow is waited for. */
const RETRY_MS = 5;

/** Prints UTF-8 bytes. */
export function print(text: string): void {
  writeAll(STDOUT, Buffer.from(text, "utf8"));
}

/** Prints text that has one char for each byte, as configurations have. */
export function printBytes(text: string): void {
  writeAll(STDOUT, Buffer.from(text, "latin1"));
}

/** Tells on standard error why a command cannot do its work; one char for each byte. */
export function complain(message: string): void {
  writeAll(STDERR, Buffer.from(`hopway: ${message}\n`, "latin1"));
}

/** Tells on standard error what has been done, so that reports for programs stay what they are. */
export function remark(text: string): void {
  writeAll(STDERR, Buffer.from(text, "latin1"));
}

function writeAll(fd: number, bytes: Buffer): void {
  let done = 0;
  while (done < bytes.length) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      const errno = exceptionErrno(error);
      // Nobody reads any more: `| head`.
      if (errno === EPIPE) return;
      if (errno !== EAGAIN) throw error;
      Bun.sleepSync(RETRY_MS);
    }
  }
}

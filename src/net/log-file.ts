/**
 * Files that log lines are appended to. A file is opened once per process however many directives name it, and opened
 * again when the logs are rotated. What cannot be written is lost and complained about; it never stops a request.
 */
import { chownSync, closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import { diskPath } from "./disk-path.ts";
import { type Deferred, defer } from "./event-loop.ts";
import { exceptionErrno, numberedException } from "./libc.ts";
import { Timer, type TimerOwner } from "./timers.ts";

/** How often a file that cannot be written is complained about. */
const COMPLAINT_INTERVAL_MS = 60_000;

/** Lines of one turn of the event loop are collected up to this size where no `buffer=` is set. */
const TURN_BUFFER_BYTES = 65536;

/** Told about failures; the error log of the process once there is one. */
let complain: (message: string) => void = () => {};

/** Names the function that hears of log files that cannot be opened or written. */
export function onLogFailure(listener: (message: string) => void): void {
  complain = listener;
}

export class LogFile implements Deferred, TimerOwner {
  readonly path: string;
  private fd = -1;
  private lines = "";
  private scheduled = false;
  private bufferBytes = 0;
  private flushMs = 0;
  private timer: Timer | undefined = undefined;
  private complainedAt = Number.NEGATIVE_INFINITY;

  constructor(path: string, fd = -1) {
    this.path = path;
    this.fd = fd;
  }

  /** Sets `buffer=` and `flush=` of access_log: lines wait for `bytes` of them or `flushMs`, 0 for no timer. */
  setBuffer(bytes: number, flushMs: number): void {
    this.bufferBytes = bytes;
    this.flushMs = flushMs;
  }

  /** Opens the file if it is not open; returns nginx's words on failure. */
  open(): string | undefined {
    if (this.fd >= 0) return undefined;
    try {
      this.fd = openSync(diskPath(this.path), "a", 0o644);
      return undefined;
    } catch (error) {
      return `open() "${this.path}" failed (${numberedException(error)})`;
    }
  }

  get descriptor(): number {
    return this.fd;
  }

  /** Opens the path again and drops the old file; the old one stays in use if the new one cannot be opened. */
  reopen(): void {
    if (this.path === "") return;
    this.flush();
    const old = this.fd;
    this.fd = -1;
    const failure = this.open();
    if (failure !== undefined) {
      this.fd = old;
      complain(failure);
    } else if (old >= 0) {
      closeSync(old);
    }
  }

  /** Takes a line with its newline; it is written when the turn of the event loop ends, or as setBuffer says. */
  append(line: string): void {
    const limit = this.bufferBytes > 0 ? this.bufferBytes : TURN_BUFFER_BYTES;
    if (this.lines.length + line.length > limit) this.flush();
    this.lines += line;
    if (this.scheduled) return;
    if (this.bufferBytes === 0) {
      this.scheduled = true;
      defer(this);
    } else if (this.flushMs > 0) {
      this.scheduled = true;
      this.timer ??= new Timer(this, 0);
      this.timer.arm(this.flushMs);
    }
  }

  /** Writes a line at once. */
  writeNow(line: string): void {
    this.flush();
    this.write(line);
  }

  /** Writes what waits. */
  flush(): void {
    if (this.timer?.armed === true) {
      this.timer.release();
      this.scheduled = false;
    }
    if (this.lines === "") return;
    const lines = this.lines;
    this.lines = "";
    this.write(lines);
  }

  /** Gives the file to the user of the workers, as nginx does, so that they can open it again after a rotation. */
  giveTo(uid: number): void {
    if (this.path === "" || this.fd < 0) return;
    try {
      const stat = fstatSync(this.fd);
      if (stat.isFile() && stat.uid !== uid) chownSync(diskPath(this.path), uid, stat.gid);
    } catch (error) {
      complain(`chown("${this.path}", ${uid}) failed (${numberedException(error)})`);
    }
  }

  onTurn(): void {
    this.scheduled = false;
    this.flush();
  }

  onTimer(): void {
    this.onTurn();
  }

  private write(text: string): void {
    const failure = this.fd < 0 ? this.open() : undefined;
    if (failure !== undefined) {
      this.complainOnce(failure);
      return;
    }
    const bytes = Buffer.from(text, "latin1");
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(this.fd, bytes, done);
    } catch (error) {
      // A full pipe on stderr is not an error of the file: the line is lost, as with nginx.
      if (exceptionErrno(error) !== undefined) {
        this.complainOnce(`write() to "${this.path}" failed (${numberedException(error)})`);
      } else {
        throw error;
      }
    }
  }

  private complainOnce(message: string): void {
    const now = Date.now();
    if (now - this.complainedAt < COMPLAINT_INTERVAL_MS) return;
    this.complainedAt = now;
    complain(message);
  }
}

/** Every log file of this process by path. */
const files = new Map<string, LogFile>();

/** The log files that a configuration names. */
export const declaredLogs = perLoad<Set<LogFile>>(() => new Set());

/** The log file of that path, opened when the configuration has been read completely. */
export function logFile(load: LoadContext, path: string): LogFile {
  const file = sharedLogFile(path);
  declaredLogs(load).add(file);
  return file;
}

/** The log file of that path, one per process; for paths only known when a request is there. */
export function sharedLogFile(path: string): LogFile {
  const known = files.get(path);
  if (known !== undefined) return known;
  const file = new LogFile(path);
  files.set(path, file);
  return file;
}

/** Opens the files that a configuration names; returns the failures in nginx's words. */
export function openLogs(load: LoadContext): string[] {
  const failures: string[] = [];
  for (const file of declaredLogs(load)) {
    const failure = file.open();
    if (failure !== undefined) failures.push(failure);
  }
  return failures;
}

/** Opens all log files again, after a rotation (USR1). */
export function reopenLogs(): void {
  for (const file of files.values()) file.reopen();
}

/** Writes everything that waits; before the process ends. */
export function flushLogs(): void {
  for (const file of files.values()) file.flush();
}

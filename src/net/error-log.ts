/** The error log: nginx's lines, written at once, to files, stderr and syslog. */
import { type LoadContext, perLoad } from "../config/load-context.ts";
import { errorLogTime } from "./log-clock.ts";
import { LogFile } from "./log-file.ts";
import type { SyslogTarget } from "./syslog.ts";

/** nginx's numbers: a message is written where its number is at most the log's. */
export type LogLevel = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

export const STDERR = 0;
export const EMERG = 1;
export const ALERT = 2;
export const CRIT = 3;
export const ERR = 4;
export const WARN = 5;
export const NOTICE = 6;
export const INFO = 7;
export const DEBUG = 8;

const names = ["", "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"] as const;

const byName = new Map<string, LogLevel>([
  ["emerg", EMERG],
  ["alert", ALERT],
  ["crit", CRIT],
  ["error", ERR],
  ["warn", WARN],
  ["notice", NOTICE],
  ["info", INFO],
  ["debug", DEBUG],
]);

/** The name in the configuration and in log lines: `error`. */
export function levelName(level: LogLevel): string {
  return names[level];
}

/** The level of that name, or undefined. */
export function levelByName(name: string): LogLevel | undefined {
  return byName.get(name);
}

/** nginx cuts lines there (NGX_MAX_ERROR_STR). */
const MAX_LINE_BYTES = 2048;

/** One place that messages up to a level go to. */
export interface ErrorTarget {
  readonly level: LogLevel;
  readonly to: LogFile | SyslogTarget;
}

const TAB = 9;

/**
 * A message in one line: control characters are written `\\xHH`, as in access logs. Decoded paths stand in messages, and
 * nginx lets them begin lines of their own and reach terminals (CWE-117).
 */
function visible(message: string): string {
  for (let i = 0; i < message.length; i++) if (isControl(message.charCodeAt(i))) return escaped(message, i);
  return message;
}

function isControl(c: number): boolean {
  return (c < 0x20 && c !== TAB) || c === 0x7f;
}

function escaped(message: string, first: number): string {
  let out = message.slice(0, first);
  for (let i = first; i < message.length; i++) {
    const c = message.charCodeAt(i);
    out += isControl(c) ? `\\x${c.toString(16).toUpperCase().padStart(2, "0")}` : message.charAt(i);
  }
  return out;
}

function mostTalkative(targets: readonly ErrorTarget[]): LogLevel {
  let most: LogLevel = STDERR;
  for (const { level } of targets) if (level > most) most = level;
  return most;
}

export class ErrorLog {
  readonly targets: readonly ErrorTarget[];
  /** The most talkative level of all targets. */
  private readonly level: LogLevel;

  constructor(targets: readonly ErrorTarget[]) {
    this.targets = targets;
    this.level = mostTalkative(targets);
  }

  /** Whether a message of that level is written anywhere: ask before making an expensive one. */
  enabled(level: LogLevel): boolean {
    return level <= this.level;
  }

  /** Writes `time [level] pid#pid: *connection message`; `connectionNumber` 0 for none. Never throws. */
  write(level: LogLevel, connectionNumber: number, message: string): void {
    if (level > this.level) return;
    const pid = process.pid;
    const connection = connectionNumber > 0 ? `*${connectionNumber} ` : "";
    const line = `${errorLogTime()} [${levelName(level)}] ${pid}#${pid}: ${connection}${visible(message)}`;
    const cut = line.length >= MAX_LINE_BYTES ? line.slice(0, MAX_LINE_BYTES - 1) : line;
    for (const target of this.targets) {
      if (level > target.level) continue;
      if (target.to instanceof LogFile) target.to.writeNow(`${cut}\n`);
      else target.to.send(level - 1, cut);
    }
  }

  /** Opens the log's files again. */
  reopen(): void {
    for (const { to } of this.targets) if (to instanceof LogFile) to.reopen();
  }
}

/** Standard error as a log; it is never opened again. */
export const standardError = new LogFile("", 2);

let fallback: ErrorLog = new ErrorLog([{ level: ERR, to: standardError }]);

/** The log where the configuration names none: that of `-e`, or standard error, at level `error`. */
export function defaultErrorLog(): ErrorLog {
  return fallback;
}

/** Sets the file of `-e` as the log that holds where the configuration names none. */
export function setDefaultErrorLog(to: LogFile): void {
  fallback = new ErrorLog([{ level: ERR, to }]);
}

interface MainErrorLog {
  log: ErrorLog | undefined;
  /** Who uses it: it may be named after the block that wants it. */
  readonly users: ((log: ErrorLog) => void)[];
}

/** The log of the main level of one configuration; levels below it without error_log use it. */
export const mainErrorLog = perLoad<MainErrorLog>(() => ({ log: undefined, users: [] }));

/** Calls `use` with the main level's log as known so far, and again when all files have been read. */
export function useMainErrorLog(load: LoadContext, use: (log: ErrorLog) => void): void {
  mainErrorLog(load).users.push(use);
  use(errorLogOf(load));
}

/** All files have been read: the main level's log is known. */
export function settleMainErrorLog(load: LoadContext): void {
  for (const use of mainErrorLog(load).users) use(errorLogOf(load));
}

/** The log that holds at the main level: the one configured there, else the default. */
export function errorLogOf(load: LoadContext): ErrorLog {
  return mainErrorLog(load).log ?? defaultErrorLog();
}

/**
 * Messages of a command in the foreground, before the configuration's error log holds: `hopway: [emerg] ...` on standard
 * error, and with `-e` also the error log's form in that file.
 */
import { formatDiagnostic } from "../config/diagnostic.ts";
import type { Diagnostic } from "../config/syntax.ts";
import {
  type LogLevel,
  levelByName,
  levelName,
  NOTICE,
  setDefaultErrorLog,
  standardError,
  WARN,
} from "../net/error-log.ts";
import { errorLogTime } from "../net/log-clock.ts";
import { type LogFile, sharedLogFile } from "../net/log-file.ts";

export class StartupLog {
  private readonly file: LogFile | undefined;

  private constructor(file: LogFile | undefined) {
    this.file = file;
  }

  /** `errorLog`: as `-e` says; undefined without it. A file that cannot be opened is complained about and not used. */
  static open(errorLog: string | undefined): StartupLog {
    if (errorLog === undefined) return new StartupLog(undefined);
    if (errorLog === "stderr") return new StartupLog(standardError);
    const file = sharedLogFile(errorLog);
    setDefaultErrorLog(file);
    const failure = file.open();
    if (failure === undefined) return new StartupLog(file);
    const log = new StartupLog(standardError);
    log.say(`[alert] could not open error log file: ${failure}`);
    return log;
  }

  write(level: LogLevel, message: string): void {
    if (level > NOTICE) return;
    const pid = process.pid;
    this.file?.writeNow(`${errorLogTime()} [${levelName(level)}] ${pid}#${pid}: ${message}\n`);
    if (this.file !== standardError && level <= WARN) this.say(`[${levelName(level)}] ${message}`);
  }

  /** A line on standard error: `hopway: text`. */
  say(text: string): void {
    standardError.writeNow(`hopway: ${text}\n`);
  }

  diagnostic(diagnostic: Diagnostic): void {
    this.write(diagnosticLevel(diagnostic), diagnosticText(diagnostic));
  }
}

export function diagnosticLevel({ level }: Diagnostic): LogLevel {
  return levelByName(level) ?? WARN;
}

/** `message in file:line`, without the level: log lines have that elsewhere. */
export function diagnosticText(diagnostic: Diagnostic): string {
  return formatDiagnostic(diagnostic).slice(`[${diagnostic.level}] `.length);
}

/** What directives share while one configuration is being loaded: paths, diagnostics, and per-load state of modules. */
import type { Diagnostic, Statement } from "./syntax.ts";

/** Reads configuration files: the disk, or the snapshot that the master hands to a worker. */
export interface ConfigSource {
  /** The bytes as latin1, or the error text of the system call (`No such file or directory`) with its errno. */
  read(path: string): string | { readonly errno: number; readonly text: string };
  /** Paths that match a pattern, sorted, as glob(3). */
  glob(pattern: string): readonly string[];
}

/** Turns host names into addresses at load time. */
export interface HostLookup {
  /** IP literals in the order of the resolver; empty when the name is not found. */
  lookup(host: string): Promise<readonly string[]>;
}

export class LoadContext {
  /** Prefix of relative paths (`-p`), with a final slash. */
  readonly prefix: string;
  /** Directory of the main configuration file with a final slash: includes and certificates are relative to it. */
  readonly confPrefix: string;
  readonly source: ConfigSource;
  readonly diagnostics: Diagnostic[] = [];
  /** Statements that errors are about, for whoever goes on without them. */
  readonly faulty = new Set<Statement>();
  /** Work that must end before the configuration counts as loaded: host name look-ups. */
  readonly pending: Promise<void>[] = [];
  readonly hosts: HostLookup;
  private readonly states = new Map<object, unknown>();

  constructor(prefix: string, confPrefix: string, source: ConfigSource, hosts: HostLookup) {
    this.prefix = prefix;
    this.confPrefix = confPrefix;
    this.source = source;
    this.hosts = hosts;
  }

  /** Makes a path absolute against the prefix, as ngx_conf_full_name. */
  fullPath(path: string): string {
    return path.startsWith("/") ? path : this.prefix + path;
  }

  /** Makes a path absolute against the folder of the main configuration file. */
  confPath(path: string): string {
    return path.startsWith("/") ? path : this.confPrefix + path;
  }

  warn(statement: Statement | undefined, message: string): void {
    this.report("warn", statement, message);
  }

  fail(statement: Statement | undefined, message: string): void {
    if (statement !== undefined) this.faulty.add(statement);
    this.report("emerg", statement, message);
  }

  /** An error of the whole, found when every file has been read: nginx has said "syntax is ok" before it. */
  failLate(message: string, statement?: Statement): void {
    if (statement !== undefined) this.faulty.add(statement);
    this.diagnostics.push({ level: "emerg", message, file: statement?.file, line: statement?.line, late: true });
  }

  get failed(): boolean {
    return this.diagnostics.some((d) => d.level === "emerg");
  }

  /** The state that `key` stands for in this load; made on first use. Use through `perLoad`. */
  state<T>(key: (load: LoadContext) => T, create: (load: LoadContext) => T): T {
    if (!this.states.has(key)) this.states.set(key, create(this));
    return this.states.get(key) as T;
  }

  private report(level: Diagnostic["level"], statement: Statement | undefined, message: string): void {
    this.diagnostics.push({ level, message, file: statement?.file, line: statement?.line, late: false });
  }
}

/** Declares state that lives as long as one load: `const registry = perLoad(() => new Registry())`, then `registry(load)`. */
export function perLoad<T>(create: (load: LoadContext) => T): (load: LoadContext) => T {
  const key = (load: LoadContext): T => load.state(key, create);
  return key;
}

/** Starts a real nginx or hopway on a configuration text, in a folder of its own, and stops it by its pid. */
import { afterAll } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Subprocess } from "bun";
import { isReady, type ListensOn, listensOn } from "./listening.ts";
import { childrenOf, untilQuiet } from "./quiet.ts";
import { makeTempDir, removeTempDir } from "./temp-dir.ts";

/** How long a start or a stop may take before it counts as failed. Generous: the machine may be busy. */
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;
const POLL_MS = 5;

const REPOSITORY = resolve(import.meta.dir, "../..");

/** The nginx to compare with: `HOPWAY_NGINX`, or the one on the path; undefined where there is none. */
export function findNginx(): string | undefined {
  const named = process.env["HOPWAY_NGINX"];
  if (named) return Bun.which(named) ?? undefined;
  return Bun.which("nginx") ?? Bun.which("/usr/sbin/nginx") ?? undefined;
}

/** A gateway that is running. */
export interface Gateway {
  /** Its prefix folder, without a final slash; `{prefix}` in the configuration. */
  readonly prefix: string;
  /** The master's. */
  readonly pid: number;
  /** What `{prefix}/error.log` holds by now. */
  errorLog(): string;
  /** What `{prefix}/access.log` holds by now. */
  accessLog(): string;
  /** What it wrote to stderr by now. */
  stderr(): string;
  /** Resolves when it has dealt with everything that was sent to it. */
  quiet(): Promise<void>;
  /** Ends it (SIGTERM unless told otherwise), waits until it is gone, and gives the exit code. Logs stay readable until `remove`. */
  stop(signal?: NodeJS.Signals): Promise<number>;
  /** Waits until it is gone, told by somebody else, and gives the exit code. */
  ended(): Promise<number>;
  /** Removes its folder. */
  remove(): void;
}

/** How the running binaries differ in what a configuration must say. */
interface Flavour {
  readonly command: readonly string[];
  readonly tempPaths: readonly string[];
}

/**
 * Starts nginx and resolves when its workers serve every port and path that the text listens on. In the text, `{prefix}` stands for the
 * folder of this gateway, `{main}` for the directives of the main context that make it run as a child process, and
 * `{temp_paths}` for the http directives that keep temporary files in the folder. Rejects with what nginx said when it
 * ends instead.
 */
export function startNginx(configText: string): Promise<Gateway> {
  const binary = findNginx();
  if (binary === undefined) throw new Error("nginx is not installed");
  return start({ command: [binary], tempPaths: ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] }, configText);
}

/** As `startNginx`, with this repository's `bin/hopway`, or `HOPWAY_BIN`. */
export function startHopway(configText: string): Promise<Gateway> {
  const binary = process.env["HOPWAY_BIN"] ?? join(REPOSITORY, "bin/hopway");
  return start({ command: [binary], tempPaths: ["client_body", "proxy", "uwsgi", "scgi"] }, configText);
}

const running = new Set<Subprocess>();

/** A test that fails may leave its gateway to the end of its file; a run of one file has no gateway left then. */
afterAll(() => {
  for (const child of running) child.kill("SIGTERM");
});

/** A test run that is ended takes its gateways with it. */
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    for (const child of running) child.kill("SIGTERM");
    process.exit(1);
  });
}

async function start(flavour: Flavour, configText: string): Promise<Gateway> {
  const prefix = makeTempDir();
  const errorLogPath = join(prefix, "error.log");
  const stderrPath = join(prefix, "stderr.txt");
  const configPath = join(prefix, "nginx.conf");
  mkdirSync(join(prefix, "temp"));
  const text = configText
    .replaceAll("{main}", mainDirectives())
    .replaceAll("{temp_paths}", flavour.tempPaths.map((name) => `${name}_temp_path {prefix}/temp/${name};`).join(" "))
    .replaceAll("{prefix}", prefix);
  writeFileSync(configPath, text, "latin1");
  const child = Bun.spawn({
    cmd: [...flavour.command, "-p", `${prefix}/`, "-e", errorLogPath, "-c", configPath],
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(stderrPath),
  });
  running.add(child);
  child.exited.finally(() => running.delete(child));
  const read = (path: string): string => {
    try {
      return readFileSync(path, "latin1");
    } catch {
      return "";
    }
  };
  await untilReady(child, listensOn(text), () => read(stderrPath) + read(errorLogPath));
  return {
    prefix,
    pid: child.pid,
    errorLog: () => read(errorLogPath),
    accessLog: () => read(join(prefix, "access.log")),
    stderr: () => read(stderrPath),
    quiet: () => untilQuiet(child.pid),
    ended: () => child.exited,
    stop: (signal = "SIGTERM") => stop(child, signal),
    remove: () => removeTempDir(prefix),
  };
}

function mainDirectives(): string {
  // Started by root, workers would become "nobody" and could not read what the test wrote.
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  return `${user}daemon off;\npid {prefix}/nginx.pid;\nworker_processes 1;`;
}

async function untilReady(child: Subprocess, where: ListensOn, said: () => string): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`exited with ${child.exitCode}: ${said()}`);
    if (isReady(child.pid, where)) return;
    await Bun.sleep(POLL_MS);
  }
  await stop(child, "SIGTERM");
  throw new Error(
    `did not listen on ${[...where.ports, ...where.paths].join(", ")} in ${START_LIMIT_MS} ms: ${said()}`,
  );
}

async function stop(child: Subprocess, signal: NodeJS.Signals): Promise<number> {
  const workers = childrenOf(child.pid);
  child.kill(signal);
  const gone = await Promise.race([child.exited.then(() => true), Bun.sleep(STOP_LIMIT_MS).then(() => false)]);
  if (!gone) {
    // A master that has to be killed cannot end its workers any more.
    for (const pid of [child.pid, ...workers]) killQuietly(pid);
    await child.exited;
  }
  return child.exitCode ?? -1;
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended between the look and the signal.
  }
}

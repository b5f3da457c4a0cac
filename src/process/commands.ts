/** What the command line asks for: test, signal, or serve. Each returns an exit code, or undefined while it serves. */
import { umask } from "node:process";
import type { AnyModule } from "../config/any-module.ts";
import { dumpConfig } from "../config/dump.ts";
import { acceptedDirectives } from "../config/load.ts";
import { ALERT, EMERG, errorLogOf, type LogLevel } from "../net/error-log.ts";
import { duplicateOnto } from "../net/libc.ts";
import { listenSockets } from "../net/listen.ts";
import { LogFile, onLogFailure } from "../net/log-file.ts";
import { announceUp, goToBackground, inBackground } from "./daemon.ts";
import type { Flags } from "./flags.ts";
import { type FreshConfig, loadFiles } from "./load-files.ts";
import { Master, type MasterStart } from "./master.ts";
import { oldMaster } from "./new-binary.ts";
import { inheritedSockets, type OpenSocket, openSockets, trySockets } from "./open-sockets.ts";
import type { Paths } from "./paths.ts";
import { checkPidFile, writePidFile } from "./pid-file.ts";
import { prepareFiles } from "./prepare-files.ts";
import { processSettings } from "./settings.ts";
import { signalMaster } from "./signal-command.ts";
import { runSingle } from "./single.ts";
import type { StartupLog } from "./startup-log.ts";

/** Runs the command; `args` are those it was started with. */
export async function run(
  modules: readonly AnyModule[],
  flags: Flags,
  paths: Paths,
  log: StartupLog,
  args: readonly string[],
): Promise<number | undefined> {
  const load = (): Promise<FreshConfig> => loadFiles(modules, paths, flags);
  const fresh = await load();
  for (const diagnostic of fresh.config.diagnostics) {
    if (!diagnostic.late) log.diagnostic(diagnostic);
  }
  if (flags.test) return test(fresh, flags, paths, log);
  sayLateFaults(fresh, log);
  if (fresh.config.load.failed) return 1;
  if (flags.signal !== undefined) return signalMaster(flags.signal, processSettings(fresh.config).pidPath, log);
  return serve(fresh, load, log, args);
}

function sayLateFaults({ config }: FreshConfig, log: StartupLog): void {
  for (const diagnostic of config.diagnostics) if (diagnostic.late) log.diagnostic(diagnostic);
}

function test(fresh: FreshConfig, flags: Flags, paths: Paths, log: StartupLog): number {
  const { config } = fresh;
  const good = passes(fresh, flags, paths, log);
  if (!good) {
    log.say(`configuration file ${paths.configFile} test failed`);
    return 1;
  }
  if (!flags.quiet) {
    sayAccepted(fresh, log);
    log.say(`configuration file ${paths.configFile} test is successful`);
  }
  if (flags.dump) process.stdout.write(Buffer.from(dumpConfig(config.files), "latin1"));
  return 0;
}

function passes(fresh: FreshConfig, flags: Flags, paths: Paths, log: StartupLog): boolean {
  const { load, diagnostics } = fresh.config;
  if (diagnostics.some(({ level, late }) => level === "emerg" && !late)) return false;
  if (!flags.quiet) log.say(`the configuration file ${paths.configFile} syntax is ok`);
  sayLateFaults(fresh, log);
  if (load.failed) return false;
  const report = (level: LogLevel, message: string): void => log.write(level, message);
  const pidFailure = checkPidFile(processSettings(fresh.config).pidPath);
  if (pidFailure !== undefined) report(EMERG, pidFailure);
  if (!prepareFiles(fresh.config, report) || pidFailure !== undefined) return false;
  return trySockets(listenSockets(load), report);
}

/** Names each directive without effect once. */
function sayAccepted({ config }: FreshConfig, log: StartupLog): void {
  const said = new Set<string>();
  for (const { name, file, line, why } of acceptedDirectives(config.load)) {
    if (said.has(name)) continue;
    said.add(name);
    log.say(`[notice] "${name}" is accepted and has no effect (${why}) in ${file}:${line}`);
  }
}

async function serve(
  fresh: FreshConfig,
  reread: () => Promise<FreshConfig>,
  log: StartupLog,
  args: readonly string[],
): Promise<number | undefined> {
  const { load } = fresh.config;
  const settings = processSettings(fresh.config);
  const report = (level: LogLevel, message: string): void => log.write(level, message);
  if (!prepareFiles(fresh.config, report)) return 1;

  const background = inBackground();
  const old = oldMaster();
  const held = inheritedSockets(listenSockets(load), report);
  const sockets = await openSockets(listenSockets(load), held, settings.workers, report);
  if (sockets === undefined) return 1;
  if (settings.daemon && !background && old === undefined) return goToBackground(sockets, args);
  if (background) umask(0);

  const pidFailure = writePidFile(settings.pidPath);
  if (pidFailure !== undefined) {
    report(EMERG, pidFailure);
    return 1;
  }
  redirectStandardError(fresh);
  const up = (): void => {
    if (background) announceUp();
  };
  if (settings.masterProcess) {
    runMaster(fresh, sockets, reread, up, {
      args,
      environment: { ...process.env },
      inBackground: background || old !== undefined,
      oldMaster: old,
    });
  } else {
    runSingle(fresh, sockets, reread);
    up();
  }
  return undefined;
}

function runMaster(
  fresh: FreshConfig,
  sockets: readonly OpenSocket[],
  reread: () => Promise<FreshConfig>,
  up: () => void,
  started: MasterStart,
): void {
  const master = new Master(fresh, sockets, reread, started);
  onLogFailure((message) => errorLogOf(fresh.config.load).write(ALERT, 0, message));
  master.start(up);
}

/** From now on standard error is the error log's file, as in nginx: whoever started us may close his end of it. */
function redirectStandardError({ config }: FreshConfig): void {
  const first = errorLogOf(config.load).targets[0]?.to;
  if (first instanceof LogFile && first.descriptor > 2) duplicateOnto(first.descriptor, 2);
}

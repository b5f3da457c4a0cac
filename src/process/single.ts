/** `master_process off`: one process that reads the configuration, listens and serves. */
import { EMERG, errorLogOf, type LogLevel, NOTICE } from "../net/error-log.ts";
import { exceptionText } from "../net/exception-text.ts";
import { closeListener, listenSockets, removeSocketFile } from "../net/listen.ts";
import { flushLogs } from "../net/log-file.ts";
import { onOperatorDrain } from "../upstream/operator-drain.ts";
import type { FreshConfig } from "./load-files.ts";
import { goneSockets, letNobodyIn, type OpenSocket, openSockets } from "./open-sockets.ts";
import { removePidFile } from "./pid-file.ts";
import { prepareFiles } from "./prepare-files.ts";
import { ReloadQueue } from "./reload-queue.ts";
import { processSettings, workerEnvironment } from "./settings.ts";
import { onSignals, type SignalName, signalNumber } from "./signals.ts";
import { diagnosticLevel, diagnosticText } from "./startup-log.ts";
import { Worker } from "./worker.ts";
import { ownMetrics } from "./worker-metrics.ts";
import { ownZones } from "./worker-zones.ts";

/** What nginx leaves of the environment (ngx_set_environment): libraries and the time zone go by it. */
function reduceEnvironment(left: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(process.env)) if (!(name in left)) delete process.env[name];
  Object.assign(process.env, left);
}

/** Serves in this process, with the rights it has: nginx applies `user` to worker processes only. */
export function runSingle(first: FreshConfig, opened: readonly OpenSocket[], reread: () => Promise<FreshConfig>): void {
  let { config } = first;
  let sockets = opened;
  reduceEnvironment(workerEnvironment(processSettings(config), process.env));
  const end = (): void => {
    const log = errorLogOf(config.load);
    const failure = removePidFile(processSettings(config).pidPath);
    if (failure !== undefined) log.write(EMERG, 0, failure);
    // The worker has closed them.
    for (const open of sockets) removeSocketFile(open, (message) => log.write(EMERG, 0, message));
    flushLogs();
    process.exit(0);
  };
  const metrics = ownMetrics();
  const worker = Worker.start(config, sockets, ownZones(), metrics, undefined, undefined, end);
  onOperatorDrain(() => worker.peersChanged());

  /** False, and logged, where all stays as it was. */
  const change = async (): Promise<boolean> => {
    const log = errorLogOf(config.load);
    const fresh = await reread();
    for (const diagnostic of fresh.config.diagnostics) {
      log.write(diagnosticLevel(diagnostic), 0, diagnosticText(diagnostic));
    }
    if (fresh.config.load.failed || worker.leaving) return false;
    const report = (level: LogLevel, message: string): void => log.write(level, 0, message);
    if (!prepareFiles(fresh.config, report)) return false;
    const after = await openSockets(listenSockets(fresh.config.load), sockets, 1, report);
    if (after === undefined || worker.leaving || !worker.bindZones(fresh.config, undefined)) {
      for (const open of goneSockets(after ?? [], sockets)) closeListener(open, (message) => report(EMERG, message));
      return false;
    }
    const gone = goneSockets(sockets, after);
    letNobodyIn(gone);
    sockets = after;
    config = fresh.config;
    await worker.reload(config, after, undefined);
    for (const open of gone) removeSocketFile(open, (message) => log.write(EMERG, 0, message));
    return true;
  };
  const reloads = new ReloadQueue(
    async () => metrics.reloaded(await change()),
    (error) => worker.report(exceptionText(error)),
  );
  onSignals((name: SignalName) => {
    errorLogOf(config.load).write(NOTICE, 0, `signal ${signalNumber(name)} (${name}) received`);
    if (name === "SIGTERM" || name === "SIGINT") worker.stop();
    else if (name === "SIGQUIT") {
      letNobodyIn(sockets);
      worker.quit(true);
    } else if (name === "SIGUSR1") worker.reopen();
    else if (name === "SIGHUP") reloads.add();
  });
}

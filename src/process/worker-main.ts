/** Entry of a worker process: obeys the master over the channel between them, and nginx's signals. */
import { ALERT, EMERG, errorLogOf, setDefaultErrorLog } from "../net/error-log.ts";
import { sharedLogFile } from "../net/log-file.ts";
import { loadDelivery } from "./load-files.ts";
import type { ConfigDelivery, ToMaster, ToWorker } from "./messages.ts";
import { onSignals, type SignalName } from "./signals.ts";
import { diagnosticText } from "./startup-log.ts";
import { Worker } from "./worker.ts";

/** Tells the master that starting another worker with this configuration is no use. */
const FATAL_CODE = 2;

let worker: Worker | undefined;

/** Messages are handled one after another: a reload must not overtake the start. */
let queue: Promise<void> = Promise.resolve();

async function handle(message: ToWorker): Promise<void> {
  switch (message.type) {
    case "start": {
      const config = await load(message.config);
      if (config === undefined) process.exit(FATAL_CODE);
      worker = Worker.start(config, message.listeners, () => process.exit(0));
      if (!worker.dropRights(config)) process.exit(FATAL_CODE);
      tell({ type: "ready" });
      return;
    }
    case "reload": {
      const config = await load(message.config);
      if (config !== undefined) worker?.reload(config);
      tell({ type: "reloaded", ok: config !== undefined });
      return;
    }
    case "stop":
      worker?.stop();
      return;
    case "quit":
      worker?.quit();
      return;
    case "reopen":
      worker?.reopen();
  }
}

async function load(delivery: ConfigDelivery) {
  const { defaultErrorLog } = delivery;
  if (defaultErrorLog !== undefined && defaultErrorLog !== "stderr") setDefaultErrorLog(sharedLogFile(defaultErrorLog));
  const config = await loadDelivery(delivery);
  if (!config.load.failed) return config;
  // The master has read the same files without errors: say what differs.
  for (const diagnostic of config.diagnostics) {
    errorLogOf(config.load).write(diagnostic.level === "emerg" ? EMERG : ALERT, 0, diagnosticText(diagnostic));
  }
  return undefined;
}

function tell(message: ToMaster): void {
  process.send?.(message);
}

function onSignal(name: SignalName): void {
  switch (name) {
    case "SIGTERM":
    case "SIGINT":
      if (worker === undefined) process.exit(0);
      worker.stop();
      return;
    case "SIGQUIT":
      if (worker === undefined) process.exit(0);
      worker.quit();
      return;
    case "SIGUSR1":
      worker?.reopen();
      return;
    default:
      // The master's business.
      return;
  }
}

onSignals(onSignal);
process.on("message", (message: ToWorker) => {
  queue = queue.then(() => handle(message));
});
// Without its master nobody could stop or replace this worker.
process.on("disconnect", () => process.exit(0));

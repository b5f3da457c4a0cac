/** Entry of every process: flags in, exit code out; or a worker, when a master says so. */
import { modules } from "./modules/list.ts";
import { run } from "./process/commands.ts";
import { parseFlags } from "./process/flags.ts";
import { resolvePaths } from "./process/paths.ts";
import { StartupLog } from "./process/startup-log.ts";
import { configureArguments, usage, versionLine } from "./process/version.ts";
import { runWorker, startedAsWorker } from "./process/worker-channel.ts";

if (startedAsWorker()) {
  runWorker(modules);
} else {
  const code = await command(process.argv.slice(2));
  if (code !== undefined) process.exit(code);
}

/** Resolves to the exit code, or undefined when the process goes on serving. */
async function command(args: readonly string[]): Promise<number | undefined> {
  const words = args.map((arg) => Buffer.from(arg, "utf8").toString("latin1"));
  const [first = ""] = words;
  if (/^[a-z]+$/.test(first)) {
    // Not loaded for serving: its memory is every worker's.
    const { runCommand } = await import("./commands/run.ts");
    const code = await runCommand(first, words.slice(1));
    if (code !== undefined) return code;
  }
  const flags = parseFlags(words);
  if ("fault" in flags) {
    process.stderr.write(`hopway: ${flags.fault}\n`);
    return 1;
  }
  if (flags.version) {
    process.stderr.write(`${versionLine}\n`);
    if (flags.help) process.stderr.write(`${usage}\n`);
    if (flags.configure) process.stderr.write(`built with Bun ${Bun.version}\n${configureArguments(modules)}\n`);
    if (!flags.test) return 0;
  }
  const paths = resolvePaths(flags);
  return run(modules, flags, paths, StartupLog.open(paths.errorLog), args);
}

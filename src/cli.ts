/** Entry of the command: flags in, exit code out. */
import { modules } from "./modules/list.ts";
import { run } from "./process/commands.ts";
import { parseFlags } from "./process/flags.ts";
import { resolvePaths } from "./process/paths.ts";
import { StartupLog } from "./process/startup-log.ts";
import { configureArguments, usage, versionLine } from "./process/version.ts";

const args = process.argv.slice(2);
const flags = parseFlags(args.map((arg) => Buffer.from(arg, "utf8").toString("latin1")));

if ("fault" in flags) {
  process.stderr.write(`hopway: ${flags.fault}\n`);
  process.exit(1);
}
if (flags.version) {
  process.stderr.write(`${versionLine}\n`);
  if (flags.help) process.stderr.write(`${usage}\n`);
  if (flags.configure) process.stderr.write(`built with Bun ${Bun.version}\n${configureArguments(modules)}\n`);
  if (!flags.test) process.exit(0);
}
const paths = resolvePaths(flags);
const code = await run(flags, paths, StartupLog.open(paths.errorLog), args);
if (code !== undefined) process.exit(code);

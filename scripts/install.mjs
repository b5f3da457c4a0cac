/** Installs what package.json names if it is not there, and finds the Bun runtime. Runs on plain Node 20. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Anything smaller is the text that stands in for the runtime until the package's install script has run. */
const SMALLEST_RUNTIME_BYTES = 1_000_000;

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function isComplete() {
  const { dependencies = {}, devDependencies = {} } = readJson(join(root, "package.json")) ?? {};
  return Object.entries({ ...dependencies, ...devDependencies }).every(
    ([name, version]) => readJson(join(root, "node_modules", name, "package.json"))?.version === version,
  );
}

/** Runs `npm ci` unless every package is there in the wanted version. Ends the process when that fails. */
export function ensureInstalled() {
  if (isComplete()) return;
  console.log("Installing packages (npm ci) ...");
  // npm sets npm_execpath for scripts it runs: the same npm, wherever it is.
  const npm = process.env.npm_execpath;
  const [command, args] = npm ? [process.execPath, [npm, "ci"]] : ["npm", ["ci"]];
  const { status } = spawnSync(command, [...args, "--no-audit", "--no-fund"], { cwd: root, stdio: "inherit" });
  if (status !== 0) {
    console.error("npm ci failed: see above");
    process.exit(1);
  }
}

/** Path of the Bun runtime, as bin/hopway finds it. */
export function bunPath() {
  const oven = join(root, "node_modules", "@oven");
  let builds = [];
  try {
    builds = readdirSync(oven).map((name) => join(oven, name, "bin", "bun"));
  } catch {
    // The package may keep its runtime elsewhere.
  }
  const found = [join(root, "node_modules", "bun", "bin", "bun.exe"), ...builds].find((path) => {
    return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > SMALLEST_RUNTIME_BYTES;
  });
  if (found !== undefined) return found;
  console.error("the Bun runtime is missing in node_modules: run npm ci");
  process.exit(1);
}

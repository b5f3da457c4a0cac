/** Installs what package-lock.json names if it is not there, and finds the Bun runtime. Runs on plain Node 20. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const OLDEST_NODE = 20;
/** Anything smaller is the text that stands in for the runtime until the package's install script has run. */
const SMALLEST_RUNTIME_BYTES = 1_000_000;
/** What npm and its install scripts call it when a server cannot be reached. */
const NETWORK_FAILURE =
  /\b(?:EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|ETIMEDOUT|ERR_SOCKET_TIMEOUT)\b/;
/** Seconds between npm's tries; its own 10 and 60 make somebody without a network wait for minutes. */
const RETRY_OPTIONS = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"];
/** Also where NODE_ENV or npm's settings leave development's or optional packages out. */
const WHOLE = ["--include=dev", "--include=optional"];
/** What the runtime's install script says when npm has left its optional package out. */
const RUNTIME_LEFT_OUT = 'Failed to install package "bun"';
/** Listed by name up to here, counted beyond. */
const MISSING_SHOWN = 5;

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function libcHere() {
  // Without this the report looks up the names of all addresses that the process is connected to.
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime === undefined ? "musl" : "glibc";
}

/** Whether a package is for machines like this one, by its `os`, `cpu` and `libc`. */
function isForThisMachine({ os, cpu, libc }) {
  const fits = (list, value) => list === undefined || list.includes(value);
  return (
    fits(os, process.platform) &&
    fits(cpu, process.arch) &&
    (libc === undefined || process.platform !== "linux" || fits(libc, libcHere()))
  );
}

/**
 * Folders of packages that should be there and are not, or in another version. Optional ones count too: the runtime,
 * the linter and the compiler come as optional packages per platform, and npm ends well without them.
 */
function missingPackages() {
  const { packages = {} } = readJson(join(root, "package-lock.json")) ?? {};
  return Object.entries(packages).flatMap(([folder, entry]) => {
    // An optional package without a hash is a stub for some other platform, and does not tell for which C library.
    if (folder === "" || (entry.optional && entry.integrity === undefined) || !isForThisMachine(entry)) return [];
    return readJson(join(root, folder, "package.json"))?.version === entry.version ? [] : [folder];
  });
}

function isComplete() {
  return missingPackages().length === 0 && bunPath() !== undefined;
}

/** Runs `npm ci`; resolves to its exit code and what it said on stderr, which is shown as well. */
function npmCi() {
  // npm sets npm_execpath for scripts it runs: the same npm, wherever it is.
  const npm = process.env.npm_execpath;
  const [command, before] = npm?.endsWith("js") ? [process.execPath, [npm]] : ["npm", []];
  const args = [...before, "ci", ...WHOLE, "--no-audit", "--no-fund", "--no-update-notifier", ...RETRY_OPTIONS];
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "inherit", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
      process.stderr.write(chunk);
    });
    child.on("error", (error) => resolve({ code: 1, said: `${command}: ${error.message}` }));
    child.on("close", (code) => resolve({ code: code ?? 1, said }));
  });
}

function giveUp(...lines) {
  console.error(`\n${lines.join("\n")}`);
  process.exit(1);
}

/** Installs unless every package is there in the wanted version. Ends the process with a reason when that fails. */
export async function ensureInstalled() {
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
    giveUp(`hopway's scripts need Node ${OLDEST_NODE} or newer; this is ${process.version}.`);
  }
  if (isComplete()) return;
  console.log("Installing packages (npm ci), once; this takes some seconds ...");
  let { code, said } = await npmCi();
  if (code === 0 ? !isComplete() : said.includes(RUNTIME_LEFT_OUT)) {
    console.log("npm left something out; once more ...");
    ({ code, said } = await npmCi());
  }
  if (code === 0 && isComplete()) return;
  if (NETWORK_FAILURE.test(said)) {
    giveUp(
      "The packages could not be fetched: npm's registry cannot be reached from here.",
      "hopway needs it once, to install. Check the network, or npm's settings for a proxy or a mirror",
      "(npm config get registry, npm config get proxy), and try again.",
    );
  }
  if (code !== 0) giveUp("npm ci failed, for the reason that it gives above.", ...(said.includes("\n") ? [] : [said]));
  const missing = missingPackages();
  const more = missing.length > MISSING_SHOWN ? [`... and ${missing.length - MISSING_SHOWN} more`] : [];
  giveUp(
    "npm ci ended well, twice, but these are missing:",
    ...(missing.length === 0 ? ["the Bun runtime"] : missing.slice(0, MISSING_SHOWN)).map((name) => `  ${name}`),
    ...more.map((text) => `  ${text}`),
    "Are they in npm's registry or mirror for this machine (npm config get registry)?",
  );
}

/** Path of the Bun runtime, as bin/hopway finds it; undefined as long as it is not installed. */
export function bunPath() {
  const oven = join(root, "node_modules", "@oven");
  let builds = [];
  try {
    builds = readdirSync(oven).map((name) => join(oven, name, "bin", "bun"));
  } catch {
    // The package may keep its runtime elsewhere.
  }
  return [join(root, "node_modules", "bun", "bin", "bun.exe"), ...builds].find((path) => {
    return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > SMALLEST_RUNTIME_BYTES;
  });
}

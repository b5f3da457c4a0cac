/**
 * `npm test`: types, lint and tests, side by side, as most tests wait for something most of the time. Arguments are
 * passed to one `bun test`, and replace the tests that it runs.
 */
import { spawn } from "node:child_process";
import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { constants as system } from "node:os";
import { delimiter, join } from "node:path";
import { bunPath, ensureInstalled, root } from "./install.mjs";
import { testReport } from "./test-report.mjs";

/** Tests start processes; on a busy machine that takes its time. */
const TEST_TIMEOUT_MS = 60_000;
/** A job that takes longer hangs. */
const JOB_LIMIT_MS = 20 * 60_000;
/** Jobs at a time, whatever the machine: two cores are kept busy, and more jobs would wait for each other. */
const LANES = 3;
/** They take longest, so they begin first. */
const LONGEST = ["./test/differential/differential.test.ts", "./src"];
/** These have nginx -t look at configurations, and it listens on their ports: one after the other. */
const CHECKED = /^\.\/test\/differential\/config-/;

/** Whoever keeps received bytes without copying them is found out. */
const env = { HOPWAY_POISON: "1", ...process.env };

await ensureInstalled();

const running = new Set();

/** Ends a job and all that it started: a test that failed may have left servers behind, which hold its output open. */
function endGroup({ pid }) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left.
  }
}

// Jobs are groups of their own, which a terminal does not reach.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(name, () => {
    for (const child of running) endGroup(child);
    process.exit(128 + system.signals[name]);
  });
}

/** Runs a command and gives back its exit code and all lines of its output; `onLine` gets them as they come. */
function run(command, args, onLine = () => {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    running.add(child);
    const lines = [];
    const take = (line) => {
      lines.push(line);
      onLine(line);
    };
    for (const stream of [child.stdout, child.stderr]) {
      let rest = "";
      stream.setEncoding("utf8");
      stream.on("data", (chunk) => {
        const parts = (rest + chunk).split("\n");
        rest = parts.pop() ?? "";
        for (const line of parts) take(line);
      });
      stream.on("end", () => {
        if (rest !== "") take(rest);
      });
    }
    const timer = setTimeout(() => {
      take(`ended after ${JOB_LIMIT_MS / 60_000} minutes`);
      endGroup(child);
    }, JOB_LIMIT_MS);
    child.on("exit", () => endGroup(child));
    child.on("error", (error) => take(error.message));
    child.on("close", (code) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ code: code ?? 1, output: lines.join("\n") });
    });
  });
}

/** A check that passes or fails as a whole. */
function check(name, command, ...args) {
  return async () => {
    const { code, output } = await run(join(root, "node_modules", ".bin", command), args);
    console.log(`${name}: ${code === 0 ? "passed" : `FAILED\n${output}`}`);
    return code === 0 ? { passed: 1, failed: 0, skipped: 0, failures: [] } : broken(name);
  };
}

/** `bun test` of some files; `whole` shows every line at once instead of a report at the end. */
function tests(files, whole = false) {
  return async () => {
    const args = ["test", `--timeout=${TEST_TIMEOUT_MS}`, ...files];
    const { code, output } = await run(bunPath(), args, whole ? console.log : undefined);
    const report = testReport(output);
    if (!whole) console.log(report.text);
    // A run that breaks off has no count of failures, and still is one.
    if (code === 0 || report.failed > 0) return report;
    return { ...report, ...broken(`${files.join(" ")} broke off with exit code ${code}`), passed: report.passed };
  };
}

function broken(name) {
  return { passed: 0, failed: 1, skipped: 0, failures: [name] };
}

/** Test files that use one of these harnesses need a command; without it they are skipped. */
const NEEDS = [
  { command: "openssl", harness: /from ".*harness\/(?:certificates|s-client)\.ts"/ },
  { command: "curl", harness: /from ".*harness\/curl\.ts"/ },
].filter(({ command }) => !isInstalled(command));

function isInstalled(command) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The command that a test file needs and that is not there; undefined where it can run. */
function lacking(path) {
  const text = readFileSync(join(root, path), "latin1");
  return NEEDS.find(({ harness }) => harness.test(text))?.command;
}

function skip(file, command) {
  return async () => {
    console.log(`${file}: skipped, as there is no ${command}`);
    return { passed: 0, failed: 0, skipped: 1, failures: [] };
  };
}

/** All that `npm test` runs, the longest first. */
function everything() {
  const files = readdirSync(join(root, "test"), { recursive: true })
    .filter((path) => path.endsWith(".test.ts"))
    .map((path) => `./test/${path}`)
    .filter((path) => !LONGEST.includes(path))
    .sort();
  const checked = files.filter((path) => CHECKED.test(path));
  const others = files.filter((path) => !CHECKED.test(path));
  return [
    ...LONGEST.map((path) => tests([path])),
    tests(checked),
    ...typesAndLint,
    ...others.map((path) => {
      const command = lacking(path);
      return command === undefined ? tests([path]) : skip(path, command);
    }),
  ];
}

const typesAndLint = [check("types", "tsc", "--noEmit"), check("lint", "biome", "check", ".")];
const args = process.argv.slice(2);
const jobs = args.length > 0 ? [...typesAndLint, tests(args, true)] : everything();
const results = [];
const startedMs = Date.now();

async function lane() {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) results.push(await job());
}

await Promise.all(Array.from({ length: args.length > 0 ? 1 : LANES }, lane));

const sum = (part) => results.reduce((all, result) => all + result[part], 0);
const failures = results.flatMap((result) => result.failures);
if (failures.length > 0) console.log(`\nFailed:\n${failures.map((name) => `  ${name}`).join("\n")}`);
console.log(
  `\nafter ${Math.round((Date.now() - startedMs) / 1000)} s\n${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`,
);
process.exitCode = sum("failed") > 0 ? 1 : 0;

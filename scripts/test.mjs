/** `npm test`: types, lint, then tests. Arguments are passed to `bun test` and replace the folders that it searches. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { bunPath, ensureInstalled, root } from "./install.mjs";
import { fileSummaries } from "./test-lines.mjs";

/** Tests start processes; on a busy machine that takes its time. */
const TEST_TIMEOUT_MS = 60_000;

/** Whoever keeps received bytes without copying them is found out. */
const env = { HOPWAY_POISON: "1", ...process.env };

await ensureInstalled();

/** Runs a command, shows its output, shortened by `shorten` if given, and gives it back in full with the exit code. */
function run(title, command, args, shorten) {
  console.log(`\n== ${title}`);
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const summaries = shorten?.((text) => process.stderr.write(text));
    child.stdout.on("data", (chunk) => {
      output += chunk;
      process.stdout.write(chunk);
    });
    child.stderr.on("data", (chunk) => {
      output += chunk;
      if (summaries === undefined) process.stderr.write(chunk);
      else summaries.write(chunk);
    });
    child.on("error", (error) => {
      console.error(error.message);
      resolve({ code: 1, output });
    });
    child.on("close", (code) => {
      summaries?.end();
      resolve({ code: code ?? 1, output });
    });
  });
}

/** The number in front of a word in the summary, e.g. ` 12 pass`. */
function count(output, word) {
  const found = [...output.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))].at(-1);
  return found === undefined ? 0 : Number(found[1]);
}

const bin = (name) => join(root, "node_modules", ".bin", name);
const args = process.argv.slice(2);
const checks = [await run("types", bin("tsc"), ["--noEmit"]), await run("lint", bin("biome"), ["check", "."])];
const tests = await run(
  args.length > 0 ? "tests" : "tests (some minutes)",
  bunPath(),
  ["test", `--timeout=${TEST_TIMEOUT_MS}`, ...(args.length > 0 ? args : ["./src", "./test"])],
  // Of a few files everything is of interest.
  args.length > 0 ? undefined : fileSummaries,
);

const failedChecks = checks.filter(({ code }) => code !== 0).length;
const passed = count(tests.output, "pass") + checks.length - failedChecks;
// A test run that breaks off has no count of failures, and still is one.
const failed = Math.max(count(tests.output, "fail"), tests.code === 0 ? 0 : 1) + failedChecks;
const skipped = count(tests.output, "skip") + count(tests.output, "todo");
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 ? 1 : 0;

/** What `bun test` printed, made short: a line per file, what failed in full, and the numbers. */

const FILE = /^(\S+\.test\.[a-z]+):$/;
const TITLE = /^bun test v/;
/** What comes after the last file. */
const SUMMARY = /^ *(\d+) (pass|fail|skip|todo)$/;
const LIST = /^ *\d+ tests? (?:failed|skipped|todo):$/;
const RESULT = /^\((pass|fail|skip|todo)\) (.*?)(?: \[[\d.]+m?s\])?$/;
const UNHANDLED = /^# Unhandled error between tests/;
/** Bun's name for a test of which there is only a hook that failed. */
const UNNAMED = "(unnamed)";

/**
 * Reads the whole output. `text` is what is to be shown; `failures` are named `file: test`; the numbers are those of
 * Bun's own summary, zero where it did not come to one.
 */
export function testReport(output) {
  const shown = [];
  const failures = [];
  const total = { pass: 0, fail: 0, skip: 0, todo: 0 };
  let file = "";
  let counts = { pass: 0, fail: 0, skip: 0, todo: 0 };
  let titled = false;
  let ended = false;

  function endFile() {
    if (file === "") return;
    const parts = [`${counts.pass} passed`];
    if (counts.fail > 0) parts.push(`${counts.fail} FAILED`);
    if (counts.skip + counts.todo > 0) parts.push(`${counts.skip + counts.todo} skipped`);
    shown.push(`${file}: ${parts.join(", ")}`);
    file = "";
  }

  function show(text) {
    // Output of a test stands under the name of its file.
    if (file !== "" && !titled) shown.push(`${file}:`);
    titled = file !== "";
    shown.push(text);
  }

  for (const line of output.split("\n")) {
    const plain = line.trimEnd();
    const [, name] = FILE.exec(plain) ?? [];
    const [, result, test] = RESULT.exec(plain) ?? [];
    const [, number, word] = SUMMARY.exec(plain) ?? [];
    if (name !== undefined) {
      endFile();
      file = name;
      counts = { pass: 0, fail: 0, skip: 0, todo: 0 };
      titled = false;
    } else if (number !== undefined) {
      endFile();
      ended = true;
      total[word] = Number(number);
    } else if (LIST.test(plain)) {
      // All that comes now has been told before.
      endFile();
      ended = true;
    } else if (!ended && result !== undefined) {
      counts[result]++;
      if (result !== "fail") continue;
      failures.push(`${file}: ${test === UNNAMED ? "before or after the tests" : test}`);
      show(line);
    } else if (!ended && !TITLE.test(plain) && (plain !== "" || titled)) {
      if (UNHANDLED.test(plain)) failures.push(`${file}: error between tests`);
      if (file !== "" || plain !== "") show(line);
    }
  }
  endFile();
  return {
    text: shown.join("\n"),
    failures,
    passed: total.pass,
    failed: total.fail,
    skipped: total.skip + total.todo,
  };
}

/** Makes a line per file of what `bun test` prints, and leaves failures and all else as they are. */

const FILE = /^(\S+\.test\.[a-z]+):$/;
/** What comes after the last file. */
const SUMMARY = /^ *\d+ (?:pass|tests? (?:failed|skipped|todo):)$/;
const RESULT = /^\((pass|skip|todo)\) /;
/** With colours, as on a terminal. */
// biome-ignore lint/complexity/useRegexLiterals: control characters are spelled out
const COLOURS = new RegExp("\\u001b\\[[0-9;]*m", "g");

/** Feed it the output in pieces of any size; what is to be shown goes to `show`, line by line. */
export function fileSummaries(show) {
  let rest = "";
  let file = "";
  let counts = { pass: 0, skip: 0, todo: 0 };
  let titled = false;

  function endFile() {
    if (file === "") return;
    const parts = [`${counts.pass} passed`];
    if (counts.skip + counts.todo > 0) parts.push(`${counts.skip + counts.todo} skipped`);
    show(`${file}: ${parts.join(", ")}\n`);
    file = "";
  }

  function line(text) {
    const plain = text.replace(COLOURS, "").trimEnd();
    const [, name] = FILE.exec(plain) ?? [];
    const [, result] = RESULT.exec(plain) ?? [];
    if (name !== undefined) {
      endFile();
      file = name;
      counts = { pass: 0, skip: 0, todo: 0 };
      titled = false;
    } else if (result !== undefined) {
      // Without a file: the list of all skipped tests at the end.
      counts[result]++;
    } else if (plain !== "" || titled || file === "") {
      if (SUMMARY.test(plain)) endFile();
      if (plain.endsWith(" skipped:")) return;
      // Output of a test stands under the name of its file.
      if (file !== "" && !titled) show(`${file}:\n`);
      titled = file !== "";
      show(`${text}\n`);
    }
  }

  return {
    write(chunk) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const text of lines) line(text);
    },
    end() {
      if (rest !== "") line(rest);
      endFile();
    },
  };
}

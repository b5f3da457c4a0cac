/** The doctor and explain on configurations that nobody would write: they find what they find, and never fail. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { memorySource } from "../../src/config/memory-source.ts";
import { diagnose, type RuleChoice } from "../../src/doctor/diagnose.ts";
import { mend } from "../../src/doctor/mend.ts";
import { readConfig } from "../../src/explain/read-config.ts";
import { fuzzSeed, seededRandom } from "../../src/http/fuzz-input.ts";
import { setDefaultErrorLog } from "../../src/net/error-log.ts";
import { LogFile } from "../../src/net/log-file.ts";

setDefaultErrorLog(new LogFile("/dev/null"));

const MAIN = "/etc/nginx/nginx.conf";
const FACTS = { webSocketPaths: ["/ws"], appPingMs: 20_000 };
const ALL: RuleChoice = { only: new Set(), ignored: new Set() };
const ROUNDS = process.env["HOPWAY_LONG"] ? 5000 : 150;
const MENDED_EVERY = 10;

const FOLDER = join(import.meta.dir, "products");
const TEXTS = readdirSync(FOLDER).map((file) => readFileSync(join(FOLDER, file), "latin1"));
const JUNK = [
  "{",
  "}",
  ";",
  '"',
  "'",
  "#",
  "$",
  "${",
  "\\",
  "~",
  "=",
  "@x",
  "\n",
  " ",
  "\xff",
  "if ($a) {",
  "location ~ ( {",
  "proxy_pass http://$x$y;",
  "map a b {",
  "include x;",
  "server {",
  "return 1;",
  "rewrite ^(.*)$ $1 last;",
  "listen unix:/x;",
  "upstream u {",
  "proxy_set_header Upgrade;",
  "proxy_pass http://;",
  "proxy_read_timeout x;",
];

/** Some lines of some configuration, changed here and there. */
function mutated(pick: (below: number) => number): string {
  let text = TEXTS[pick(TEXTS.length)] ?? "";
  for (let n = 1 + pick(6); n > 0; n--) {
    const lines = text.split("\n");
    const at = pick(lines.length);
    switch (pick(5)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        lines.splice(at, 0, lines[pick(lines.length)] ?? "");
        break;
      case 2:
        lines.splice(at, 0, JUNK[pick(JUNK.length)] ?? "");
        break;
      case 3: {
        const line = lines[at] ?? "";
        const cut = pick(line.length + 1);
        lines[at] = line.slice(0, cut) + (JUNK[pick(JUNK.length)] ?? "") + line.slice(cut);
        break;
      }
      default: {
        const words = (lines[at] ?? "").split(" ");
        words.splice(pick(words.length), 1);
        lines[at] = words.join(" ");
      }
    }
    text = lines.join("\n");
  }
  return text;
}

test("mutated configurations", async () => {
  const seed = fuzzSeed();
  const below = seededRandom(seed);
  for (let round = 0; round < ROUNDS; round++) {
    const text = mutated(below);
    const source = memorySource({ [MAIN]: text });
    try {
      await diagnose(readConfig(MAIN, source), FACTS, ALL);
      if (round % MENDED_EVERY === 0) await mend(MAIN, source, FACTS, ALL);
    } catch (error) {
      throw new Error(
        `FUZZ_SEED=${seed}, round ${round}: ${String(error)}\n${error instanceof Error ? error.stack : ""}\n${text}`,
      );
    }
  }
  expect(true).toBe(true);
});

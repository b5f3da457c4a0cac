/** Random and mutated configurations: every one ends with settings or with a diagnostic, never with an exception. */
import { describe, expect, test } from "bun:test";
import { formatDiagnostic } from "../../src/config/diagnostic.ts";
import { Lexer } from "../../src/config/lexer.ts";
import { loadConfig } from "../../src/config/load.ts";
import { memorySource } from "../../src/config/memory-source.ts";
import { parseConfig } from "../../src/config/parser.ts";
import type { Statement } from "../../src/config/syntax.ts";
import { fuzzSeed, mutate, type Random, randomText, seededRandom } from "../../src/http/fuzz-input.ts";
import { modules } from "../../src/modules/list.ts";
import { CONFIG_SAMPLES, INCLUDED } from "./config-samples.ts";

const MAIN = "/etc/hopway/main.conf";
const PATHS = { path: MAIN, prefix: "/opt/hopway/", confPrefix: "/etc/hopway/" };
const HOSTS = { lookup: async (host: string) => (host.endsWith(".example.com") ? ["192.0.2.1"] : []) };
const PIECES = [
  "{",
  "}",
  ";",
  "\n",
  " ",
  '"',
  "'",
  "\\",
  "#",
  "$",
  "${",
  "include ",
  "~",
  "*",
  "on",
  "off",
  "1",
  "-1",
  "9".repeat(25),
];

const seed = fuzzSeed();

function sample(random: Random): string {
  return CONFIG_SAMPLES[random(CONFIG_SAMPLES.length)] ?? "";
}

/** A sample with bytes changed, words of other places put in, or lines taken from another sample. */
function mutant(random: Random): string {
  const text = sample(random);
  switch (random(4)) {
    case 0:
      return mutate(random, text);
    case 1: {
      const at = random(text.length + 1);
      return text.slice(0, at) + PIECES[random(PIECES.length)] + text.slice(at + random(3));
    }
    case 2: {
      const words = text.split(/(?<=[\s;{}])/);
      const others = sample(random).split(/(?<=[\s;{}])/);
      words[random(words.length)] = others[random(others.length)] ?? "";
      return words.join("");
    }
    default: {
      const lines = text.split("\n");
      const others = sample(random).split("\n");
      lines.splice(random(lines.length), random(3), others[random(others.length)] ?? "");
      return lines.join("\n");
    }
  }
}

function load(text: string, globals = "") {
  return loadConfig(modules, { ...PATHS, globals }, memorySource({ ...INCLUDED, [MAIN]: text }), HOSTS);
}

function failure(text: string, error: unknown): Error {
  return new Error(`FUZZ_SEED=${seed}, configuration:\n${text}\n${error instanceof Error ? error.stack : error}`);
}

describe("samples", () => {
  for (const [index, text] of CONFIG_SAMPLES.entries()) {
    test(`sample ${index} loads`, async () => {
      const { load: context, diagnostics } = await load(text);
      expect(diagnostics.map(formatDiagnostic)).toEqual([]);
      expect(context.failed).toBe(false);
    });
  }
});

test("random bytes", () => {
  const random = seededRandom(seed);
  for (let round = 0; round < 3000; round++) {
    const text = random(2) === 0 ? randomText(random, 60) : randomPieces(random);
    try {
      lexToEnd(text, random(4) > 0);
      const { statements, closingLines } = parseConfig(MAIN, memorySource({ [MAIN]: text }), "/etc/hopway/");
      checkLines(statements, text.split("\n").length, closingLines);
    } catch (error) {
      throw failure(text, error);
    }
  }
});

test("mutated configurations", async () => {
  const random = seededRandom(seed);
  for (let round = 0; round < 2000; round++) {
    const text = mutant(random);
    const globals = random(10) === 0 ? mutant(random).slice(0, 30) : "";
    try {
      const { load: context, diagnostics } = await load(text, globals);
      expect(diagnostics.filter(({ level }) => level === "emerg").length).toBeLessThanOrEqual(10);
      if (context.failed) expect(diagnostics).not.toEqual([]);
    } catch (error) {
      throw failure(text, error);
    }
  }
});

function randomPieces(random: Random): string {
  let text = "";
  for (let n = random(25); n > 0; n--) text += random(3) === 0 ? randomText(random, 3) : PIECES[random(PIECES.length)];
  return text;
}

/** A lexer that stands still would go round for ever: each round must use up at least one character. */
function lexToEnd(text: string, isFile: boolean): void {
  const lexer = new Lexer(text, isFile);
  for (let round = 0; ; round++) {
    const ending = lexer.next();
    if (ending === "end" || ending === "fault") return;
    expect(round).toBeLessThanOrEqual(text.length);
  }
}

function checkLines(statements: readonly Statement[], last: number, closing: ReadonlyMap<Statement, number>): void {
  for (const statement of statements) {
    expect(statement.startLine).toBeGreaterThanOrEqual(1);
    expect(statement.line).toBeGreaterThanOrEqual(statement.startLine);
    expect(closing.get(statement) ?? statement.line).toBeGreaterThanOrEqual(statement.line);
    expect(statement.line).toBeLessThanOrEqual(last);
    checkLines(statement.block ?? [], last, closing);
  }
}

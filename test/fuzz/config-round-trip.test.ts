/** Any tree of statements, written down in any of the ways that nginx's language has for it, is read back as it was. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { dumpConfig } from "../../src/config/dump.ts";
import { memorySource } from "../../src/config/memory-source.ts";
import { parseConfig } from "../../src/config/parser.ts";
import type { Statement } from "../../src/config/syntax.ts";
import { holds } from "../harness/property.ts";

/** A statement as it is meant, and as it is written. */
interface Written {
  readonly words: readonly string[];
  readonly block: readonly Written[] | undefined;
  readonly text: string;
}

/** One way to write a word. */
type Style = "bare" | "double" | "single";

/** May stand without quotes: nothing in it ends a word, and nothing at its start means something else. */
const BARE = /^(?![}#"'])[^\s;{\\]+$/;

function writeWord(word: string, style: Style): string {
  // Only these four are space to nginx; a bare word may hold the others.
  if (style === "bare" && BARE.test(word)) return word;
  const quote = style === "single" ? "'" : '"';
  const escaped = word.replace(/[\\"']/g, (char) => (char === "\\" || char === quote ? `\\${char}` : char));
  return quote + escaped + quote;
}

const style = fc.constantFrom<Style>("bare", "double", "single");
/** Bytes, with those that mean something to the lexer more often than by chance. */
const char = fc.oneof(
  fc.constantFrom(..."$\\{}\"'#;()\n\r\t ntr*@"),
  fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
);
const word = fc.oneof(fc.string({ unit: char, maxLength: 12 }), fc.constantFrom("${host}", "", "a b", "\\.", "~*"));
const name = fc.stringMatching(/^[a-z_]{1,8}$/).filter((text) => text !== "include");
const comment = fc.string({ unit: char, maxLength: 8 }).map((text) => `#${text.replaceAll("\n", "")}\n`);
const gap = fc
  .array(fc.oneof(fc.constantFrom(" ", "\t", "\n", "\r\n"), comment), { maxLength: 3 })
  // A comment that touches a word is part of it.
  .map((parts) => ` ${parts.join("")}`);
const words = fc.tuple(name, fc.array(fc.tuple(word, style, gap), { maxLength: 4 }));

function written([first, rest]: [string, [string, Style, string][]], block: readonly Written[] | undefined): Written {
  const text = first + rest.map(([text, how, before]) => before + writeWord(text, how)).join("");
  const inner = block?.map(({ text }) => text).join("\n");
  return {
    words: [first, ...rest.map(([text]) => text)],
    block,
    text: inner === undefined ? `${text};` : `${text} {${inner}\n}`,
  };
}

const { statement } = fc.letrec<{ statement: Written }>((tie) => ({
  statement: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    words.map((head) => written(head, undefined)),
    fc.tuple(words, fc.array(tie("statement"), { maxLength: 3 })).map(([head, block]) => written(head, block)),
  ),
}));

interface Meant {
  readonly words: readonly string[];
  readonly block: readonly Meant[] | undefined;
}

const meant = ({ words, block }: Meant): Meant => ({ words, block: block?.map(meant) });
const read = ({ name, args, block }: Statement): Meant => ({ words: [name, ...args], block: block?.map(read) });

test("what is written is read", () => {
  holds(
    fc.property(fc.array(fc.tuple(statement, gap), { maxLength: 4 }), (list) => {
      const text = list.map(([{ text }, after]) => text + after).join("");
      const { statements, error } = parseConfig("/c.conf", memorySource({ "/c.conf": text }), "/");
      expect(error).toBeUndefined();
      expect(statements.map(read)).toEqual(list.map(([one]) => meant(one)));
    }),
  );
});

test("a statement stands on the line of its name and ends on that of its last character", () => {
  const lines = (text: string): number => text.split("\n").length;
  holds(
    fc.property(fc.array(fc.tuple(words, gap), { minLength: 1, maxLength: 5 }), (list) => {
      let text = "";
      const expected: [number, number][] = [];
      for (const [head, after] of list) {
        const one = written(head, undefined).text;
        expected.push([lines(text), lines(text + one)]);
        text += one + after;
      }
      const { statements } = parseConfig("/c.conf", memorySource({ "/c.conf": text }), "/");
      expect(statements.map(({ startLine, line }) => [startLine, line])).toEqual(expected);
    }),
  );
});

test("an include is as good as its text, and the dump holds both files byte for byte", () => {
  holds(
    fc.property(fc.array(statement, { maxLength: 3 }), fc.array(statement, { maxLength: 3 }), (before, inside) => {
      const lines = (list: readonly Written[]): string => list.map(({ text }) => `${text}\n`).join("");
      const main = `${lines(before)}http { include part.conf; }\n`;
      const source = memorySource({ "/c.conf": main, "/part.conf": lines(inside) });
      const { statements, files, error } = parseConfig("/c.conf", source, "/");
      expect(error).toBeUndefined();
      expect(statements.map(read)).toEqual([...before.map(meant), { words: ["http"], block: inside.map(meant) }]);
      expect(dumpConfig(files)).toBe(
        `# configuration file /c.conf:\n${main}\n# configuration file /part.conf:\n${lines(inside)}\n`,
      );
    }),
  );
});

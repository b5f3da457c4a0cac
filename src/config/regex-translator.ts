/** Reads a PCRE pattern and writes the source of a JavaScript regular expression that matches the same (pcre2pattern(3)). */

import {
  type ByteSet,
  byteSource,
  bytesOf,
  CLASS_ESCAPES,
  caselessSet,
  complement,
  setSource,
} from "./character-set.ts";
import { ClassReader } from "./regex-class.ts";
import { ERROR } from "./regex-errors.ts";
import { type EscapedByte, readEscapedByte } from "./regex-escape.ts";

/** Why a pattern does not compile, and where. */
export class RegexFault {
  readonly reason: string;
  /** Index into the pattern, as PCRE's error offset: right after what is wrong. */
  readonly offset: number;
  constructor(reason: string, offset: number) {
    this.reason = reason;
    this.offset = offset;
  }
}

/** A translated pattern whose groups are marks: `<G7>` opens the group with id 7. */
export interface Translation {
  /**
   * JavaScript source in which `<Gid>` stands after the parenthesis of a group, `<Aid>` for what that group matched,
   * `<Rn>` for PCRE's group n and `<Nname>` for a named group.
   */
  readonly source: string;
  /** The ids that stand for each PCRE group, from group 1 on; several where `(?|` gives one number to many. */
  readonly groups: readonly (readonly number[])[];
  /** PCRE's group numbers by name. */
  readonly names: ReadonlyMap<string, readonly number[]>;
}

/** What `(?i)` and its like switch, until the end of the group they stand in. */
interface Options {
  caseless: boolean;
  dotAll: boolean;
  multiLine: boolean;
  extended: boolean;
  extendedMore: boolean;
  ungreedy: boolean;
  duplicateNames: boolean;
  noAutoCapture: boolean;
}

/** Translated source and whether JavaScript needs a group around it before a quantifier. */
interface Atom {
  readonly source: string;
  readonly wrap: boolean;
}

/** PCRE's own limit of nested parentheses. */
const MAX_NESTING = 250;
const MAX_REPEAT = 65_535;
const MAX_NAME = 32;
const NEWLINE: ByteSet = bytesOf("\n");
const START = "^";
/** JavaScriptCore backtracks into a lookahead that holds `^` (Bun 1.4.5), so inside groups it is spelled differently. */
const START_IN_GROUP = "(?<![^])";
/** The very end. `$` without flags is just that in JavaScript. */
const END = "$";
const END_OR_FINAL_NEWLINE = "(?=\\n?$)";
const LINE_START = "(?:(?<![^])|(?<=\\n)(?!$))";
const LINE_END = "(?=\\n|$)";
/** `\R` takes CR LF as a whole or not at all. */
const ANY_NEWLINE = "(?:\\r\\n|[\\n\\x0b\\f\\x85]|\\r(?!\\n))";
const ANY_BYTE = "[^]";
const OPTION_LETTERS = "imsxnUJ";

const ASSERTIONS: ReadonlyMap<string, string> = new Map([
  ["=", "?="],
  ["!", "?!"],
  ["<=", "?<="],
  ["<!", "?<!"],
]);
/** The spelled-out forms: `(*pla:` and its like. */
const ALPHABETIC_GROUPS: ReadonlyMap<string, string> = new Map([
  ["atomic", ">"],
  ["pla", "="],
  ["positive_lookahead", "="],
  ["nla", "!"],
  ["negative_lookahead", "!"],
  ["plb", "<="],
  ["positive_lookbehind", "<="],
  ["nlb", "<!"],
  ["negative_lookbehind", "<!"],
]);

/** Translates one pattern. `translate` may be called once. */
export class RegexTranslator {
  private readonly pattern: string;
  private position = 0;
  private options: Options;
  private nextId = 0;
  /** Number of the last capture group opened. */
  private lastGroup = 0;
  private readonly groups: number[][] = [];
  private readonly names = new Map<string, number[]>();
  /** References ahead of their group, checked at the end. */
  private readonly references: { readonly target: number | string; readonly offset: number }[] = [];
  private depth = 0;
  private lookbehinds = 0;

  constructor(pattern: string, caseless: boolean) {
    this.pattern = pattern;
    this.options = {
      caseless,
      dotAll: false,
      multiLine: false,
      extended: false,
      extendedMore: false,
      ungreedy: false,
      duplicateNames: false,
      noAutoCapture: false,
    };
  }

  translate(): Translation | RegexFault {
    try {
      this.skipLeadingVerbs();
      const source = this.alternatives();
      if (this.position < this.pattern.length) this.fault(ERROR.unmatchedClose, this.position);
      for (const { target, offset } of this.references) {
        const known = typeof target === "number" ? target <= this.groups.length : this.names.has(target);
        if (!known) this.fault(ERROR.noSuchGroup, offset);
      }
      return { source, groups: this.groups, names: this.names };
    } catch (error) {
      if (error instanceof RegexFault) return error;
      throw error;
    }
  }

  /** `(*UTF8)` and other settings at the start have no meaning for bytes. */
  private skipLeadingVerbs(): void {
    const verbs = /^(?:\(\*(?:UTF8?|UCP|NO_JIT|NO_START_OPT|NO_AUTO_POSSESS|NOTEMPTY|LF|BSR_UNICODE)\))+/;
    this.position = verbs.exec(this.pattern)?.[0].length ?? 0;
  }

  /** Reads up to the end of the group or the pattern. */
  private alternatives(): string {
    let out = "";
    for (;;) {
      const item = this.item();
      if (item !== undefined) {
        out += item;
        continue;
      }
      if (this.peek() !== "|") return out;
      this.position++;
      out += "|";
    }
  }

  /** As `alternatives`, in `(?|`: each one counts its groups from the same number. */
  private resettingAlternatives(): string {
    const first = this.lastGroup;
    let highest = first;
    let out = "";
    for (;;) {
      const item = this.item();
      if (item !== undefined) {
        out += item;
        continue;
      }
      highest = Math.max(highest, this.lastGroup);
      if (this.peek() !== "|") break;
      this.position++;
      this.lastGroup = first;
      out += "|";
    }
    this.lastGroup = highest;
    return out;
  }

  /** One item with its quantifier; undefined in front of `|`, `)` and the end. Empty for comments and options. */
  private item(): string | undefined {
    const { pattern } = this;
    const ch = this.peek();
    if (ch === "" || ch === "|" || ch === ")") return undefined;
    if (this.skipIgnored()) return "";
    if (pattern.startsWith("\\Q", this.position)) return this.quoted();
    this.position++;
    switch (ch) {
      case "^":
        return this.options.multiLine ? LINE_START : this.start();
      case "$":
        return this.options.multiLine ? LINE_END : END_OR_FINAL_NEWLINE;
      case ".":
        return this.quantified(this.options.dotAll ? ANY_BYTE : setSource(complement(NEWLINE)), false);
      case "[":
        return this.quantified(this.characterClass(), false);
      case "\\":
        return this.escape();
      case "(":
        return this.group();
      case "*":
      case "+":
      case "?":
        return this.fault(ERROR.nothingToRepeat, this.position - 1);
      case "{": {
        this.position--;
        if (this.braces() !== undefined) return this.fault(ERROR.nothingToRepeat, this.position - 1);
        this.position++;
        return this.quantified(this.literal(ch.charCodeAt(0)), false);
      }
      default:
        return this.quantified(this.literal(ch.charCodeAt(0)), false);
    }
  }

  private start(): string {
    return this.depth === 0 ? START : START_IN_GROUP;
  }

  private literal(byte: number): string {
    if (!this.options.caseless) return byteSource(byte);
    return setSource(caselessSet(bytesOf(String.fromCharCode(byte))));
  }

  private set(set: ByteSet): string {
    return setSource(this.options.caseless ? caselessSet(set) : set);
  }

  /** `\Q...\E`: a quantifier after it takes the last character. */
  private quoted(): string {
    const end = this.pattern.indexOf("\\E", this.position + 2);
    const text = this.pattern.slice(this.position + 2, end < 0 ? this.pattern.length : end);
    this.position = end < 0 ? this.pattern.length : end + 2;
    const parts = Array.from(text, (ch) => this.literal(ch.charCodeAt(0)));
    const last = parts.pop();
    return last === undefined ? "" : parts.join("") + this.quantified(last, false);
  }

  private characterClass(): string {
    // Perl's words for the bounds of words.
    for (const [word, source] of WORD_BOUNDS) {
      if (this.pattern.startsWith(word, this.position)) {
        this.position += word.length;
        return source;
      }
    }
    const reader = new ClassReader(this.pattern, this.position, this.options.extendedMore);
    const set = reader.read();
    if (typeof set === "string") return this.fault(set, reader.position);
    this.position = reader.position;
    const folded = this.options.caseless ? caselessSet(set) : set;
    return setSource(reader.negated ? complement(folded) : folded);
  }

  private escape(): string {
    const ch = this.peek();
    if (ch === "") this.fault(ERROR.backslashAtEnd, this.position);
    const reference = this.backReference();
    if (reference !== undefined) return this.quantified(reference, false);
    const set = CLASS_ESCAPES.get(ch);
    if (set !== undefined) {
      this.position++;
      return this.quantified(this.set(set), false);
    }
    // Matching always begins at the start of the subject, so \G is \A.
    if (ch === "A" || ch === "G") {
      this.position++;
      return this.start();
    }
    const assertion = SIMPLE_ASSERTIONS.get(ch);
    if (assertion !== undefined) {
      this.position++;
      return assertion;
    }
    const atom = SIMPLE_ESCAPES.get(ch);
    if (atom !== undefined) {
      this.position++;
      return this.quantified(atom, false);
    }
    if (ch === "K" || ch === "X" || ch === "p" || ch === "P") {
      this.fault(`\\${ch} is not supported by hopway`, this.position + 1);
    }
    const escaped: EscapedByte = readEscapedByte(this.pattern, this.position);
    this.position = escaped.end;
    if (escaped.reason !== undefined) return this.fault(escaped.reason, escaped.end);
    return this.quantified(this.literal(escaped.byte), false);
  }

  /** `\1`, `\g{-1}`, `\k<name>`; undefined if it is something else. */
  private backReference(): string | undefined {
    const rest = this.pattern.slice(this.position);
    const number = /^[1-9][0-9]*/.exec(rest)?.[0];
    if (number !== undefined) {
      // Two digits and more are octal unless that many groups have been opened.
      if (Number(number) > 9 && Number(number) > this.lastGroup && !/^[89]/.test(number)) return undefined;
      this.position += number.length;
      return this.reference(Number(number), this.position - 1);
    }
    const relative = /^g(?:\{([+-]?[0-9]+)\}|([+-]?[0-9]+))/.exec(rest);
    if (relative !== null) {
      this.position += relative[0].length;
      const digits = relative[1] ?? relative[2] ?? "";
      const signed = /^[+-]/.test(digits);
      const target = Number(digits) + (signed ? this.lastGroup + (digits.startsWith("-") ? 1 : 0) : 0);
      return this.reference(target, target < 1 ? this.position : this.position - 1);
    }
    const named = /^(?:k<(\w+)>|k'(\w+)'|k\{(\w+)\}|g\{(\w+)\})/.exec(rest);
    if (named !== null) {
      const nameStart = this.position + 2;
      this.position += named[0].length;
      return this.reference(named[1] ?? named[2] ?? named[3] ?? named[4] ?? "", nameStart);
    }
    if (/^g[<']/.test(rest)) this.fault(NO_RECURSION, this.position + 1);
    if (/^(?:k[<'{]|g\{)/.test(rest)) this.fault(ERROR.nameExpected, this.position + 2);
    if (rest.startsWith("k")) this.fault(ERROR.badNameReference, this.position + 1);
    if (rest.startsWith("g")) this.fault(ERROR.badReference, this.position + 1);
    if (rest.startsWith("N{")) {
      this.fault(rest.startsWith("N{U+") ? ERROR.unicodeOnly : ERROR.unsupportedEscape, this.position + 1);
    }
    return undefined;
  }

  private reference(target: number | string, offset: number): string {
    if (typeof target === "number" && target < 1) return this.fault(ERROR.noSuchGroup, offset);
    this.references.push({ target, offset });
    const mark = typeof target === "number" ? `<R${target}>` : `<N${target}>`;
    return this.options.caseless ? `(?i:${mark})` : mark;
  }

  private group(): string {
    if (++this.depth > MAX_NESTING) this.fault(ERROR.tooDeep, this.position);
    const outerOptions = { ...this.options };
    const atom = this.groupBody(this.position);
    this.depth--;
    if (atom === undefined) return "";
    this.options = outerOptions;
    return this.quantified(atom.source, atom.wrap);
  }

  private groupBody(open: number): Atom | undefined {
    const rest = this.pattern.slice(open);
    if (/^\*[A-Za-z:]/.test(rest)) return this.verb(rest);
    if (!rest.startsWith("?")) {
      return this.options.noAutoCapture ? this.closed("(?:", "alternatives") : this.capture(undefined);
    }
    const name = /^\?(?:P?<(?![=!])|')/.exec(rest);
    if (name !== null) return this.capture(this.groupName(open + name[0].length, name[0].endsWith("'") ? "'" : ">"));
    const assertion = /^\?(=|!|<=|<!)/.exec(rest)?.[1];
    if (assertion !== undefined) {
      this.position += 1 + assertion.length;
      return this.assertion(assertion);
    }
    if (rest.startsWith("?P=")) {
      const nameStart = open + 3;
      return { source: this.reference(this.groupName(nameStart, ")"), nameStart), wrap: false };
    }
    if (/^\?P[^>]/.test(rest)) this.fault(ERROR.unknownAfterP, open + 2);
    switch (rest.charAt(1)) {
      case ":":
        this.position += 2;
        return this.closed("(?:", "alternatives");
      case "|":
        this.position += 2;
        return this.closed("(?:", "resettingAlternatives");
      case ">":
        this.position += 2;
        return this.atomicGroup();
      case "(":
        return this.fault("conditional groups are not supported by hopway", open + 2);
      case "C":
        return this.fault("callouts are not supported by hopway", open + 2);
    }
    if (/^\?(?:R|&|P>|[+-]?[0-9])/.test(rest)) return this.fault(NO_RECURSION, open + 2);
    return this.optionGroup(open + 1);
  }

  /** `(?i)`, `(?i-s:...)`, `(?^)`. */
  private optionGroup(start: number): Atom | undefined {
    this.position = start;
    let on = true;
    if (this.peek() === "^") {
      this.position++;
      for (const letter of "imsxn") this.setOption(letter, false);
    }
    for (;;) {
      const ch = this.peek();
      if (ch === "") return this.fault(ERROR.unclosed, this.position);
      this.position++;
      if (ch === ")") return undefined;
      if (ch === ":") return this.closed("(?:", "alternatives");
      if (ch === "-" && on) {
        on = false;
      } else if (OPTION_LETTERS.includes(ch)) {
        this.setOption(ch, on);
        if (ch === "x") {
          this.options.extendedMore = on && this.peek() === "x";
          if (this.peek() === "x") this.position++;
        }
      } else {
        return this.fault(ch === "-" ? ERROR.badHyphen : ERROR.unknownGroup, this.position - 1);
      }
    }
  }

  private setOption(letter: string, on: boolean): void {
    const { options } = this;
    switch (letter) {
      case "i":
        options.caseless = on;
        break;
      case "m":
        options.multiLine = on;
        break;
      case "s":
        options.dotAll = on;
        break;
      case "x":
        options.extended = on;
        options.extendedMore = false;
        break;
      case "n":
        options.noAutoCapture = on;
        break;
      case "U":
        options.ungreedy = on;
        break;
      case "J":
        options.duplicateNames = on;
        break;
    }
  }

  private verb(rest: string): Atom {
    const word = /^\*(\w+):/.exec(rest)?.[1];
    const kind = word === undefined ? undefined : ALPHABETIC_GROUPS.get(word);
    if (word === undefined || kind === undefined) {
      const letters = /^\*([a-z]\w*)/.exec(rest)?.[0];
      if (letters !== undefined) this.fault(ERROR.unknownAssertion, this.position + letters.length);
      return this.fault("(*VERB) is not supported by hopway", this.position + 1);
    }
    this.position += word.length + 2;
    return kind === ">" ? this.atomicGroup() : this.assertion(kind);
  }

  private assertion(kind: string): Atom {
    const behind = kind.startsWith("<");
    if (behind) this.lookbehinds++;
    const source = this.closed(`(${ASSERTIONS.get(kind)}`, "alternatives", true);
    if (behind) this.lookbehinds--;
    return source;
  }

  private groupName(start: number, terminator: string): string {
    const name = /^\w*/.exec(this.pattern.slice(start))?.[0] ?? "";
    const end = start + name.length;
    if (name === "") this.fault(ERROR.nameExpected, start);
    if (/^[0-9]/.test(name)) this.fault(ERROR.nameStartsWithDigit, start);
    if (name.length > MAX_NAME) this.fault(ERROR.nameTooLong, start + MAX_NAME + 1);
    if (this.pattern.charAt(end) !== terminator) this.fault(ERROR.nameNotTerminated, end);
    this.position = end + 1;
    return name;
  }

  private capture(name: string | undefined): Atom {
    const number = ++this.lastGroup;
    const id = this.nextId++;
    const ids = this.groups[number - 1];
    if (ids === undefined) this.groups.push([id]);
    else ids.push(id);
    if (name !== undefined) this.nameGroup(name, number);
    return this.closed(`(<G${id}>`, "alternatives");
  }

  private nameGroup(name: string, number: number): void {
    for (const [other, numbers] of this.names) {
      if (other !== name && numbers.includes(number)) this.fault(ERROR.differentNames, this.position);
    }
    const numbers = this.names.get(name);
    if (numbers === undefined) {
      this.names.set(name, [number]);
    } else if (!numbers.includes(number)) {
      if (!this.options.duplicateNames) this.fault(ERROR.duplicateName, this.position);
      numbers.push(number);
    }
  }

  private atomicGroup(): Atom {
    return { source: this.atomic(this.inside("alternatives")), wrap: true };
  }

  /** What matched once is not given back: a lookahead does not backtrack, and a reference to its group repeats the match. */
  private atomic(source: string): string {
    if (this.lookbehinds > 0) {
      this.fault(
        "atomic groups and possessive quantifiers inside a lookbehind are not supported by hopway",
        this.position,
      );
    }
    const id = this.nextId++;
    return `(?=(<G${id}>${source}))<A${id}>`;
  }

  private closed(open: string, how: "alternatives" | "resettingAlternatives", wrap = false): Atom {
    return { source: `${open}${this.inside(how)})`, wrap };
  }

  private inside(how: "alternatives" | "resettingAlternatives"): string {
    const source = this[how]();
    if (this.peek() !== ")") this.fault(ERROR.unclosed, this.position);
    this.position++;
    return source;
  }

  /** Adds the quantifier that follows, if any. `wrap` for what JavaScript does not repeat as it stands. */
  private quantified(source: string, wrap: boolean): string {
    while (this.skipIgnored());
    const ch = this.peek();
    let quantifier: string | undefined;
    if (ch === "*" || ch === "+" || ch === "?") {
      quantifier = ch;
      this.position++;
    } else if (ch === "{") {
      quantifier = this.braces();
    }
    if (quantifier === undefined) return source;
    const atom = wrap ? `(?:${source})` : source;
    const mode = this.peek();
    if (mode === "+") {
      this.position++;
      return this.atomic(quantifier === "?" ? `(?:${source}|)` : atom + quantifier);
    }
    const lazy = (mode === "?") !== this.options.ungreedy;
    if (mode === "?") this.position++;
    if (quantifier === "?" && source.startsWith("(")) {
      // JavaScript would refuse an empty match of the group and look for a longer one.
      return lazy ? `(?:|${source})` : `(?:${source}|)`;
    }
    return atom + quantifier + (lazy ? "?" : "");
  }

  /** Takes `{2}`, `{2,}` or `{2,5}`; undefined where the brace is an ordinary character. */
  private braces(): string | undefined {
    const match = /^\{([0-9]+)(,([0-9]*))?\}/.exec(this.pattern.slice(this.position));
    if (match === null) return undefined;
    const [all, min = "", comma, max = ""] = match;
    const minEnd = this.position + 1 + min.length;
    if (Number(min) > MAX_REPEAT) this.fault(ERROR.repeatTooBig, minEnd);
    if (Number(max) > MAX_REPEAT) this.fault(ERROR.repeatTooBig, minEnd + 1 + max.length);
    if (max !== "" && Number(max) < Number(min)) this.fault(ERROR.repeatOutOfOrder, this.position + all.length - 1);
    this.position += all.length;
    return `{${Number(min)}${comma === undefined ? "" : `,${max === "" ? "" : Number(max)}`}}`;
  }

  /** Skips what may stand between an item and its quantifier: a comment, an empty quotation, blanks under `(?x)`. */
  private skipIgnored(): boolean {
    const { pattern, position } = this;
    if (pattern.startsWith("(?#", position)) {
      const end = pattern.indexOf(")", position);
      if (end < 0) this.fault(ERROR.missingCommentClose, pattern.length);
      this.position = end + 1;
    } else {
      const ignored = this.options.extended ? IGNORED_EXTENDED : IGNORED;
      ignored.lastIndex = position;
      this.position += ignored.exec(pattern)?.[0].length ?? 0;
    }
    return this.position > position;
  }

  private peek(): string {
    return this.pattern.charAt(this.position);
  }

  private fault(reason: string, offset: number): never {
    throw new RegexFault(reason, offset);
  }
}

const IGNORED = /(?:\\Q)?\\E/y;
const IGNORED_EXTENDED = /(?:\\Q)?\\E|[\t\n\v\f\r ]+|#[^\n]*\n?/y;
const NO_RECURSION = "recursion and subroutine calls are not supported by hopway";
const WORD_BOUNDS: readonly [string, string][] = [
  ["[:<:]]", "\\b(?=\\w)"],
  ["[:>:]]", "\\b(?<=\\w)"],
];
const SIMPLE_ASSERTIONS: ReadonlyMap<string, string> = new Map([
  ["b", "\\b"],
  ["B", "\\B"],
  ["z", END],
  ["Z", END_OR_FINAL_NEWLINE],
]);
const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["C", ANY_BYTE],
  ["N", setSource(complement(NEWLINE))],
  ["R", ANY_NEWLINE],
]);
